//! The checks of a new password that need only the request. They run before an attempt is charged.

use aikagi_domain::password::{NewPassword, PasswordPolicy, PolicyRule, TypedPassword};
use aikagi_refusal::{ErrorReason, Refusal};

/// PW-1, PW-2, PW-6: reads the new password. It must equal its confirmation, follow the policy, and differ from the
/// typed current password.
pub(crate) fn parse_new_password(
    typed: &str,
    confirmation: &str,
    current: &TypedPassword,
    policy: &PasswordPolicy,
) -> Result<NewPassword, Refusal> {
    if typed != confirmation {
        return Err(Refusal::new(ErrorReason::PasswordMismatch)
            .field("new_password_confirmation", "differs from new_password"));
    }
    let new = NewPassword::parse(typed, policy).map_err(|broken| breaks_policy(&broken, policy))?;
    if new.expose() == current.expose() {
        return Err(Refusal::new(ErrorReason::PasswordReused)
            .field("new_password", "is the same as current_password"));
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
        PolicyRule::Length => "is too short or too long",
        PolicyRule::Characters => "has other characters than half-width letters and digits",
        PolicyRule::DigitsOnly => "has only digits",
        PolicyRule::Common => "is a common password",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(typed: &str, confirmation: &str) -> Result<NewPassword, Refusal> {
        let current = TypedPassword::parse("Current01").unwrap();
        parse_new_password(typed, confirmation, &current, &PasswordPolicy::default())
    }

    /// PW-1, PW-2: the confirmation, the policy and the current password are checked in this order. The first failure
    /// is the reason of the refusal.
    #[test]
    fn a_new_password_is_checked_in_order() {
        assert!(parse("Another02", "Another02").is_ok());
        for (typed, confirmation, reason) in [
            ("Another02", "another02", ErrorReason::PasswordMismatch),
            ("short", "other", ErrorReason::PasswordMismatch),
            ("short", "short", ErrorReason::PasswordPolicy),
            ("", "", ErrorReason::PasswordPolicy),
            ("12345678", "12345678", ErrorReason::PasswordPolicy),
            ("Current01", "Current01", ErrorReason::PasswordReused),
        ] {
            assert_eq!(parse(typed, confirmation).unwrap_err().reason(), reason);
        }
    }

    /// PW-1: the refusal lists all broken rules.
    #[test]
    fn all_broken_rules_are_listed() {
        let expected = Refusal::new(ErrorReason::PasswordPolicy)
            .with("rules", "LENGTH,CHARACTERS")
            .saying("min_length", 8)
            .saying("max_length", 12)
            .field("new_password", "is too short or too long")
            .field(
                "new_password",
                "has other characters than half-width letters and digits",
            );
        assert_eq!(parse("ab_1", "ab_1").unwrap_err(), expected);
    }
}
