//! Mistakes and refusals in calls (IVR-6, IVR-7, IVR-11, IVR-12).

use aikagi_api::issuance::v1::take_turn_request::Event;
use aikagi_api::issuance::v1::{CallOutcome, CallStarted, CallStep, TakeTurnRequest};
use aikagi_api::units::v1::{AuthUnit, CredentialKind};
use aikagi_client::{Asked, call_id};
use anyhow::Result;

use super::{OTHER_TEMPORARY, TEMPORARY};
use crate::{Story, answered, expect};

impl Story {
    /// IVR-6, IVR-7: the dialog repeats the question after an invalid entry; the third one ends the call without a change.
    pub(crate) async fn mistakes_on_the_telephone(&self) -> Result<()> {
        let line = self.fresh_line(true).await?;

        self.narrator
            .part("Three invalid entries of one step end the call");
        let mut caller = self.dial_in(&line.first).await?;
        caller
            .mistake("7", "7", "enter-unit", CallStep::Unit)
            .await?;
        caller.silence("enter-unit", CallStep::Unit).await?;
        caller.last_mistake("*", "*").await?;

        self.narrator
            .part("Each step has its own count; a temporary password has exactly eight digits");
        let mut caller = self.dial_in(&line.contract).await?;
        caller
            .mistake("0", "0", "enter-unit", CallStep::Unit)
            .await?;
        caller.choose_target_unit("2").await?;
        let target = CallStep::Target;
        caller
            .mistake("12#", "12 and #", "enter-target", target)
            .await?;
        caller
            .mistake(
                "0699999999#",
                "a number on no line, and #",
                "enter-target",
                target,
            )
            .await?;
        caller.target(&line.first).await?;
        let password = CallStep::Password;
        caller
            .mistake("1234567", "seven digits", "enter-password", password)
            .await?;
        caller.password(TEMPORARY).await?;

        self.narrator
            .part("After a mismatch the dialog asks again; the third mismatch ends the call");
        let (other, confirm) = ("eight other digits", CallStep::Confirm);
        caller
            .mistake(OTHER_TEMPORARY, other, "confirm-password", confirm)
            .await?;
        caller
            .mistake(OTHER_TEMPORARY, other, "confirm-password", confirm)
            .await?;
        caller.last_mistake(OTHER_TEMPORARY, other).await?;

        self.narrator.part("Nothing has been changed");
        self.unit_is(&line.contract, AuthUnit::Unspecified, false)
            .await?;
        let number = answered(
            "looking at a number",
            self.operator.number(&line.first).await,
        )?;
        expect(
            "the credential",
            &CredentialKind::None,
            &number.credential_kind(),
        )?;
        self.login_refused(&line.first, TEMPORARY, "the eight digits keyed")
            .await?;

        self.narrator
            .part("After one mismatch, the same digits set the password");
        let mut caller = self.dial_in(&line.contract).await?;
        caller.choose_target_unit("2").await?;
        caller.target(&line.first).await?;
        caller.password(TEMPORARY).await?;
        caller
            .mistake(OTHER_TEMPORARY, other, "confirm-password", confirm)
            .await?;
        caller.confirm(&line.first, TEMPORARY).await?;
        let subscriber = self.login_temporary(&line.first, TEMPORARY).await?;
        self.logout(&subscriber).await
    }

    /// IVR-11, IVR-12: callers who are refused, and a turn whose response is lost.
    pub(crate) async fn calls_that_are_not_accepted(&self) -> Result<()> {
        let line = self.fresh_line(true).await?;
        let refused = Asked::Ended(CallOutcome::Refused);
        self.dial("", &["call-refused"], refused).await?;
        self.dial("0699999999", &["call-refused"], refused).await?;

        self.narrator
            .part("An additional number that is not subscribed cannot be a user");
        let mut caller = self.dial_in(&line.unsubscribed).await?;
        caller
            .mistake("3", "3", "enter-unit", CallStep::Unit)
            .await?;
        let step = Asked::Step(CallStep::Password);
        caller.keys("1", "1", &["enter-password"], step).await?;

        self.narrator
            .part("A turn that is sent again after a lost response counts once");
        let turn = |sequence, event| TakeTurnRequest {
            call_id: String::new(),
            sequence,
            event: Some(event),
        };
        let id = call_id();
        let started = CallStarted {
            caller_number: line.first.clone(),
        };
        let invalid = || turn(1, Event::Keys("9".to_owned()));
        let mut answers = Vec::new();
        for turn in [
            turn(0, Event::Started(started)),
            invalid(),
            invalid(),
            invalid(),
        ] {
            let turn = TakeTurnRequest {
                call_id: id.clone(),
                ..turn
            };
            self.narrator
                .does("platform", &format!("sends turn {}", turn.sequence));
            let answer = answered("a turn", self.ivr.take_turn(turn).await)?;
            let heard = aikagi_client::guidance(&answer).join(", ");
            self.narrator.answer(&heard);
            answers.push(answer);
        }
        for again in answers.iter().skip(2) {
            let same = answers.get(1) == Some(again);
            expect("the same response to the same turn", &true, &same)?;
        }
        Ok(())
    }
}
