//! The limits of attempts for each client address, in all (LOGIN-8) and at one number (LOGIN-9).

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use aikagi_domain::duration_text;
use aikagi_domain::limit::Quota;
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_mesh::clock::SharedClock;
use aikagi_refusal::{ErrorReason, Failure, Refusal};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use ipnet::IpNet;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::shedding::SheddingSettings;

/// The prefix length of one subscriber's IPv6 network. All addresses of that network share one limit.
const IPV6_PREFIX: u8 = 64;
/// The prefix length of the IPv6 networks that many providers give to one household. For refused logins at one number, all
/// addresses of such a network share one limit.
const IPV6_HOUSEHOLD: u8 = 56;

/// `[limits]`: the limits of attempts for each client address (LOGIN-8).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitSettings {
    /// The limit of an address without an override. The default is 10 attempts in a row. All of them are available
    /// again after 5 minutes without an attempt.
    #[serde(default = "default_attempts")]
    pub attempts: Quota,
    /// The refused logins of an address at one number (LOGIN-9). The default is 15 in a row, and then one every 24
    /// minutes. The limit does not apply to networks with an override.
    #[serde(default = "default_attempts_at_number")]
    pub attempts_at_number: Quota,
    /// Limits for the addresses of certain networks, such as networks of many subscribers.
    #[serde(default)]
    pub overrides: Vec<Override>,
    /// Which logins the edge itself refuses while authentication is overloaded (OPS-8).
    #[serde(default)]
    pub shedding: SheddingSettings,
}

/// The limit of each address of a network. If several networks contain an address, the smallest network decides.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Override {
    /// The network, such as `10.0.0.0/8`.
    pub network: IpNet,
    /// The maximum number of attempts in a row, after a period without attempts.
    pub burst: u32,
    /// The time without attempts after which the whole burst is available again.
    #[serde(with = "duration_text")]
    pub period: TimeDelta,
}

fn default_attempts() -> Quota {
    Quota {
        burst: 10,
        period: TimeDelta::minutes(5),
    }
}

fn default_attempts_at_number() -> Quota {
    Quota {
        burst: 15,
        period: TimeDelta::hours(6),
    }
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self {
            attempts: default_attempts(),
            attempts_at_number: default_attempts_at_number(),
            overrides: Vec::new(),
            shedding: SheddingSettings::default(),
        }
    }
}

impl LimitSettings {
    /// The key under which the attempts of an address are counted, and the quota of the address.
    fn for_address(&self, address: IpAddr) -> (String, Quota) {
        let longest = self
            .overrides
            .iter()
            .filter(|limit| limit.network.contains(&address))
            .max_by_key(|limit| limit.network.prefix_len());
        let quota = longest.map_or_else(
            || self.attempts.clone(),
            |limit| Quota {
                burst: limit.burst,
                period: limit.period,
            },
        );
        let prefix = longest.map_or(IPV6_PREFIX, |limit| {
            limit.network.prefix_len().max(IPV6_PREFIX)
        });
        (key_of(address, prefix), quota)
    }

    /// The key under which the refused logins of an address at a number are counted. It is a digest, so that a dump of
    /// Redis does not list who tried which number. `None` if the address is in a network with an override. Many
    /// subscribers share it, and none may use up the attempts of another.
    fn key_at_number(&self, address: IpAddr, number: &TelephoneNumber) -> Option<String> {
        let mut shared = self.overrides.iter();
        if shared.any(|limit| limit.network.contains(&address)) {
            return None;
        }
        let address = key_of(address, IPV6_HOUSEHOLD);
        let pair = format!("{address} {}", number.as_str());
        Some(URL_SAFE_NO_PAD.encode(Sha256::digest(pair)))
    }
}

/// The key of an address: the IPv4 address itself, or the network of an IPv6 address. So the owner of an IPv6 network
/// cannot get more attempts with new addresses, and cannot fill the store with keys.
fn key_of(address: IpAddr, ipv6_prefix: u8) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let mask = u128::MAX
                .checked_shl(128 - u32::from(ipv6_prefix))
                .unwrap_or(0);
            let network = Ipv6Addr::from_bits(address.to_bits() & mask);
            format!("{network}/{ipv6_prefix}")
        }
    }
}

/// Limits the attempts of each client address.
#[derive(Debug, Clone)]
pub(crate) struct AttemptLimiter {
    pub(crate) settings: LimitSettings,
    pub(crate) store: aikagi_ttl::TtlStore,
    pub(crate) clock: SharedClock,
}

impl AttemptLimiter {
    /// The attempts of one client address.
    pub(crate) fn of(self: &Arc<Self>, address: IpAddr) -> ClientAttempts {
        ClientAttempts {
            limiter: Arc::clone(self),
            address,
        }
    }
}

/// The attempts of the client of one request.
#[derive(Debug, Clone)]
pub(crate) struct ClientAttempts {
    limiter: Arc<AttemptLimiter>,
    address: IpAddr,
}

impl ClientAttempts {
    /// LOGIN-8: takes an attempt for each password of a request. Returns the number of attempts taken.
    ///
    /// Fails with `TOO_MANY_ATTEMPTS` and the time to wait if the quota is used up. Fails with `UNAVAILABLE` if Redis
    /// does not respond. Without Redis no session can be opened anyway.
    pub(crate) async fn take(&self, passwords: usize) -> Result<u32, Refusal> {
        let (key, quota) = self.limiter.settings.for_address(self.address);
        let passwords = u32::try_from(passwords).unwrap_or(u32::MAX);
        self.take_from(&key, &quota, passwords).await?;
        Ok(quota.counted(passwords))
    }

    /// LOGIN-9: takes an attempt at a number, whether the number exists or not. It fails as [`Self::take`] does.
    pub(crate) async fn take_at(&self, number: &TelephoneNumber) -> Result<(), Refusal> {
        let settings = &self.limiter.settings;
        match settings.key_at_number(self.address, number) {
            Some(key) => self.take_from(&key, &settings.attempts_at_number, 1).await,
            None => Ok(()),
        }
    }

    /// LOGIN-9: returns an attempt at a number that was not refused. It reports a fault as [`Self::refund`] does.
    pub(crate) async fn refund_at(&self, number: &TelephoneNumber) {
        let settings = &self.limiter.settings;
        if let Some(key) = settings.key_at_number(self.address, number) {
            self.refund_to(&key, &settings.attempts_at_number, 1).await;
        }
    }

    async fn take_from(&self, key: &str, quota: &Quota, attempts: u32) -> Result<(), Refusal> {
        let now = self.limiter.clock.now();
        let limits = self.limiter.store.rate_limits();
        match limits.take(key, quota, attempts, now).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(wait)) => Err(Refusal::new(ErrorReason::TooManyAttempts)
                .retry_after(wait.to_std().unwrap_or_default())),
            Err(fault) => Err(Failure::from(fault).into()),
        }
    }

    async fn refund_to(&self, key: &str, quota: &Quota, attempts: u32) {
        let now = self.limiter.clock.now();
        let limits = self.limiter.store.rate_limits();
        if let Err(fault) = limits.refund(key, quota, attempts, now).await {
            Failure::from(fault).report();
        }
    }

    /// LOGIN-8: returns attempts whose passwords were right or were not tried.
    ///
    /// If the store fails, the fault is only reported, because the whole quota is available again after at most two
    /// periods.
    pub(crate) async fn refund(&self, attempts: u32) {
        if attempts == 0 {
            return;
        }
        let (key, quota) = self.limiter.settings.for_address(self.address);
        self.refund_to(&key, &quota, attempts).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(network: &str, burst: u32) -> Override {
        Override {
            network: network.parse().unwrap(),
            burst,
            period: TimeDelta::minutes(1),
        }
    }

    /// LOGIN-8: a network of many subscribers can have its own limit. The smallest network decides.
    #[test]
    fn the_smallest_network_decides() {
        let settings = LimitSettings {
            overrides: vec![
                limit("10.0.0.0/8", 100),
                limit("10.1.2.0/24", 300),
                limit("10.1.0.0/16", 200),
                limit("2001:db8::/32", 400),
                limit("2001:db8::7/128", 500),
            ],
            ..LimitSettings::default()
        };
        for (address, key, burst) in [
            ("192.0.2.1", "192.0.2.1", 10),
            ("10.9.9.9", "10.9.9.9", 100),
            ("10.1.9.9", "10.1.9.9", 200),
            ("10.1.2.9", "10.1.2.9", 300),
            ("2001:db8::1", "2001:db8::/64", 400),
            ("2001:db8::7", "2001:db8::7/128", 500),
            ("2001:db9:1:2:3:4:5:6", "2001:db9:1:2::/64", 10),
        ] {
            let (counted, quota) = settings.for_address(address.parse().unwrap());
            assert_eq!((counted.as_str(), quota.burst), (key, burst), "{address}");
        }
    }

    /// LOGIN-9: at one number, each IPv4 address and each IPv6 /56 has its own limit. Networks of many subscribers have
    /// none. The key shows neither the address nor the number.
    #[test]
    fn an_address_has_a_limit_for_each_number() {
        let settings = LimitSettings {
            overrides: vec![limit("10.0.0.0/8", 100)],
            ..LimitSettings::default()
        };
        let key = |address: &str, number: &str| {
            let number = TelephoneNumber::parse(number).unwrap();
            settings.key_at_number(address.parse().unwrap(), &number)
        };
        let (one, other) = ("03-1234-5678", "03-1234-5679");
        let counted = key("192.0.2.1", one).unwrap();
        assert!(!counted.contains("192.0.2.1") && !counted.contains("0312345678"));
        assert_eq!(key("192.0.2.1", "0312345678"), Some(counted.clone()));
        for (address, number) in [("192.0.2.2", one), ("192.0.2.1", other)] {
            assert_ne!(
                key(address, number),
                Some(counted.clone()),
                "{address} {number}"
            );
        }
        let household = key("2001:db9:1:23ff::1", one);
        assert_eq!(key("2001:db9:1:2300::2", one), household);
        assert_ne!(key("2001:db9:1:2400::2", one), household);
        assert_eq!(key("10.1.2.3", one), None);
    }

    /// LOGIN-8: the limits can be set. An unknown key is refused.
    #[test]
    fn limits_are_read_from_the_settings() {
        let text = "attempts = { burst = 3, period = \"30s\" }\n\
                    overrides = [{ network = \"10.0.0.0/8\", burst = 50, period = \"1m\" }]";
        let settings: LimitSettings = toml::from_str(text).unwrap();
        assert_eq!(settings.attempts.burst, 3);
        assert_eq!(settings.overrides, [limit("10.0.0.0/8", 50)]);
        assert!(toml::from_str::<LimitSettings>("attemps = 3").is_err());
        assert_eq!(
            toml::from_str::<LimitSettings>("").unwrap(),
            LimitSettings::default()
        );
    }
}
