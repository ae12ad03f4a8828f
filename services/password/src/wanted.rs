//! What a change asks for: decided from what was typed alone, before any password is charged.

use aikagi_domain::password::{NewPassword, PasswordPolicy, PolicyRule, TypedPassword};
use aikagi_refusal::{ErrorReason, Refusal};

/// PW-1, PW-2, PW-6: the new password, if it was typed twice alike, keeps the policy and is another one than
/// the current one as it was typed.
pub(crate) fn new_password(
    typed: &str,
    again: &str,
    current: &TypedPassword,
    policy: &PasswordPolicy,
) -> Result<NewPassword, Refusal> {
    if typed != again {
        return Err(Refusal::new(ErrorReason::PasswordMismatch)
            .field("new_password_confirmation", "differs from new_password"));
    }
    let new = NewPassword::parse(typed, policy).map_err(|broken| breaks_policy(&broken, policy))?;
    if new.expose() == current.expose() {
        return Err(Refusal::new(ErrorReason::PasswordReused)
            .field("new_password", "the same as current_password"));
    }
    Ok(new)
}

fn breaks_policy(broken: &[PolicyRule], policy: &PasswordPolicy) -> Refusal {
    let names: Vec<&str> = broken.iter().map(|rule| rule.as_str()).collect();
    let refusal = Refusal::new(ErrorReason::PasswordPolicy)
        .with("rules", names.join(","))
        .saying("min_length", policy.min_length)
        .saying("max_length", policy.max_length);
    broken.iter().fold(refusal, |refusal, rule| {
        refusal.field("new_password", describe(*rule))
    })
}

fn describe(rule: PolicyRule) -> &'static str {
    match rule {
        PolicyRule::Length => "too short or too long",
        PolicyRule::Characters => "something else than half-width letters and digits",
        PolicyRule::DigitsOnly => "digits alone",
        PolicyRule::Common => "one of the best-known passwords",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide(typed: &str, again: &str) -> Result<NewPassword, Refusal> {
        let current = TypedPassword::parse("Current01").unwrap();
        new_password(typed, again, &current, &PasswordPolicy::default())
    }

    /// PW-1, PW-2: typed twice alike, by the policy, and another one than the current one; the first that is
    /// not so is the reason.
    #[test]
    fn a_new_password_is_decided_on_before_anything_is_charged() {
        assert!(decide("Another02", "Another02").is_ok());
        for (typed, again, reason) in [
            ("Another02", "another02", ErrorReason::PasswordMismatch),
            ("short", "other", ErrorReason::PasswordMismatch),
            ("short", "short", ErrorReason::PasswordPolicy),
            ("", "", ErrorReason::PasswordPolicy),
            ("12345678", "12345678", ErrorReason::PasswordPolicy),
            ("Current01", "Current01", ErrorReason::PasswordReused),
        ] {
            assert_eq!(decide(typed, again).unwrap_err().reason(), reason);
        }
    }

    /// PW-1: the refusal lists every rule that is broken.
    #[test]
    fn every_broken_rule_is_told() {
        let expected = Refusal::new(ErrorReason::PasswordPolicy)
            .with("rules", "LENGTH,CHARACTERS")
            .saying("min_length", 8)
            .saying("max_length", 12)
            .field("new_password", "too short or too long")
            .field(
                "new_password",
                "something else than half-width letters and digits",
            );
        assert_eq!(decide("ab_1", "ab_1").unwrap_err(), expected);
    }
}
