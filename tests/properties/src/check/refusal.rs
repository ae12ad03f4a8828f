use aikagi_refusal::{ErrorReason, Failure, Refusal, forward, name_of, reason_of};
use tonic::{Code, Status};

/// OPS-4: the status of an upstream that is forwarded. The first byte is the code; the rest are `google.rpc`
/// details.
pub fn refusal(bytes: &[u8]) {
    const SECRET: &str = "a driver's own words";
    let (code, details) = bytes.split_first().unwrap_or((&0, &[]));
    let code = Code::from(i32::from(code % 17));
    let status = Status::with_details(code, SECRET, details.to_vec().into());
    let reason = reason_of(&status);
    let response = forward(&status);
    match reason {
        Some(reason) if reason != ErrorReason::CallerNotAllowed => {
            assert_eq!(
                response.details(),
                details,
                "a refusal of one of our services was changed"
            );
            assert_eq!((response.code(), response.message()), (code, SECRET));
            assert_eq!(Refusal::from(Failure::forwarded(&status)).reason(), reason);
        }
        Some(_) | None => {
            assert!(!response.message().contains(SECRET));
            assert_ne!(response.code(), Code::Ok);
            let forwarded = reason_of(&response).expect("the response has one of our reasons");
            assert_ne!(
                forwarded,
                ErrorReason::CallerNotAllowed,
                "{}",
                name_of(forwarded)
            );
        }
    }
}
