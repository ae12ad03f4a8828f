//! The records of calls in Redis. Each record is sealed for its call (IVR-12).

use aikagi_refusal::{ErrorReason, Failure, Refusal};

use crate::Issuance;
use crate::call_record::CallRecord;

/// A call in Redis, with the version of its record. The next record replaces this version.
#[derive(Debug, Clone)]
pub(crate) struct StoredCall {
    pub(crate) version: u64,
    pub(crate) record: CallRecord,
}

impl Issuance {
    /// Reads a call. Returns `None` if Redis has no such call.
    ///
    /// Fails with `CALL_UNKNOWN` if the call's record cannot be read. The caller must then dial again.
    pub(crate) async fn load_call(&self, call_id: &str) -> Result<Option<StoredCall>, Failure> {
        let Some((version, sealed)) = self.ttl.calls().load(call_id).await? else {
            return Ok(None);
        };
        let opened = match self.call_keys.open(call_id, &sealed) {
            Ok(opened) => opened,
            Err(fault) => {
                Failure::from(fault).report();
                return Err(Refusal::new(ErrorReason::CallUnknown).into());
            }
        };
        let Ok(record) = CallRecord::from_bytes(&opened) else {
            // During an upgrade, a later version of the service may have written the record.
            tracing::warn!(error.type = "malformed", "call record not readable");
            return Err(Refusal::new(ErrorReason::CallUnknown).into());
        };
        Ok(Some(StoredCall { version, record }))
    }

    /// Stores a record in place of the version `expected`. Returns false if another replica stored a record first.
    pub(crate) async fn save_call(
        &self,
        call_id: &str,
        expected: Option<u64>,
        record: &CallRecord,
    ) -> Result<bool, Failure> {
        let sealed = self.call_keys.seal(call_id, &record.to_bytes())?;
        Ok(self
            .ttl
            .calls()
            .save(call_id, expected, &sealed, self.call.remembered)
            .await?)
    }
}
