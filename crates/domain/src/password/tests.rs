use proptest::prelude::*;

use super::*;

/// IVR-5: a temporary password is exactly eight digits.
#[test]
fn temporary_passwords_are_eight_digits() {
    assert_eq!(
        TemporaryPassword::parse("01234567").unwrap().expose(),
        b"01234567"
    );
    for keys in [
        "",
        "1234567",
        "123456789",
        "1234567a",
        "1234567#",
        "1234*678",
        "１２３４５６７８",
        " 1234567",
    ] {
        assert!(TemporaryPassword::parse(keys).is_err(), "{keys}");
    }
}

/// LOGIN-5: a login accepts any text of 1 to 64 bytes as a password to try.
#[test]
fn any_text_up_to_64_bytes_may_be_typed() {
    assert!(TypedPassword::parse("パスワード").is_ok());
    assert!(TypedPassword::parse(&"x".repeat(64)).is_ok());
    assert!(TypedPassword::parse("").is_err());
    assert!(TypedPassword::parse(&"x".repeat(65)).is_err());
}

/// PW-1: a new password has 8 to 12 half-width letters and digits, and not only digits. Every violated rule is reported.
#[test]
fn the_policy_reports_every_violated_rule() {
    use PolicyRule::{Characters, DigitsOnly, Length};
    let policy = PasswordPolicy::default();
    for (typed, broken) in [
        ("abcdefg1", vec![]),
        ("Abcdefgh1234", vec![]),
        ("abcdefgh", vec![]),
        ("password", vec![]),
        ("abcdef1", vec![Length]),
        ("abcdefgh12345", vec![Length]),
        ("abcd-efg1", vec![Characters]),
        ("ａｂｃｄｅｆｇ１", vec![Characters]),
        ("abc", vec![Length]),
        ("", vec![Length]),
        ("12345678", vec![DigitsOnly]),
        ("1234567", vec![Length, DigitsOnly]),
        ("パスワード", vec![Length, Characters]),
    ] {
        let outcome = NewPassword::parse(typed, &policy);
        assert_eq!(outcome.err().unwrap_or_default(), broken, "{typed}");
    }
}

/// PW-1: passwords are case-sensitive.
#[test]
fn passwords_are_case_sensitive() {
    let policy = PasswordPolicy::default();
    let small = NewPassword::parse("abcdefg1", &policy).unwrap();
    assert_ne!(small, NewPassword::parse("Abcdefg1", &policy).unwrap());
    assert_eq!(small, NewPassword::parse("abcdefg1", &policy).unwrap());
}

/// PW-6: if the setting is on, common passwords are refused, regardless of upper and lower case.
#[test]
fn common_passwords_are_refused_if_set() {
    let policy = PasswordPolicy {
        refuses_common: true,
        ..PasswordPolicy::default()
    };
    assert_eq!(
        NewPassword::parse("PassWord1", &policy).err(),
        Some(vec![PolicyRule::Common])
    );
    assert!(NewPassword::parse("uncommon77", &policy).is_ok());
}

/// PW-1: the policy is a setting; unknown keys are refused.
#[test]
fn the_policy_is_a_setting() {
    let policy: PasswordPolicy = serde_json::from_str(r#"{"max_length": 64}"#).unwrap();
    assert_eq!(
        policy,
        PasswordPolicy {
            max_length: 64,
            ..PasswordPolicy::default()
        }
    );
    assert!(serde_json::from_str::<PasswordPolicy>(r#"{"max": 64}"#).is_err());
}

/// INV-8: Debug output of a password type never contains the password.
#[test]
fn passwords_are_not_printed() {
    let temporary = TemporaryPassword::parse("13572468").unwrap();
    let typed = TypedPassword::parse("canary-secret").unwrap();
    let new = NewPassword::parse("canary123", &PasswordPolicy::default()).unwrap();
    assert_eq!(format!("{temporary:?}"), "TemporaryPassword(..)");
    assert_eq!(format!("{typed:#?}"), "TypedPassword(..)");
    assert_eq!(format!("{new:?}"), "NewPassword(..)");
}

proptest! {
    /// PW-1: the policy allows exactly the passwords with 8 to 12 letters and digits and at least one letter.
    #[test]
    fn the_policy_is_exact(typed in "[a-zA-Z0-9]{6,14}|[0-9]{7,13}|\\PC{7,13}") {
        let admitted = NewPassword::parse(&typed, &PasswordPolicy::default()).is_ok();
        let expected = (8..=12).contains(&typed.len())
            && typed.chars().all(|c| c.is_ascii_alphanumeric())
            && typed.chars().any(|c| c.is_ascii_alphabetic());
        prop_assert_eq!(admitted, expected);
    }
}
