//! Fields of a request, parsed once at the edge of a service.

use std::borrow::Cow;

use aikagi_domain::password::TypedPassword;
use aikagi_domain::telephone::TelephoneNumber;
use zeroize::Zeroizing;

use crate::errors::Refusal;

/// UNIT-3: reads a telephone number, in any of its forms.
pub fn number(field: impl Into<Cow<'static, str>>, text: &str) -> Result<TelephoneNumber, Refusal> {
    TelephoneNumber::parse(text).map_err(|_malformed| {
        Refusal::invalid_field(field, "not a telephone number of ten or eleven digits")
    })
}

/// Takes a password out of its message, which keeps nothing of it (INV-8).
pub fn typed_password(
    field: impl Into<Cow<'static, str>>,
    text: &mut String,
) -> Result<TypedPassword, Refusal> {
    let text = Zeroizing::new(std::mem::take(text));
    TypedPassword::parse(&text)
        .map_err(|_malformed| Refusal::invalid_field(field, "empty or longer than 64 bytes"))
}
