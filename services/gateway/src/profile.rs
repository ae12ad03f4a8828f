//! `[profile]`: the information about the operator that the site shows (SITE-1).

use aikagi_api::edge::v1::{GetProfileResponse, LocalText, ServiceLink};
use http::Uri;
use http::uri::Authority;
use serde::Deserialize;

/// The maximum number of characters in one text.
const LONGEST: usize = 500;

/// The part of a service's address that a telephone number replaces (SITE-9).
const NUMBER: &str = "{number}";

/// A number in the place of [`NUMBER`], to check an address.
const ANY_NUMBER: &str = "0312345678";

/// `[profile]`: the operator's own texts and links. If a text or a link is not set, the site does not show it
/// (SITE-1).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProfileSettings {
    /// The name of the operator.
    pub operator: Option<BothLanguages>,
    /// The name of the site.
    pub site_name: Option<BothLanguages>,
    /// The number that a subscriber dials to set a temporary password, in the form in which the site shows it.
    pub setting_number: Option<DialledNumber>,
    /// True if the subscriber pays for the call to the setting number.
    pub setting_call_charged: Option<bool>,
    /// The title of the document that names the contract number.
    pub contract_document: Option<BothLanguages>,
    /// The recommended environments. Each text names an operating system and its browsers.
    pub environments: Vec<BothLanguages>,
    /// The costs of communication, such as packet charges.
    pub charges: Option<BothLanguages>,
    /// The contact from which subscribers get help.
    pub contact: Option<BothLanguages>,
    /// The services whose settings a subscriber can change.
    pub services: Vec<ServiceLinkSettings>,
}

/// A text in both languages of the site.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BothLanguages {
    /// In Japanese.
    pub ja: ShownText,
    /// In English.
    pub en: ShownText,
}

/// A link to a service whose settings a subscriber can change.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceLinkSettings {
    /// The name of the service.
    pub name: BothLanguages,
    /// The address of the service's pages, or of its pages for one number (SITE-9).
    pub url: ServiceAddress,
}

/// A text that the site shows: one line with 1 to 500 characters.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ShownText(String);

/// A number to dial: digits, with optional hyphens between them and optional `#` or `*` before them. 3 to 20
/// characters.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct DialledNumber(String);

/// An `https` address without a user name. Once, after the host, it can contain `{number}`. A client replaces this part
/// by a telephone number (SITE-9).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ServiceAddress(String);

/// The error for a value that the site cannot show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// The text is empty, too long, or has control characters.
    #[error("must be one line of 1 to {LONGEST} characters")]
    Text,
    /// The text is not a number to dial.
    #[error("must be a number to dial, such as 0120-000-000")]
    Number,
    /// The text is not an `https` address, or has braces that are not one `{number}` after the host.
    #[error(
        "must be an address such as https://example.jp/settings, or https://example.jp/settings?number={{number}}"
    )]
    Address,
}

impl TryFrom<String> for ShownText {
    type Error = ProfileError;

    fn try_from(text: String) -> Result<Self, ProfileError> {
        let is_shown = !text.trim().is_empty()
            && text.chars().count() <= LONGEST
            && !text.chars().any(char::is_control);
        is_shown.then_some(Self(text)).ok_or(ProfileError::Text)
    }
}

impl TryFrom<String> for DialledNumber {
    type Error = ProfileError;

    fn try_from(text: String) -> Result<Self, ProfileError> {
        let digits = text.trim_start_matches(['#', '*']);
        let is_number = (3..=20).contains(&text.len())
            && digits.starts_with(|c: char| c.is_ascii_digit())
            && digits.ends_with(|c: char| c.is_ascii_digit())
            && digits.chars().all(|c| c.is_ascii_digit() || c == '-');
        is_number.then_some(Self(text)).ok_or(ProfileError::Number)
    }
}

impl TryFrom<String> for ServiceAddress {
    type Error = ProfileError;

    fn try_from(text: String) -> Result<Self, ProfileError> {
        let host = secure_host(&text.replacen(NUMBER, ANY_NUMBER, 1))?;
        if let Some((before, _after)) = text.split_once(NUMBER)
            && secure_host(before)? != host
        {
            return Err(ProfileError::Address);
        }
        Ok(Self(text))
    }
}

/// Returns the host and the port of an `https` address without a user name and without braces.
fn secure_host(address: &str) -> Result<Authority, ProfileError> {
    let uri: Uri = address
        .parse()
        .map_err(|_malformed| ProfileError::Address)?;
    let is_secure = uri.scheme_str() == Some("https") && !address.contains(['{', '}']);
    uri.into_parts()
        .authority
        .filter(|authority| is_secure && !authority.as_str().contains('@'))
        .ok_or(ProfileError::Address)
}

impl BothLanguages {
    fn message(&self) -> LocalText {
        LocalText {
            ja: self.ja.0.clone(),
            en: self.en.0.clone(),
        }
    }
}

impl ProfileSettings {
    /// Converts the profile to the message that subscribers get.
    pub(crate) fn message(&self) -> GetProfileResponse {
        let text = |text: &Option<BothLanguages>| text.as_ref().map(BothLanguages::message);
        GetProfileResponse {
            operator: text(&self.operator),
            site: text(&self.site_name),
            setting_number: self
                .setting_number
                .as_ref()
                .map(|number| number.0.clone())
                .unwrap_or_default(),
            setting_call_charged: self.setting_call_charged,
            contract_document: text(&self.contract_document),
            environments: self
                .environments
                .iter()
                .map(BothLanguages::message)
                .collect(),
            charges: text(&self.charges),
            contact: text(&self.contact),
            services: self
                .services
                .iter()
                .map(|service| ServiceLink {
                    name: Some(service.name.message()),
                    url: service.url.0.clone(),
                })
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = r#"
        operator = { ja = "南電話", en = "South Telephone" }
        site_name = { ja = "電話設定", en = "Telephone settings" }
        setting_number = "0120-000-111"
        setting_call_charged = false
        contract_document = { ja = "開通のご案内", en = "Notice of opening" }
        environments = [{ ja = "Windows 11：Edge", en = "Windows 11: Edge" }]
        charges = { ja = "通信料がかかります。", en = "Data is charged." }
        contact = { ja = "お客さま窓口 113", en = "Customer desk 113" }
        services = [{ name = { ja = "転送", en = "Forwarding" }, url = "https://example.jp/forward?number={number}" }]
    "#;

    /// SITE-1: each part of the profile is a setting. An unset part is absent from the message.
    #[test]
    fn an_unset_part_is_absent() {
        let whole: ProfileSettings = toml::from_str(WHOLE).unwrap();
        let message = whole.message();
        assert_eq!(message.operator.unwrap().en, "South Telephone");
        assert_eq!(message.setting_number, "0120-000-111");
        assert_eq!(message.setting_call_charged, Some(false));
        assert_eq!(message.services.len(), 1);
        let nothing: ProfileSettings = toml::from_str("").unwrap();
        assert_eq!(nothing.message(), GetProfileResponse::default());
    }

    /// SITE-1: a value that the site cannot show is refused at start.
    #[test]
    fn values_that_cannot_be_shown_are_refused() {
        for (good, bad) in [
            ("\"南電話\"", "\" \""),
            ("\"South Telephone\"", "\"two\\nlines\""),
            ("0120-000-111", "0120-"),
            ("0120-000-111", "call us"),
            ("https://example.jp/", "http://example.jp/"),
            (
                "https://example.jp/forward?number=",
                "javascript:alert(1)//",
            ),
            ("https://example.jp/", "https://user@example.jp/"),
            ("setting_number", "seting_number"),
            (", en = \"Telephone settings\"", ""),
        ] {
            let text = WHOLE.replace(good, bad);
            assert!(toml::from_str::<ProfileSettings>(&text).is_err(), "{bad}");
        }
    }

    /// SITE-9: an address can contain `{number}` once, after its host. Any other address is refused at start.
    #[test]
    fn an_address_has_one_place_for_the_number_after_its_host() {
        let accepts = |text: &str| ServiceAddress::try_from(text.to_owned()).is_ok();
        for good in [
            "https://example.jp",
            "https://example.jp/forward",
            "https://example.jp:8443/forward?number={number}",
            "https://example.jp?{number}",
            "https://example.jp/{number}/forward",
            "https://example.jp/forward#{number}",
        ] {
            assert!(accepts(good), "{good}");
        }
        for bad in [
            "https://{number}",
            "https://{number}.example.jp/",
            "https://example.jp{number}/",
            "https://example.jp:{number}/",
            "https://example.jp/{number}/{number}",
            "https://example.jp/forward?number={nummer}",
            "https://example.jp/forward?number={number",
            "https://example.jp/forward?number=number}",
            "{number}",
            "http://example.jp/{number}",
            "//example.jp/{number}",
        ] {
            assert!(!accepts(bad), "{bad}");
        }
    }
}
