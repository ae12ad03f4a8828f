//! The account for which a caller may set a temporary password.
//!
//! The dialog uses these functions, and so does the RPC that sets a password without a dialog (IVR-13).

use crate::telephone::TelephoneNumber;
use crate::unit::{AuthUnit, Line};

/// Why the caller may not set a temporary password. One value can cover several cases, which all
/// get the same guidance (IVR-11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SettingDenial {
    /// The caller's number is withheld, unknown, or on a closed line.
    #[error("the caller cannot be accepted")]
    Caller,
    /// Another unit is established, or the caller has no role under this unit.
    #[error("the unit is not allowed")]
    Unit,
    /// The target is not allowed, or a required target is missing.
    #[error("the target is not allowed")]
    Target,
}

/// How the dialog determines the account whose password a caller sets under a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Always this account. The dialog does not ask for it.
    Fixed(TelephoneNumber),
    /// The caller chooses the account.
    Asked,
}

/// IVR-11: checks that the call can be accepted. Returns the caller and the line.
pub(super) fn accept<'a>(
    caller: Option<&'a TelephoneNumber>,
    line: Option<&'a Line>,
) -> Result<(&'a TelephoneNumber, &'a Line), SettingDenial> {
    match (caller, line) {
        (Some(caller), Some(line)) if !line.closed && line.has(caller) => Ok((caller, line)),
        _ => Err(SettingDenial::Caller),
    }
}

/// IVR-2 to IVR-4, IVR-11, UNIT-2: the target of a caller on this line who chooses this unit.
pub fn target_for(
    caller: &TelephoneNumber,
    line: &Line,
    unit: AuthUnit,
) -> Result<Target, SettingDenial> {
    line.state.choose(unit).map_err(|_| SettingDenial::Unit)?;
    match unit {
        AuthUnit::Line => Ok(Target::Fixed(line.contract_number.clone())),
        AuthUnit::Number => Ok(Target::Asked),
        AuthUnit::AdminUser if *caller == line.contract_number => Ok(Target::Asked),
        AuthUnit::AdminUser if line.is_subscribed(caller) => Ok(Target::Fixed(caller.clone())),
        AuthUnit::AdminUser => Err(SettingDenial::Unit),
    }
}

/// IVR-2 to IVR-4, IVR-11, UNIT-2: checks that the caller may set the password of an account.
/// Returns the account.
///
/// `line` is the line of the caller's number. `target` is the number that the caller named. It is
/// required if the dialog would ask for the target. Otherwise it may be `None`, or the account that
/// the unit determines.
pub fn check_setting(
    caller: Option<&TelephoneNumber>,
    line: Option<&Line>,
    unit: AuthUnit,
    target: Option<&TelephoneNumber>,
) -> Result<TelephoneNumber, SettingDenial> {
    let (caller, line) = accept(caller, line)?;
    match (target_for(caller, line, unit)?, target) {
        (Target::Fixed(account), None) => Ok(account),
        (Target::Fixed(account), Some(named)) if account == *named => Ok(account),
        (Target::Asked, Some(named)) if line.role(unit, named).is_some() => Ok(named.clone()),
        (Target::Fixed(_), Some(_)) | (Target::Asked, _) => Err(SettingDenial::Target),
    }
}

/// True if an account that was accepted earlier in the call is still allowed.
pub(super) fn is_allowed(
    caller: &TelephoneNumber,
    line: &Line,
    unit: AuthUnit,
    account: &TelephoneNumber,
) -> bool {
    check_setting(Some(caller), Some(line), unit, Some(account)).is_ok()
}
