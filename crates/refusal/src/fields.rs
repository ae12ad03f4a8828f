//! Fields of a request, parsed once at the edge of a service.

use std::borrow::Cow;

use aikagi_domain::password::TypedPassword;
use aikagi_domain::telephone::TelephoneNumber;
use zeroize::Zeroizing;

use crate::reason::ErrorReason;
use crate::refusal::Refusal;

/// UNIT-3: reads a telephone number, in any of its forms.
///
/// Refused with `INVALID_FIELD` when it is none.
pub fn number(field: impl Into<Cow<'static, str>>, text: &str) -> Result<TelephoneNumber, Refusal> {
    TelephoneNumber::parse(text).map_err(|_malformed| {
        Refusal::invalid_field(field, "not a telephone number of ten or eleven digits")
    })
}

/// Takes a password out of its message, which keeps nothing of it (INV-8).
///
/// Refused with `INVALID_FIELD` when it is empty or longer than 64 bytes.
pub fn typed_password(
    field: impl Into<Cow<'static, str>>,
    text: &mut String,
) -> Result<TypedPassword, Refusal> {
    let text = Zeroizing::new(std::mem::take(text));
    TypedPassword::parse(&text)
        .map_err(|_malformed| Refusal::invalid_field(field, "empty or longer than 64 bytes"))
}

/// Collects the wrong fields of a request, so that one refusal names all of them.
#[derive(Debug, Default)]
pub struct Fields(Option<Refusal>);

impl Fields {
    /// Notes a wrong field, and what it must be.
    pub fn note(&mut self, field: &'static str, description: &'static str) {
        let refusal = self
            .0
            .take()
            .unwrap_or_else(|| Refusal::new(ErrorReason::InvalidField));
        self.0 = Some(refusal.field(field, description));
    }

    /// Refuses with `INVALID_FIELD` if a field was noted.
    pub fn check(self) -> Result<(), Refusal> {
        self.0.map_or(Ok(()), Err)
    }
}

/// UNIT-3: reads a telephone number from a field that may be empty. A malformed one is noted.
pub fn optional_number(
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
