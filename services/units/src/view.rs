//! A line as operators see it: its state, never a secret (OPS-2).

use aikagi_api::timestamp;
use aikagi_api::units::v1::{AccountRole, AuthUnit, CredentialKind, Line, LineNumber};

use crate::store::{FoundLine, FoundNumber};

pub(crate) fn view(found: FoundLine) -> Line {
    let FoundLine { stored, numbers } = found;
    let unit = stored.line.state.unit();
    Line {
        contract_number: stored.line.contract_number.as_str().to_owned(),
        unit: unit.map_or(AuthUnit::Unspecified, AuthUnit::from).into(),
        unit_established_time: stored.unit_established.map(timestamp),
        close_time: stored.closed.map(timestamp),
        numbers: numbers
            .iter()
            .map(|number| {
                // UNIT-1.
                let role = unit.and_then(|unit| stored.line.role(unit, &number.member.number));
                line_number(
                    number,
                    role.map_or(AccountRole::Unspecified, AccountRole::from),
                )
            })
            .collect(),
    }
}

fn line_number(found: &FoundNumber, role: AccountRole) -> LineNumber {
    LineNumber {
        number: found.member.number.as_str().to_owned(),
        subscribed: found.member.subscribed,
        role: role.into(),
        credential_kind: CredentialKind::from(found.kind).into(),
        failures: found.failures,
        kill_time: found.killed.map(timestamp),
        temporary_expire_time: found.temporary_expires.map(timestamp),
        change_time: found.changed.map(timestamp),
    }
}
