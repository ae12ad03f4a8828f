//! Conversions between messages and domain types.

use aikagi_domain::credential::CredentialKind;
use aikagi_domain::explanation::{Remedy, Verdict};
use aikagi_domain::session::{DeviceClass, MustChange};
use aikagi_domain::unit::{AuthUnit, Role};
use chrono::{DateTime, TimeDelta, Utc};

use crate::{authentication, units};

/// An enum value that this version does not know, or `UNSPECIFIED` where a value is required.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown value {0}")]
pub struct UnknownValue(
    /// The number on the wire.
    pub i32,
);

/// Converts a moment to a message.
pub fn timestamp(time: DateTime<Utc>) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: time.timestamp(),
        nanos: i32::try_from(time.timestamp_subsec_nanos()).unwrap_or(0),
    }
}

/// Converts a length of time to a message.
pub fn duration(delta: TimeDelta) -> prost_types::Duration {
    prost_types::Duration {
        seconds: delta.num_seconds(),
        nanos: delta.subsec_nanos(),
    }
}

impl From<AuthUnit> for units::v1::AuthUnit {
    fn from(unit: AuthUnit) -> Self {
        match unit {
            AuthUnit::Line => Self::Line,
            AuthUnit::Number => Self::Number,
            AuthUnit::AdminUser => Self::AdminUser,
        }
    }
}

impl TryFrom<units::v1::AuthUnit> for AuthUnit {
    type Error = UnknownValue;

    fn try_from(unit: units::v1::AuthUnit) -> Result<Self, UnknownValue> {
        match unit {
            units::v1::AuthUnit::Unspecified => Err(UnknownValue(unit.into())),
            units::v1::AuthUnit::Line => Ok(Self::Line),
            units::v1::AuthUnit::Number => Ok(Self::Number),
            units::v1::AuthUnit::AdminUser => Ok(Self::AdminUser),
        }
    }
}

impl From<Role> for units::v1::AccountRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Line => Self::Line,
            Role::Number => Self::Number,
            Role::Administrator => Self::Administrator,
            Role::User => Self::User,
        }
    }
}

impl From<CredentialKind> for units::v1::CredentialKind {
    fn from(kind: CredentialKind) -> Self {
        match kind {
            CredentialKind::None => Self::None,
            CredentialKind::Temporary => Self::Temporary,
            CredentialKind::Permanent => Self::Permanent,
        }
    }
}

impl From<MustChange> for authentication::v1::MustChangeReason {
    fn from(reason: MustChange) -> Self {
        match reason {
            MustChange::Temporary => Self::Temporary,
            MustChange::Expired => Self::Expired,
        }
    }
}

impl From<DeviceClass> for authentication::v1::DeviceClass {
    fn from(class: DeviceClass) -> Self {
        match class {
            DeviceClass::Desktop => Self::Desktop,
            DeviceClass::Phone => Self::Phone,
            DeviceClass::Tablet => Self::Tablet,
            DeviceClass::Other => Self::Unspecified,
        }
    }
}

impl From<authentication::v1::DeviceClass> for DeviceClass {
    fn from(class: authentication::v1::DeviceClass) -> Self {
        match class {
            authentication::v1::DeviceClass::Unspecified => Self::Other,
            authentication::v1::DeviceClass::Desktop => Self::Desktop,
            authentication::v1::DeviceClass::Phone => Self::Phone,
            authentication::v1::DeviceClass::Tablet => Self::Tablet,
        }
    }
}

impl From<Verdict> for units::v1::LoginVerdict {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::UnknownNumber => Self::UnknownNumber,
            Verdict::LineClosed => Self::LineClosed,
            Verdict::NoUnit => Self::NoUnit,
            Verdict::NotSubscribed => Self::NotSubscribed,
            Verdict::NotAnAccount => Self::NotAnAccount,
            Verdict::NoPassword => Self::NoPassword,
            Verdict::Killed => Self::Killed,
            Verdict::TemporaryExpired => Self::TemporaryExpired,
            Verdict::Temporary => Self::Temporary,
            Verdict::MustChange => Self::MustChange,
            Verdict::Permanent => Self::Permanent,
        }
    }
}

impl From<Remedy> for units::v1::Remedy {
    fn from(remedy: Remedy) -> Self {
        match remedy {
            Remedy::Call => Self::Call,
            Remedy::Subscribe => Self::Subscribe,
            Remedy::UseAccount => Self::UseAccount,
            Remedy::Provision => Self::Provision,
            Remedy::LogInOrCall => Self::LogInOrCall,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// INV-8: the Debug output of a message contains no password, token or number.
    #[test]
    fn debug_output_hides_secrets() {
        let login = authentication::v1::LoginRequest {
            number: "0312345678".into(),
            password: "canary".into(),
            device_class: 0,
        };
        assert_eq!(
            format!("{login:?}"),
            "LoginRequest { number: <redacted>, password: <redacted>, device_class: 0 }"
        );

        let turn = crate::issuance::v1::TakeTurnRequest {
            call_id: "call-0001".into(),
            sequence: 3,
            event: Some(crate::issuance::v1::take_turn_request::Event::Keys(
                "12345678".into(),
            )),
        };
        assert!(!format!("{turn:?}").contains("12345678"));
        assert!(format!("{turn:?}").contains("call-0001"));
    }

    #[test]
    fn timestamps_keep_their_nanoseconds() {
        let time = DateTime::from_timestamp(1_700_000_000, 5).expect("the time is in range");
        assert_eq!(
            timestamp(time),
            prost_types::Timestamp {
                seconds: 1_700_000_000,
                nanos: 5
            }
        );
    }
}
