//! The response to an RPC on the wire. A refused RPC always has a reason (OPS-4).

use aikagi_refusal::Refusal;
use http::Response;
use tonic::body::Body;
use tonic::{Code, Status};

/// Converts a result into the response to an RPC, or into the status of its refusal.
pub fn answer<T>(result: Result<T, impl Into<Refusal>>) -> Result<tonic::Response<T>, Status> {
    result
        .map(tonic::Response::new)
        .map_err(|failure| failure.into().into())
}

/// Adds a reason to a status that has none.
///
/// Our services always add a reason. A status without one comes from tonic: the request is malformed, compressed or too
/// large.
pub fn mend(response: Response<Body>) -> Response<Body> {
    let headers = response.headers();
    let Some(code) = headers.get(Status::GRPC_STATUS) else {
        return response;
    };
    let refusal = match Code::from_bytes(code.as_bytes()) {
        Code::Ok => return response,
        _ if headers.contains_key(Status::GRPC_STATUS_DETAILS) => return response,
        Code::Internal | Code::InvalidArgument | Code::OutOfRange | Code::Unimplemented => {
            Refusal::invalid_field("request", "malformed, compressed or too large")
        }
        code => Refusal::from(code),
    };
    Status::from(refusal).into_http()
}

#[cfg(test)]
mod tests {
    use aikagi_refusal::{ErrorReason, reason_of};

    use super::*;

    /// OPS-4: a message that is too large or malformed is refused with a reason too.
    #[test]
    fn a_status_without_a_reason_gets_one() {
        let reason = |status: Status| {
            let mended = mend(status.into_http());
            reason_of(
                &Status::from_header_map(mended.headers()).expect("the headers have a status"),
            )
        };
        assert_eq!(
            reason(Status::out_of_range("message length too large")),
            Some(ErrorReason::InvalidField)
        );
        assert_eq!(
            reason(Status::cancelled("stream reset")),
            Some(ErrorReason::DeadlineExceeded)
        );
        let own = Refusal::new(ErrorReason::Internal);
        assert_eq!(reason(own.into()), Some(ErrorReason::Internal));
        assert!(mend(Response::new(Body::empty())).headers().is_empty());
    }
}
