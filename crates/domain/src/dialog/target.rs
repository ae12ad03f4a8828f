//! Which account a caller may set a temporary password for. The dialog and the setting in one call
//! (IVR-13) both decide by this.

use crate::telephone::TelephoneNumber;
use crate::unit::{AuthUnit, Line};

/// Why a setting is not allowed. What the caller hears is worded alike within each (IVR-11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SettingDenial {
    /// The caller's number is withheld, unknown, or on a closed line.
    #[error("the caller cannot be accepted")]
    Caller,
    /// Another unit is established, or the caller is nobody under this one.
    #[error("the unit is not allowed")]
    Unit,
    /// The target is not allowed, or is missing where one is asked for.
    #[error("the target is not allowed")]
    Target,
}

/// Which account a unit means for a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// This one; nobody is asked.
    Fixed(TelephoneNumber),
    /// The caller says which.
    Asked,
}

/// IVR-11: the caller and the line, if the call can be accepted.
pub(super) fn accept<'a>(
    caller: Option<&'a TelephoneNumber>,
    line: Option<&'a Line>,
) -> Result<(&'a TelephoneNumber, &'a Line), SettingDenial> {
    match (caller, line) {
        (Some(caller), Some(line)) if !line.closed && line.has(caller) => Ok((caller, line)),
        _ => Err(SettingDenial::Caller),
    }
}

/// IVR-2 to IVR-4, IVR-11, UNIT-2: which account a unit means for a caller on the line.
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

/// IVR-2 to IVR-4, IVR-11, UNIT-2: decides which account may be set by whom, and returns it.
///
/// `line` is the line that the caller's number is on. `target` is what the caller named: it is needed
/// where the dialog would ask for one, and otherwise may be left out or name the account anyway.
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

/// Whether an account accepted earlier in the call is still allowed.
pub(super) fn is_allowed(
    caller: &TelephoneNumber,
    line: &Line,
    unit: AuthUnit,
    account: &TelephoneNumber,
) -> bool {
    check_setting(Some(caller), Some(line), unit, Some(account)).is_ok()
}
