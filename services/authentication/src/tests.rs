//! The statements and RPCs on a private database and a private Redis, with the rights of the service's role and user.

mod accounts;
mod attempts;
mod fixture;
mod former_cost;
mod logins;
mod refunds;
mod reseal;
mod sessions;

use aikagi_domain::credential::{CredentialKind, CredentialRules};
use aikagi_domain::telephone::TelephoneNumber;

use fixture::Fixture;

/// The contract number. It is not subscribed, so it is not an account while the line's unit is NUMBER (UNIT-1).
const CONTRACT: &str = "0344440001";
/// A subscribed additional number.
const USER: &str = "0344440002";
/// A second subscribed additional number.
const SECOND: &str = "0344440003";
/// A subscribed number of another line.
const STRANGER: &str = "0355550001";
/// A number on no line.
const NOBODY: &str = "0366660001";

const RIGHT: &str = "Right1234";
const WRONG: &str = "Wrong1234";

const BOTH: [CredentialKind; 2] = [CredentialKind::Temporary, CredentialKind::Permanent];

fn number(text: &str) -> TelephoneNumber {
    TelephoneNumber::parse(text).unwrap()
}

/// LOGIN-2: the number of wrong attempts that kills a password of this kind.
fn limit(kind: CredentialKind) -> u32 {
    CredentialRules::default().limit(kind)
}
