//! Deadlines of RPCs (INV-11). Each RPC has one. While a service serves an RPC, each RPC that it sends gets the
//! remaining time minus a reserve. In the reserve the service can still report which upstream was late.

use std::time::Duration;

use aikagi_refusal::{ErrorReason, Refusal, internal};
use http::{HeaderMap, HeaderValue};
use tokio::time::Instant;

/// The time that each service keeps for its own response.
pub const RESERVE: Duration = Duration::from_millis(20);

/// An RPC is started only if at least this time remains.
pub const LEAST: Duration = Duration::from_millis(40);

const HEADER: &str = "grpc-timeout";

tokio::task_local! {
    static DEADLINE: Instant;
}

/// The deadline of the RPC that this task serves. `None` outside of an RPC.
pub fn current() -> Option<Instant> {
    DEADLINE.try_with(|deadline| *deadline).ok()
}

/// Runs a future until its deadline. Inside the future, [`current`] returns the deadline. After the deadline the future
/// is dropped, and the error is `DEADLINE_EXCEEDED`.
pub async fn within<F: Future>(deadline: Instant, future: F) -> Result<F::Output, Refusal> {
    tokio::time::timeout_at(deadline, DEADLINE.scope(deadline, future))
        .await
        .map_err(|_elapsed| Refusal::new(ErrorReason::DeadlineExceeded))
}

/// Runs a future inside which [`current`] returns this deadline. The deadline does not end the future.
pub async fn inherit<F: Future>(deadline: Option<Instant>, future: F) -> F::Output {
    match deadline {
        Some(deadline) => DEADLINE.scope(deadline, future).await,
        None => future.await,
    }
}

/// The time that the caller allows for an RPC. `None` if the header is missing or malformed.
pub fn from_headers(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(HEADER)?.to_str().ok()?;
    let (amount, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if amount.is_empty() || amount.len() > 8 || !amount.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = amount.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(amount.saturating_mul(3600))),
        "M" => Some(Duration::from_secs(amount.saturating_mul(60))),
        "S" => Some(Duration::from_secs(amount)),
        "m" => Some(Duration::from_millis(amount)),
        "u" => Some(Duration::from_micros(amount)),
        "n" => Some(Duration::from_nanos(amount)),
        _ => None,
    }
}

/// Writes the remaining time, minus the reserve, into the headers of an RPC. Fails with `DEADLINE_EXCEEDED` if less
/// than [`LEAST`] remains.
pub fn pass_on(headers: &mut HeaderMap, remaining: Duration) -> Result<(), Refusal> {
    if remaining < LEAST {
        return Err(Refusal::new(ErrorReason::DeadlineExceeded));
    }
    let millis = remaining
        .saturating_sub(RESERVE)
        .as_millis()
        .min(99_999_999);
    let value = HeaderValue::from_str(&format!("{millis}m"))
        .map_err(|_invalid| internal("the remaining time is not a valid header value"))?;
    headers.insert(HEADER, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(
            HEADER,
            HeaderValue::from_str(text).expect("the header value is valid"),
        );
        from_headers(&headers)
    }

    #[test]
    fn the_header_is_read_as_grpc_writes_it() {
        assert_eq!(parsed("250m"), Some(Duration::from_millis(250)));
        assert_eq!(parsed("2S"), Some(Duration::from_secs(2)));
        assert_eq!(parsed("1H"), Some(Duration::from_hours(1)));
        for bad in ["", "m", "12", "-1S", "123456789S", "1x", "９S"] {
            let mut headers = HeaderMap::new();
            headers.insert(
                HEADER,
                HeaderValue::from_bytes(bad.as_bytes()).expect("the header value is valid"),
            );
            assert_eq!(from_headers(&headers), None, "{bad}");
        }
    }

    /// INV-11: an RPC gets the remaining time minus the reserve. If too little time remains, it is refused.
    #[test]
    fn the_remaining_time_is_passed_on_minus_the_reserve() {
        let mut headers = HeaderMap::new();
        pass_on(&mut headers, Duration::from_millis(500)).expect("enough time remains");
        assert_eq!(headers.get(HEADER).expect("the header is set"), "480m");
        let refusal =
            pass_on(&mut headers, Duration::from_millis(39)).expect_err("too little time remains");
        assert_eq!(refusal.reason(), ErrorReason::DeadlineExceeded);
    }

    /// INV-11: a future can read its deadline, and is dropped after it.
    #[tokio::test(start_paused = true)]
    async fn work_past_its_deadline_is_dropped() {
        let deadline = Instant::now() + Duration::from_secs(1);
        let seen = within(deadline, async { current() })
            .await
            .expect("the future ends in time");
        assert_eq!(seen, Some(deadline));
        let late = within(deadline, std::future::pending::<()>())
            .await
            .expect_err("the future is late");
        assert_eq!(late.reason(), ErrorReason::DeadlineExceeded);
    }
}
