use std::net::IpAddr;

use aikagi_gateway::address::of_client;
use http::{HeaderMap, HeaderName, HeaderValue};
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// LOGIN-8: the client address behind proxies. The first line is the peer's address. Each further line is a
/// value of the `x-forwarded-for` header.
pub fn address(bytes: &[u8]) {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let peer = lines.next().and_then(|line| std::str::from_utf8(line).ok());
    let Some(peer) = peer.and_then(|text| text.parse::<IpAddr>().ok()) else {
        return;
    };
    let trusted: [IpNet; 2] =
        ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().expect("the network is valid"));
    let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(address));
    let values: Vec<HeaderValue> = lines
        .filter_map(|line| HeaderValue::from_bytes(line).ok())
        .collect();
    let headers = |values: &[HeaderValue]| -> HeaderMap {
        let named = |value: &HeaderValue| (FORWARDED_FOR, value.clone());
        values.iter().map(named).collect()
    };
    let client = of_client(peer, &headers(&values), &trusted);

    assert_eq!(client, client.to_canonical());
    let own = peer.to_canonical();
    if !is_trusted(&own) {
        assert_eq!(client, own, "the header of an untrusted peer was used");
    }
    // If a client adds entries before the entries of the proxies, the result stays the same.
    if !is_trusted(&client) {
        let claim = HeaderValue::from_static("198.51.100.7, 10.0.0.9");
        let claimed = [&[claim], &values[..]].concat();
        assert_eq!(of_client(peer, &headers(&claimed), &trusted), client);
    }
    // An address that a trusted proxy reports is used.
    if is_trusted(&own) {
        let forwarded = [
            &values[..],
            &[HeaderValue::from_static("[2001:db8::1]:443")],
        ]
        .concat();
        let expected: IpAddr = "2001:db8::1".parse().expect("the address is valid");
        assert_eq!(of_client(peer, &headers(&forwarded), &trusted), expected);
    }
}
