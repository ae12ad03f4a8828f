//! Typed and keyed passwords, and the policy for new passwords (IVR-5, PW-1, PW-6).

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::secret::SecretBytes;

mod common;
#[cfg(test)]
mod tests;

/// The maximum size of a typed password. It bounds the work of hashing.
const TYPED_MAX_BYTES: usize = 64;
const TEMPORARY_DIGITS: usize = 8;

macro_rules! secret {
    ($secret:ident) => {
        impl $secret {
            /// The secret, for hashing and sealing only.
            pub fn expose(&self) -> &[u8] {
                self.0.expose()
            }
        }

        // INV-8: secrets are never printed.
        impl fmt::Debug for $secret {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($secret), "(..)"))
            }
        }
    };
}

/// A password typed to log in: 1 to 64 arbitrary bytes.
///
/// It is not checked against the policy, so that every wrong password gets the same refusal (LOGIN-5).
#[derive(Clone, PartialEq, Eq)]
pub struct TypedPassword(SecretBytes);
secret!(TypedPassword);

/// The typed password is empty or longer than 64 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a password has 1 to 64 bytes")]
pub struct TypedPasswordError;

impl TypedPassword {
    /// Accepts 1 to 64 bytes and keeps them unchanged.
    pub fn parse(text: &str) -> Result<Self, TypedPasswordError> {
        if (1..=TYPED_MAX_BYTES).contains(&text.len()) {
            Ok(Self(SecretBytes::new(text.as_bytes())))
        } else {
            Err(TypedPasswordError)
        }
    }
}

/// A temporary password: exactly eight digits (IVR-5).
#[derive(Clone, PartialEq, Eq)]
pub struct TemporaryPassword(SecretBytes);
secret!(TemporaryPassword);

/// The entry is not exactly eight digits (IVR-5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a temporary password has exactly eight digits")]
pub struct TemporaryPasswordError;

impl TemporaryPassword {
    /// IVR-5: accepts exactly eight half-width digits.
    pub fn parse(keys: &str) -> Result<Self, TemporaryPasswordError> {
        if keys.len() == TEMPORARY_DIGITS && keys.bytes().all(|key| key.is_ascii_digit()) {
            Ok(Self(SecretBytes::new(keys.as_bytes())))
        } else {
            Err(TemporaryPasswordError)
        }
    }
}

/// The policy for new permanent passwords (PW-1, PW-6). Section 8 of the specification recommends safer values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PasswordPolicy {
    /// The minimum number of characters.
    pub min_length: u32,
    /// The maximum number of characters.
    pub max_length: u32,
    /// Refuses passwords that consist of digits only.
    pub refuses_digits_only: bool,
    /// Refuses common passwords (PW-6).
    pub refuses_common: bool,
}

impl Default for PasswordPolicy {
    /// The operator's own rule (PW-1).
    fn default() -> Self {
        Self {
            min_length: 8,
            max_length: 12,
            refuses_digits_only: true,
            refuses_common: false,
        }
    }
}

/// A rule of the policy that a new password violates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyRule {
    /// The password is too short or too long (PW-1).
    Length,
    /// The password has characters other than half-width letters and digits (PW-1).
    Characters,
    /// The password consists of digits only (PW-1).
    DigitsOnly,
    /// The password is a common one (PW-6).
    Common,
}

impl PolicyRule {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Length => "LENGTH",
            Self::Characters => "CHARACTERS",
            Self::DigitsOnly => "DIGITS_ONLY",
            Self::Common => "COMMON",
        }
    }
}

/// A new permanent password that satisfies the policy.
#[derive(Clone, PartialEq, Eq)]
pub struct NewPassword(SecretBytes);
secret!(NewPassword);

impl NewPassword {
    /// PW-1, PW-6: checks a password against the policy. The error lists every violated rule.
    pub fn parse(text: &str, policy: &PasswordPolicy) -> Result<Self, Vec<PolicyRule>> {
        let length = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
        let only_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let broken: Vec<PolicyRule> = [
            (
                PolicyRule::Length,
                !(policy.min_length..=policy.max_length).contains(&length),
            ),
            (
                PolicyRule::Characters,
                !text.bytes().all(|byte| byte.is_ascii_alphanumeric()),
            ),
            (
                PolicyRule::DigitsOnly,
                policy.refuses_digits_only && only_digits,
            ),
            (
                PolicyRule::Common,
                policy.refuses_common && common::is_common(text),
            ),
        ]
        .into_iter()
        .filter_map(|(rule, is_broken)| is_broken.then_some(rule))
        .collect();
        if broken.is_empty() {
            Ok(Self(SecretBytes::new(text.as_bytes())))
        } else {
            Err(broken)
        }
    }
}
