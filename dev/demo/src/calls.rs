//! Calls to the setting number. Each turn is checked and narrated.

use aikagi_api::issuance::v1::{CallOutcome, CallStep, TakeTurnResponse};
use aikagi_client::{Asked, Call, asked, guidance};
use anyhow::Result;

use super::narrator::masked;
use super::{Story, answered, expect};

/// A caller in a call.
pub(super) struct Caller<'a> {
    story: &'a Story,
    call: Call,
}

/// The choices of a caller who sets a temporary password without mistakes.
pub(super) struct Setting<'a> {
    /// The number that calls.
    pub(super) caller: &'a str,
    /// The key for the unit (IVR-1).
    pub(super) unit: &'a str,
    /// True if the dialog asks for the target (IVR-3, IVR-4).
    pub(super) asks_target: bool,
    /// The account whose password is set.
    pub(super) account: &'a str,
    /// The password, eight digits.
    pub(super) password: &'a str,
}

impl Story {
    /// Calls the setting number. `number` is empty if it is withheld.
    pub(super) async fn dial(
        &self,
        number: &str,
        expected: &[&str],
        next: Asked,
    ) -> Result<Caller<'_>> {
        let who = if number.is_empty() {
            "with the number withheld".to_owned()
        } else {
            format!("from {}", masked(number))
        };
        self.narrator
            .does("caller", &format!("dials the setting number {who}"));
        let (call, answer) = answered("dialling", self.ivr.dial(number).await)?;
        let caller = Caller { story: self, call };
        caller.check(&answer, expected, next)?;
        Ok(caller)
    }

    /// Calls the setting number and hears the question for the unit (IVR-1).
    pub(super) async fn dial_in(&self, number: &str) -> Result<Caller<'_>> {
        self.dial(number, &["enter-unit"], Asked::Step(CallStep::Unit))
            .await
    }

    /// Sets a temporary password in a call without mistakes (IVR-1 to IVR-8).
    pub(super) async fn set(&self, setting: Setting<'_>) -> Result<()> {
        let mut caller = self.dial_in(setting.caller).await?;
        let answer = if setting.asks_target {
            caller.choose_target_unit(setting.unit).await?;
            caller.target(setting.account).await?
        } else {
            let unit = setting.unit;
            let step = Asked::Step(CallStep::Password);
            caller.keys(unit, unit, &["enter-password"], step).await?
        };
        expect(
            "the number read out",
            &read_out(&answer),
            &Some(setting.account),
        )?;
        caller.confirmed(setting.account, setting.password).await
    }
}

impl Caller<'_> {
    /// Presses keys. The transcript shows them as `shown`.
    pub(super) async fn keys(
        &mut self,
        keys: &str,
        shown: &str,
        expected: &[&str],
        next: Asked,
    ) -> Result<TakeTurnResponse> {
        self.story.narrator.does("caller", &format!("keys {shown}"));
        let answer = answered("a turn of the call", self.call.keys(keys).await)?;
        self.check(&answer, expected, next)?;
        Ok(answer)
    }

    /// Makes an invalid entry and hears the question again (IVR-7).
    pub(super) async fn mistake(
        &mut self,
        keys: &str,
        shown: &str,
        question: &str,
        step: CallStep,
    ) -> Result<()> {
        self.keys(keys, shown, &["invalid-entry", question], Asked::Step(step))
            .await?;
        Ok(())
    }

    /// Makes the third invalid entry of a step, which ends the call (IVR-7).
    pub(super) async fn last_mistake(&mut self, keys: &str, shown: &str) -> Result<()> {
        let ended = Asked::Ended(CallOutcome::TooManyInvalid);
        self.keys(keys, shown, &["too-many-invalid"], ended).await?;
        Ok(())
    }

    /// Presses no key and hears the question again (IVR-7).
    pub(super) async fn silence(&mut self, question: &str, step: CallStep) -> Result<()> {
        self.story.narrator.does("caller", "keys nothing");
        let answer = answered("a silence", self.call.silence().await)?;
        self.check(&answer, &["invalid-entry", question], Asked::Step(step))
    }

    /// Chooses a unit in which the dialog asks for the target (IVR-3, IVR-4).
    pub(super) async fn choose_target_unit(&mut self, unit: &str) -> Result<()> {
        let step = Asked::Step(CallStep::Target);
        self.keys(unit, unit, &["enter-target"], step).await?;
        Ok(())
    }

    /// Keys an accepted target.
    pub(super) async fn target(&mut self, number: &str) -> Result<TakeTurnResponse> {
        let (keys, shown) = (format!("{number}#"), format!("{} and #", masked(number)));
        let step = Asked::Step(CallStep::Password);
        self.keys(&keys, &shown, &["enter-password"], step).await
    }

    /// Keys the eight digits for the first time (IVR-5).
    pub(super) async fn password(&mut self, password: &str) -> Result<()> {
        let step = Asked::Step(CallStep::Confirm);
        self.keys(password, "eight digits", &["confirm-password"], step)
            .await?;
        Ok(())
    }

    /// Keys the eight digits again and hears that the password is set (IVR-6, IVR-8).
    pub(super) async fn confirm(&mut self, account: &str, password: &str) -> Result<()> {
        let set = Asked::Ended(CallOutcome::Set);
        let answer = self
            .keys(password, "the same eight digits", &["password-set"], set)
            .await?;
        expect("the number read out", &read_out(&answer), &Some(account))
    }

    /// Keys the eight digits twice.
    async fn confirmed(&mut self, account: &str, password: &str) -> Result<()> {
        self.password(password).await?;
        self.confirm(account, password).await
    }

    fn check(&self, answer: &TakeTurnResponse, expected: &[&str], next: Asked) -> Result<()> {
        for heard in &answer.guidance {
            let text = masked_in(&heard.text_en, &heard.number);
            self.story.narrator.hears(&text);
        }
        let got = asked(answer);
        if let Asked::Ended(outcome) = got {
            self.story
                .narrator
                .answer(&format!("the call ends: {}", ending(outcome)));
        }
        expect("the guidance", &expected.to_vec(), &guidance(answer))?;
        expect("what comes next in the call", &next, &got)
    }
}

fn read_out(answer: &TakeTurnResponse) -> Option<&str> {
    let mut numbers = answer.guidance.iter().map(|heard| heard.number.as_str());
    numbers.find(|number| !number.is_empty())
}

/// UNIT-3: the text with its number masked, even if spaces separate the digits for reading out.
/// The caller may hear the full number, but the transcript must not show it.
fn masked_in(text: &str, number: &str) -> String {
    let digits: Vec<(usize, char)> = text
        .char_indices()
        .filter(|(_, digit)| digit.is_ascii_digit())
        .collect();
    let hidden: Vec<usize> = digits
        .windows(number.len().max(1))
        .find(|window| number.chars().eq(window.iter().map(|(_, digit)| *digit)))
        .map(|window| window.iter().rev().skip(4).map(|(at, _)| *at).collect())
        .unwrap_or_default();
    text.char_indices()
        .map(|(at, letter)| if hidden.contains(&at) { '*' } else { letter })
        .collect()
}

fn ending(outcome: CallOutcome) -> &'static str {
    match outcome {
        CallOutcome::Unspecified => "without an outcome",
        CallOutcome::Set => "the temporary password is set",
        CallOutcome::TooManyInvalid => "too many invalid entries, nothing is changed",
        CallOutcome::Refused => "it is refused",
        CallOutcome::HungUp => "the caller hung up",
        CallOutcome::Failed => "it failed because of a fault of the system",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// UNIT-3: a number that is read out to the caller is masked in the transcript.
    #[test]
    fn a_number_that_is_read_out_is_masked() {
        let heard = "For 0 5 0, 0 9 8 4, 6 3 0 1, within 24 hours.";
        let masked = "For * * *, * * * *, 6 3 0 1, within 24 hours.";
        assert_eq!(masked_in(heard, "05009846301"), masked);
        assert_eq!(masked_in("within 24 hours", ""), "within 24 hours");
    }
}
