//! Parsers for fields of a request. A service parses each field once, before it does anything else.

use std::borrow::Cow;

use aikagi_domain::password::TypedPassword;
use aikagi_domain::telephone::TelephoneNumber;
use zeroize::Zeroizing;

use crate::reason::ErrorReason;
use crate::refusal::Refusal;

/// UNIT-3: parses a telephone number in any form that people type.
///
/// Fails with `INVALID_FIELD` if the text is not a telephone number.
pub fn number(field: impl Into<Cow<'static, str>>, text: &str) -> Result<TelephoneNumber, Refusal> {
    TelephoneNumber::parse(text).map_err(|_malformed| {
        Refusal::invalid_field(field, "not a telephone number of ten or eleven digits")
    })
}

/// Moves a password out of its message. The message no longer contains it (INV-8).
///
/// Fails with `INVALID_FIELD` if the password is empty or longer than 64 bytes.
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
    /// Adds a wrong field. The description says what the field must be.
    pub fn note(&mut self, field: &'static str, description: &'static str) {
        let refusal = self
            .0
            .take()
            .unwrap_or_else(|| Refusal::new(ErrorReason::InvalidField));
        self.0 = Some(refusal.field(field, description));
    }

    /// Fails with `INVALID_FIELD` if a field was added.
    pub fn check(self) -> Result<(), Refusal> {
        self.0.map_or(Ok(()), Err)
    }
}

/// UNIT-3: parses a telephone number from a field that may be empty. Returns `None` if it is empty. If it is
/// malformed, returns `None` and adds the field to `fields`.
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
