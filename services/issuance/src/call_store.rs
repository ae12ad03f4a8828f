//! Where calls are kept between turns: in Redis, each record sealed for its call (IVR-12).

use aikagi_hashing::seal::Context;
use aikagi_refusal::{ErrorReason, Failure, Refusal};

use crate::Issuance;
use crate::record::CallRecord;

/// A call as it was found, with the version that the next one replaces.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    pub(crate) version: u64,
    pub(crate) record: CallRecord,
}

impl Issuance {
    /// The call, if it is remembered. One whose record cannot be read is not: the caller dials again.
    pub(crate) async fn load_call(&self, call_id: &str) -> Result<Option<Found>, Failure> {
        let Some((version, sealed)) = self.ttl.calls().load(call_id).await? else {
            return Ok(None);
        };
        let opened = self.keys.open(Context::Call { call_id }, &sealed).ok();
        let record = opened.and_then(|bytes| CallRecord::from_bytes(&bytes).ok());
        let Some(record) = record else {
            tracing::warn!("the record of a call cannot be read");
            return Err(Refusal::new(ErrorReason::CallUnknown).into());
        };
        Ok(Some(Found { version, record }))
    }

    /// Saves a record over the version that it was made from; `false` when another replica was faster.
    pub(crate) async fn save_call(
        &self,
        call_id: &str,
        expected: Option<u64>,
        record: &CallRecord,
    ) -> Result<bool, Failure> {
        let sealed = self
            .keys
            .seal(Context::Call { call_id }, &record.to_bytes())?;
        Ok(self
            .ttl
            .calls()
            .save(call_id, expected, &sealed, self.call.remembered)
            .await?)
    }
}
