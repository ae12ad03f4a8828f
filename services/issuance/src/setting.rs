//! A temporary password to be set, as `TakeTurn` and `SetTemporaryPassword` request it.

use aikagi_domain::password::TemporaryPassword;
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_domain::unit::AuthUnit;

/// A request to set a temporary password.
#[derive(Debug, Clone)]
pub(crate) struct SettingRequest {
    /// The workload that made the request, for the audit trail.
    pub(crate) actor: String,
    /// The caller's number. `None` if it is withheld.
    pub(crate) caller: Option<TelephoneNumber>,
    /// The unit that the caller chose.
    pub(crate) unit: AuthUnit,
    /// The account. `None` if the caller did not name one (IVR-2, IVR-4).
    pub(crate) target: Option<TelephoneNumber>,
    /// The account's new temporary password.
    pub(crate) password: TemporaryPassword,
}
