//! The records of calls in Redis, each sealed for its call (IVR-12).

use aikagi_hashing::seal::Context;
use aikagi_refusal::{ErrorReason, Failure, Refusal};

use crate::Issuance;
use crate::call_record::CallRecord;

/// A call in Redis, with the version that the next record replaces.
#[derive(Debug, Clone)]
pub(crate) struct StoredCall {
    pub(crate) version: u64,
    pub(crate) record: CallRecord,
}

impl Issuance {
    /// The stored call; `None` if there is none.
    ///
    /// Fails with `CALL_UNKNOWN` if its record cannot be read. The caller must dial again.
    pub(crate) async fn load_call(&self, call_id: &str) -> Result<Option<StoredCall>, Failure> {
        let Some((version, sealed)) = self.ttl.calls().load(call_id).await? else {
            return Ok(None);
        };
        let opened = match self.keys.open(Context::Call { call_id }, &sealed) {
            Ok(opened) => opened,
            Err(fault) => {
                Failure::from(fault).report();
                return Err(Refusal::new(ErrorReason::CallUnknown).into());
            }
        };
        let Ok(record) = CallRecord::from_bytes(&opened) else {
            // It can be of a later version, during an upgrade.
            tracing::warn!(error.type = "malformed", "call record not readable");
            return Err(Refusal::new(ErrorReason::CallUnknown).into());
        };
        Ok(Some(StoredCall { version, record }))
    }

    /// Stores a record. It replaces the version `expected`, from which it was made. Returns false if another replica
    /// stored a record first.
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
