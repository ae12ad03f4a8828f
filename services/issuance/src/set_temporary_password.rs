//! `SetTemporaryPassword`: sets a temporary password in one request, for an IVR platform with its own dialog (IVR-13).

use aikagi_api::issuance::v1::{SetTemporaryPasswordRequest, SetTemporaryPasswordResponse};
use aikagi_domain::password::TemporaryPassword;
use aikagi_domain::unit::AuthUnit;
use aikagi_refusal::fields::{Fields, optional_number};
use aikagi_refusal::{ErrorReason, Failure, Refusal};
use zeroize::Zeroizing;

use crate::Issuance;
use crate::setting::SettingRequest;

/// IVR-9 to IVR-11, IVR-13: sets a temporary password.
pub(crate) async fn set_temporary_password(
    service: &Issuance,
    actor: &str,
    request: SetTemporaryPasswordRequest,
) -> Result<SetTemporaryPasswordResponse, Failure> {
    let request = parse(actor, request)?;
    let permit = service.permit().await?;
    let worker = service.clone();
    let issued = service
        .uninterrupted(async move { worker.issue(permit, request).await })
        .await?;
    Ok(SetTemporaryPasswordResponse {
        account_number: issued.account.as_str().to_owned(),
        expire_time: Some(aikagi_api::timestamp(issued.expires)),
    })
}

fn parse(actor: &str, mut request: SetTemporaryPasswordRequest) -> Result<SettingRequest, Refusal> {
    let mut fields = Fields::default();
    let unit = AuthUnit::try_from(request.unit()).ok();
    if unit.is_none() {
        fields.note("unit", "must be LINE, NUMBER or ADMIN_USER");
    }
    let caller = std::mem::take(&mut request.caller_number);
    let caller = optional_number(&caller, "caller_number", &mut fields);
    let target = std::mem::take(&mut request.target_number);
    let target = optional_number(&target, "target_number", &mut fields);
    let password = Zeroizing::new(std::mem::take(&mut request.temporary_password));
    let password = TemporaryPassword::parse(&password).ok();
    if password.is_none() {
        fields.note("temporary_password", "must be exactly eight digits");
    }
    fields.check()?;
    let (Some(unit), Some(password)) = (unit, password) else {
        // Not reached: the check above refuses a request without them.
        return Err(Refusal::new(ErrorReason::InvalidField));
    };
    Ok(SettingRequest {
        actor: actor.to_owned(),
        caller,
        unit,
        target,
        password,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> SetTemporaryPasswordRequest {
        SetTemporaryPasswordRequest {
            caller_number: "03-1111-0001".to_owned(),
            unit: 3,
            target_number: "０３１１１１０００２".to_owned(),
            temporary_password: "12345678".to_owned(),
        }
    }

    /// IVR-13, UNIT-3: a number is read in any form. An empty field means that there is no number.
    #[test]
    fn a_request_is_read() {
        let parsed = parse("ivr", request()).unwrap();
        assert_eq!(parsed.caller.unwrap().as_str(), "0311110001");
        assert_eq!(parsed.target.unwrap().as_str(), "0311110002");
        assert_eq!(parsed.unit, AuthUnit::AdminUser);
        let mut withheld = request();
        withheld.caller_number.clear();
        withheld.target_number.clear();
        let parsed = parse("ivr", withheld).unwrap();
        assert_eq!((parsed.caller, parsed.target), (None, None));
    }

    /// IVR-5, IVR-13, UNIT-3: malformed requests are refused.
    #[test]
    fn malformed_requests_are_refused() {
        type Change = fn(&mut SetTemporaryPasswordRequest);
        let changes: [Change; 6] = [
            |request| request.unit = 0,
            |request| request.unit = 99,
            |request| request.caller_number = "+81311110001".to_owned(),
            |request| request.target_number = "911".to_owned(),
            |request| request.temporary_password = "1234567".to_owned(),
            |request| request.temporary_password = "１２３４５６７８".to_owned(),
        ];
        for (i, change) in changes.into_iter().enumerate() {
            let mut request = request();
            change(&mut request);
            let refused = parse("ivr", request).err().map(|refusal| refusal.reason());
            assert_eq!(refused, Some(ErrorReason::InvalidField), "{i}");
        }
    }
}
