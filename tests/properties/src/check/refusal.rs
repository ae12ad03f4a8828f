use aikagi_refusal::{ErrorReason, Failure, Refusal, forward, name_of, reason_of};
use tonic::{Code, Status};

/// OPS-4: the refusal of an upstream. The bytes are a code, then `google.rpc` details.
pub fn refusal(bytes: &[u8]) {
    const SECRET: &str = "a driver's own words";
    let (code, details) = bytes.split_first().unwrap_or((&0, &[]));
    let code = Code::from(i32::from(code % 17));
    let status = Status::with_details(code, SECRET, details.to_vec().into());
    let reason = reason_of(&status);
    let answer = forward(&status);
    match reason {
        Some(reason) if reason != ErrorReason::CallerNotAllowed => {
            assert_eq!(
                answer.details(),
                details,
                "a refusal of ours is passed on changed"
            );
            assert_eq!((answer.code(), answer.message()), (code, SECRET));
            assert_eq!(Refusal::from(Failure::forwarded(&status)).reason(), reason);
        }
        Some(_) | None => {
            assert!(!answer.message().contains(SECRET));
            assert_ne!(answer.code(), Code::Ok);
            let answered = reason_of(&answer).expect("a reason of ours");
            assert_ne!(
                answered,
                ErrorReason::CallerNotAllowed,
                "{}",
                name_of(answered)
            );
        }
    }
}
