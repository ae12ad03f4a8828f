//! Fields of a request that are missing, malformed or out of range.

use aikagi_domain::telephone::TelephoneNumber;
use aikagi_mesh::errors::{ErrorReason, Refusal};

/// Gathers what is wrong with a request, so that its caller hears all of it at once.
#[derive(Debug, Default)]
pub(crate) struct Fields(Option<Refusal>);

impl Fields {
    /// Notes a field and what it must be.
    pub(crate) fn note(&mut self, field: &'static str, description: &'static str) {
        let refusal = self
            .0
            .take()
            .unwrap_or_else(|| Refusal::new(ErrorReason::InvalidField));
        self.0 = Some(refusal.field(field, description));
    }

    /// Refuses if anything was noted.
    pub(crate) fn check(self) -> Result<(), Refusal> {
        self.0.map_or(Ok(()), Err)
    }
}

/// UNIT-3: a telephone number in a field that may be empty. A malformed one is noted.
pub(crate) fn optional_number(
    text: &str,
    field: &'static str,
    fields: &mut Fields,
) -> Option<TelephoneNumber> {
    if text.is_empty() {
        return None;
    }
    let number = TelephoneNumber::parse(text).ok();
    if number.is_none() {
        fields.note(
            field,
            "must be a domestic telephone number of ten or eleven digits",
        );
    }
    number
}
