//! The script of a turn: the recordings to play, in order. The wording comes from the catalogue in the domain crate.
//!
//! A wording that contains a number is recorded in two halves. Between them the caller hears the number, digit by
//! digit.

use aikagi_api::issuance::v1::Guidance;
use aikagi_domain::guidance::{GuidanceId, Language, groups};
use aikagi_domain::telephone::TelephoneNumber;

/// The placeholder for a number in a wording.
const NUMBER: &str = "{number}";
/// The characters around the placeholder that are not part of the spoken text.
const BETWEEN: [char; 4] = [' ', ',', '.', '、'];

/// A piece of guidance that is recorded in one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Prompt {
    /// A guidance without a number.
    Whole(GuidanceId),
    /// The part of a guidance before the number.
    Before(GuidanceId),
    /// The part of a guidance after the number.
    After(GuidanceId),
    /// A digit, 0 to 9.
    Digit(u8),
    /// The pause between two groups of digits.
    Pause,
}

/// The reason why guidance has no recordings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// The guidance is not in the catalogue of this version.
    #[error("the guidance is not in the catalogue")]
    Unknown,
    /// The number to read out is not a telephone number.
    #[error("the number to read out is not a telephone number")]
    Number,
}

impl Prompt {
    /// Returns every prompt. Each language has a recording for each of them.
    pub fn all() -> Vec<Self> {
        let mut all: Vec<Self> = GuidanceId::ALL
            .into_iter()
            .flat_map(|id| {
                if names_number(id) {
                    vec![Self::Before(id), Self::After(id)]
                } else {
                    vec![Self::Whole(id)]
                }
            })
            .collect();
        all.extend((0..10).map(Self::Digit));
        all.push(Self::Pause);
        all
    }

    /// Returns the id in the manifest.
    pub fn id(self) -> String {
        match self {
            Self::Whole(id) => id.as_str().to_owned(),
            Self::Before(id) => format!("{}-before", id.as_str()),
            Self::After(id) => format!("{}-after", id.as_str()),
            Self::Digit(digit) => format!("digit-{digit}"),
            Self::Pause => "pause".to_owned(),
        }
    }

    /// Returns the spoken text. It is empty for a pause.
    pub fn text(self, language: Language) -> &'static str {
        let halves = |id: GuidanceId| {
            let wording = id.wording(language);
            wording.split_once(NUMBER).unwrap_or((wording, ""))
        };
        match self {
            Self::Whole(id) => id.wording(language),
            Self::Before(id) => halves(id).0.trim_end_matches(BETWEEN),
            Self::After(id) => halves(id).1.trim_start_matches(BETWEEN),
            Self::Digit(digit) => digit_text(digit, language),
            Self::Pause => "",
        }
    }
}

/// Returns the recordings for a list of guidance, in order (IVR-5, IVR-8).
pub fn recordings(guidance: &[Guidance]) -> Result<Vec<Prompt>, ScriptError> {
    let mut all = Vec::new();
    for piece in guidance {
        let id = GuidanceId::named(&piece.guidance_id).ok_or(ScriptError::Unknown)?;
        if names_number(id) {
            let number =
                TelephoneNumber::parse(&piece.number).map_err(|_none| ScriptError::Number)?;
            all.push(Prompt::Before(id));
            all.extend(digits(&number));
            all.push(Prompt::After(id));
        } else {
            all.push(Prompt::Whole(id));
        }
    }
    Ok(all)
}

fn digits(number: &TelephoneNumber) -> Vec<Prompt> {
    let group = |group: &str| -> Vec<Prompt> {
        group
            .bytes()
            .map(|digit| Prompt::Digit(digit.wrapping_sub(b'0')))
            .collect()
    };
    groups(number).map(group).join(&Prompt::Pause)
}

fn names_number(id: GuidanceId) -> bool {
    id.wording(Language::Ja).contains(NUMBER)
}

fn digit_text(digit: u8, language: Language) -> &'static str {
    let (japanese, english) = match digit {
        0 => ("ゼロ", "zero"),
        1 => ("いち", "one"),
        2 => ("にー", "two"),
        3 => ("さん", "three"),
        4 => ("よん", "four"),
        5 => ("ごー", "five"),
        6 => ("ろく", "six"),
        7 => ("なな", "seven"),
        8 => ("はち", "eight"),
        _ => ("きゅう", "nine"),
    };
    match language {
        Language::Ja => japanese,
        Language::En => english,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guidance(id: &str, number: &str) -> Guidance {
        let mut guidance = Guidance::default();
        id.clone_into(&mut guidance.guidance_id);
        number.clone_into(&mut guidance.number);
        guidance
    }

    fn ids(guidance: &[Guidance]) -> Vec<String> {
        let prompts = recordings(guidance).unwrap();
        prompts.into_iter().map(Prompt::id).collect()
    }

    /// IVR-5, IVR-7, IVR-8: the caller hears all guidance in order, and the number digit by digit.
    #[test]
    fn guidance_becomes_recordings() {
        let heard = [
            guidance("invalid-entry", ""),
            guidance("enter-password", "0312340001"),
        ];
        let expected = "invalid-entry enter-password-before digit-0 digit-3 pause digit-1 digit-2 digit-3 \
             digit-4 pause digit-0 digit-0 digit-0 digit-1 enter-password-after";
        assert_eq!(ids(&heard).join(" "), expected);
        assert!(ids(&[]).is_empty());
    }

    #[test]
    fn unknown_guidance_and_malformed_numbers_are_errors() {
        for (id, number, expected) in [
            ("enter-unitt", "", ScriptError::Unknown),
            ("enter-password", "", ScriptError::Number),
            ("password-set", "12", ScriptError::Number),
        ] {
            assert_eq!(recordings(&[guidance(id, number)]), Err(expected));
        }
    }

    /// IVR-5, IVR-8: the two halves together contain the complete wording. Every prompt except the pause has a text,
    /// and every id is unique.
    #[test]
    fn the_recordings_contain_the_complete_wording() {
        for language in Language::ALL {
            for prompt in Prompt::all() {
                assert_eq!(
                    prompt.text(language).is_empty(),
                    prompt == Prompt::Pause,
                    "{prompt:?}"
                );
            }
            for id in GuidanceId::ALL.into_iter().filter(|id| names_number(*id)) {
                let (before, after) = (
                    Prompt::Before(id).text(language),
                    Prompt::After(id).text(language),
                );
                let letters = |text: &str| -> String {
                    text.chars()
                        .filter(|letter| !BETWEEN.contains(letter))
                        .collect()
                };
                let whole = letters(id.wording(language)).replace(NUMBER, "");
                assert_eq!(letters(&format!("{before}{after}")), whole);
            }
        }
        let mut ids: Vec<String> = Prompt::all().into_iter().map(Prompt::id).collect();
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }
}
