//! Converts the state of a line to the message that operators see, without secrets (OPS-2).

use aikagi_api::timestamp;
use aikagi_api::units::v1::{AccountRole, AuthUnit, CredentialKind, Line, LineNumber};
use aikagi_domain::credential;
use aikagi_domain::unit::Member;

use crate::store::lines::{CredentialState, LineWithCredentials};

pub(crate) fn view(state: &LineWithCredentials) -> Line {
    let line = &state.stored.line;
    let unit = line.state.unit();
    let numbers = line.members.iter().filter_map(|member| {
        // UNIT-1: an account has a role only while the line has a unit.
        let role = unit.and_then(|unit| line.role(unit, &member.number));
        let role = role.map_or(AccountRole::Unspecified, AccountRole::from);
        Some(line_number(
            member,
            role,
            state.credentials.get(&member.number)?,
        ))
    });
    Line {
        contract_number: line.contract_number.as_str().to_owned(),
        unit: unit.map_or(AuthUnit::Unspecified, AuthUnit::from).into(),
        unit_established_time: state.stored.unit_established.map(timestamp),
        close_time: state.stored.closed.map(timestamp),
        numbers: numbers.collect(),
    }
}

fn line_number(member: &Member, role: AccountRole, state: &CredentialState) -> LineNumber {
    let credential = &state.credential;
    let permanent = credential.kind == credential::CredentialKind::Permanent;
    LineNumber {
        number: member.number.as_str().to_owned(),
        subscribed: member.subscribed,
        role: role.into(),
        credential_kind: CredentialKind::from(credential.kind).into(),
        failures: credential.failures,
        kill_time: state.killed.map(timestamp),
        temporary_expire_time: credential.temporary_expires.map(timestamp),
        open_charges: state.open_charges,
        change_time: credential.changed.filter(|_| permanent).map(timestamp),
    }
}
