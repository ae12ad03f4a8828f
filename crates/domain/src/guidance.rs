//! The guidance that the caller hears, by id, in Japanese and English. The specification defines the
//! content; the wording is Aikagi's own.

use serde::Deserialize;

use crate::telephone::TelephoneNumber;

/// A guidance in the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GuidanceId {
    /// Asks for the unit (IVR-1).
    EnterUnit,
    /// Asks for the number whose password is set (IVR-3, IVR-4).
    EnterTarget,
    /// Says for which number the password is set, and asks for the eight digits (IVR-5).
    EnterPassword,
    /// Asks for the eight digits again (IVR-6).
    ConfirmPassword,
    /// "Not correct, enter it again" (IVR-7).
    InvalidEntry,
    /// Says which number's password was set (IVR-8).
    PasswordSet,
    /// Ends the call at the third invalid entry (IVR-7).
    TooManyInvalid,
    /// Says that the call cannot be accepted (IVR-11).
    CallRefused,
    /// Says that the password could not be set, and asks the caller to dial again.
    TryLater,
}

/// A language of the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// Japanese.
    Ja,
    /// English.
    En,
}

impl Language {
    /// All languages.
    pub const ALL: [Self; 2] = [Self::Ja, Self::En];

    /// The language tag: `ja`, `en`.
    pub fn tag(self) -> &'static str {
        match self {
            Self::Ja => "ja",
            Self::En => "en",
        }
    }
}

impl GuidanceId {
    /// The whole catalogue.
    pub const ALL: [Self; 9] = [
        Self::EnterUnit,
        Self::EnterTarget,
        Self::EnterPassword,
        Self::ConfirmPassword,
        Self::InvalidEntry,
        Self::PasswordSet,
        Self::TooManyInvalid,
        Self::CallRefused,
        Self::TryLater,
    ];

    /// The id, for IVR platforms that play recordings.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EnterUnit => "enter-unit",
            Self::EnterTarget => "enter-target",
            Self::EnterPassword => "enter-password",
            Self::ConfirmPassword => "confirm-password",
            Self::InvalidEntry => "invalid-entry",
            Self::PasswordSet => "password-set",
            Self::TooManyInvalid => "too-many-invalid",
            Self::CallRefused => "call-refused",
            Self::TryLater => "try-later",
        }
    }

    /// Finds a guidance by its id; `None` for an unknown id.
    pub fn named(id: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|guidance| guidance.as_str() == id)
    }

    /// The wording. `{number}` is the placeholder for a number that is read out.
    pub fn wording(self, language: Language) -> &'static str {
        match language {
            Language::Ja => self.japanese(),
            Language::En => self.english(),
        }
    }

    fn japanese(self) -> &'static str {
        match self {
            Self::EnterUnit => {
                "仮パスワードを設定します。認証単位をお選びください。回線単位の場合は1を、電話番号単位の場合は2を、\
                 管理者・ユーザ単位の場合は3を押してください。"
            }
            Self::EnterTarget => {
                "仮パスワードを設定する電話番号を市外局番から入力し、最後にシャープを押してください。"
            }
            Self::EnterPassword => {
                "電話番号、{number}の仮パスワードを設定します。8桁の数字を入力してください。"
            }
            Self::ConfirmPassword => "確認のため、もう一度同じ8桁の数字を入力してください。",
            Self::InvalidEntry => "入力に誤りがあります。もう一度入力してください。",
            Self::PasswordSet => {
                "電話番号、{number}の仮パスワードを設定しました。24時間以内に設定サイトでパスワードを変更してください。\
                 ご利用ありがとうございました。"
            }
            Self::TooManyInvalid => {
                "入力に誤りがあるため、設定を中止しました。恐れ入りますが、はじめからおかけ直しください。"
            }
            Self::CallRefused => {
                "恐れ入りますが、この電話からのお申し込みは受け付けできません。ご契約の電話から、電話番号を通知しておかけ直しください。"
            }
            Self::TryLater => {
                "恐れ入りますが、ただいま設定を完了できませんでした。しばらくたってから、はじめからおかけ直しください。"
            }
        }
    }

    fn english(self) -> &'static str {
        match self {
            Self::EnterUnit => {
                "You are about to set a temporary password. For one login for the whole line, press 1. For a login \
                 for each telephone number, press 2. For an administrator and users, press 3."
            }
            Self::EnterTarget => {
                "Please enter the telephone number to set the temporary password for, beginning with the area \
                 code, and then press the hash key."
            }
            Self::EnterPassword => {
                "You are setting the temporary password for telephone number {number}. Please enter eight digits."
            }
            Self::ConfirmPassword => "To confirm, please enter the same eight digits again.",
            Self::InvalidEntry => "Your entry is not correct. Please enter it again.",
            Self::PasswordSet => {
                "The temporary password for telephone number {number} has been set. Please change it on the \
                 settings site within 24 hours. Thank you for calling."
            }
            Self::TooManyInvalid => {
                "Because of incorrect entries the setting has been cancelled. Please call again and start over."
            }
            Self::CallRefused => {
                "We are sorry, but this call cannot be accepted. Please call from the contracted telephone line \
                 with your number shown."
            }
            Self::TryLater => {
                "We are sorry, but the setting could not be completed. Please wait a while, then call again and \
                 start over."
            }
        }
    }
}

/// A guidance to play, with the number that it reads out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guidance {
    /// The id in the catalogue.
    pub id: GuidanceId,
    /// The number that is read out, always a number of the caller's line; `None` if the wording has no number.
    pub number: Option<TelephoneNumber>,
}

impl Guidance {
    /// A guidance without a number.
    pub fn plain(id: GuidanceId) -> Self {
        Self { id, number: None }
    }

    /// A guidance that reads out a number.
    pub fn about(id: GuidanceId, number: &TelephoneNumber) -> Self {
        Self {
            id,
            number: Some(number.clone()),
        }
    }

    /// The wording with the number inserted, digit by digit in groups.
    pub fn text(&self, language: Language) -> String {
        let wording = self.id.wording(language);
        match &self.number {
            Some(number) => wording.replace("{number}", &spoken(number, language)),
            None => wording.to_owned(),
        }
    }
}

/// Formats a number for reading out: `0 3, 1 2 3 4, 5 6 7 8`.
fn spoken(number: &TelephoneNumber, language: Language) -> String {
    let groups = groups(number).map(|group| {
        let digits: Vec<String> = group.chars().map(String::from).collect();
        digits.join(" ")
    });
    groups.join(match language {
        Language::Ja => "、",
        Language::En => ", ",
    })
}

/// Splits a number into the three groups of digits in which it is read out, with a pause between groups.
pub fn groups(number: &TelephoneNumber) -> [&str; 3] {
    let digits = number.as_str();
    let (first, second) = match digits {
        _ if digits.starts_with("0120") => (4, 7),
        _ if digits.starts_with("0800") => (4, 7),
        _ if digits.len() == 11 => (3, 7),
        _ if digits.starts_with("03") || digits.starts_with("06") => (2, 6),
        _ => (3, 6),
    };
    let group = |range| digits.get(range).unwrap_or_default();
    [
        group(0..first),
        group(first..second),
        group(second..digits.len()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// IVR-5, IVR-8: numbers are read out digit by digit, in groups.
    #[test]
    fn numbers_are_read_out_digit_by_digit() {
        for (number, english) in [
            ("0312345678", "0 3, 1 2 3 4, 5 6 7 8"),
            ("0451234567", "0 4 5, 1 2 3, 4 5 6 7"),
            ("09012345678", "0 9 0, 1 2 3 4, 5 6 7 8"),
            ("0120123456", "0 1 2 0, 1 2 3, 4 5 6"),
            ("08001234567", "0 8 0 0, 1 2 3, 4 5 6 7"),
        ] {
            let number = TelephoneNumber::parse(number).unwrap();
            let guidance = Guidance::about(GuidanceId::EnterPassword, &number);
            assert!(guidance.text(Language::En).contains(english), "{english}");
            assert!(
                guidance
                    .text(Language::Ja)
                    .contains(&english.replace(", ", "、")),
                "{english}"
            );
        }
    }

    /// IVR-5, IVR-8: the guidances with a number contain the placeholder, in both languages; all others do
    /// not. Every placeholder is replaced.
    #[test]
    fn the_catalogue_is_complete() {
        let number = TelephoneNumber::parse("0312345678").unwrap();
        for id in GuidanceId::ALL {
            let names_number = matches!(id, GuidanceId::EnterPassword | GuidanceId::PasswordSet);
            for language in [Language::Ja, Language::En] {
                assert_eq!(
                    id.wording(language).contains("{number}"),
                    names_number,
                    "{id:?}"
                );
                assert!(
                    !Guidance::about(id, &number)
                        .text(language)
                        .contains(['{', '}']),
                    "{id:?}"
                );
            }
        }
        let mut ids = GuidanceId::ALL.map(GuidanceId::as_str).to_vec();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), GuidanceId::ALL.len());
        assert!(
            GuidanceId::ALL.map(|id| GuidanceId::named(id.as_str())) == GuidanceId::ALL.map(Some)
        );
        assert_eq!(GuidanceId::named("enter"), None);
    }
}
