use aikagi_domain::password::{
    NewPassword, PasswordPolicy, PolicyRule, TemporaryPassword, TypedPassword,
};
use arbitrary::{Arbitrary, Unstructured};

#[derive(Debug, Arbitrary)]
struct Input<'a> {
    min_length: u8,
    max_length: u8,
    refuses_digits_only: bool,
    refuses_common: bool,
    text: &'a str,
}

/// IVR-5, PW-1, PW-6: a typed or keyed password, under any policy.
pub fn password(bytes: &[u8]) {
    let Ok(input) = Input::arbitrary_take_rest(Unstructured::new(bytes)) else {
        return;
    };
    let text = input.text;
    let all = |is: fn(&u8) -> bool| text.as_bytes().iter().all(is);

    let temporary = TemporaryPassword::parse(text).ok();
    let is_temporary = text.len() == 8 && all(u8::is_ascii_digit);
    assert_eq!(temporary.is_some(), is_temporary);
    let typed = TypedPassword::parse(text).ok();
    assert_eq!(typed.is_some(), (1..=64).contains(&text.len()));

    let policy = PasswordPolicy {
        min_length: input.min_length.into(),
        max_length: input.max_length.into(),
        refuses_digits_only: input.refuses_digits_only,
        refuses_common: input.refuses_common,
    };
    let length = text.chars().count();
    let fits = usize::from(input.min_length) <= length && length <= usize::from(input.max_length);
    let digits_only = !text.is_empty() && all(u8::is_ascii_digit);
    let new = NewPassword::parse(text, &policy);
    let broken = new.as_ref().err().map_or(&[][..], Vec::as_slice);
    let breaks = |rule| broken.contains(&rule);
    assert_eq!(new.is_err(), !broken.is_empty());
    assert_eq!(breaks(PolicyRule::Length), !fits);
    assert_eq!(
        breaks(PolicyRule::Characters),
        !all(u8::is_ascii_alphanumeric)
    );
    assert_eq!(
        breaks(PolicyRule::DigitsOnly),
        input.refuses_digits_only && digits_only
    );
    assert!(input.refuses_common || !breaks(PolicyRule::Common));
    // Capital letters do not make a common password acceptable.
    let upper = NewPassword::parse(&text.to_ascii_uppercase(), &policy);
    assert_eq!(upper.err().unwrap_or_default(), broken);

    for secret in [
        temporary.as_ref().map(TemporaryPassword::expose),
        typed.as_ref().map(TypedPassword::expose),
        new.as_ref().ok().map(NewPassword::expose),
    ]
    .into_iter()
    .flatten()
    {
        assert_eq!(secret, text.as_bytes());
    }
}
