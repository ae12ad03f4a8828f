//! The origins whose pages may use the public port.

use serde::Deserialize;

/// An origin as a browser sends it: scheme, host, and the port if it is not the default of the scheme.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Origin(String);

/// The error for a text that is not an origin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be an origin such as https://localhost:8443, in lower case and without a path")]
pub struct OriginError;

impl TryFrom<String> for Origin {
    type Error = OriginError;

    fn try_from(text: String) -> Result<Self, OriginError> {
        let uri: http::Uri = text.parse().map_err(|_malformed| OriginError)?;
        let (scheme, authority) = uri.scheme_str().zip(uri.authority()).ok_or(OriginError)?;
        let own_port = match scheme {
            "https" => 443,
            "http" => 80,
            _ => return Err(OriginError),
        };
        let (host, port) = (authority.host(), authority.port_u16());
        let port_text = port.map_or_else(String::new, |port| format!(":{port}"));
        let plain = text == format!("{scheme}://{host}{port_text}");
        let lower = !text.bytes().any(|byte| byte.is_ascii_uppercase());
        if plain && lower && port != Some(own_port) {
            Ok(Self(text))
        } else {
            Err(OriginError)
        }
    }
}

impl Origin {
    /// The origin as a browser sends it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An origin must have the form in which a browser sends it, because the edge compares bytes.
    #[test]
    fn only_origins_in_the_form_of_browsers_are_accepted() {
        for good in [
            "https://localhost:8443",
            "https://settings.example.jp",
            "http://localhost:5173",
            "http://[::1]:5173",
        ] {
            assert_eq!(Origin::try_from(good.to_owned()).unwrap().as_str(), good);
        }
        for bad in [
            "",
            "*",
            "null",
            "localhost:8443",
            "https://localhost:8443/",
            "https://example.jp/site",
            "https://Example.jp",
            "https://example.jp:443",
            "https://example.jp:",
            "https://example.jp:08443",
            "https://user@example.jp",
            "ftp://example.jp",
        ] {
            assert!(Origin::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
