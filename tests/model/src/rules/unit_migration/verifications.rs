//! The verifications of the passwords of a unit migration. They run in parallel (MIG-5).

use super::super::steps::{Next, Steps as _};
use super::super::verification::{Proof, Verify};
use super::super::{Answer, Epoch, Handle, Model, Number, Password, Refused};
use super::{WRONG, field};

/// The verifications, in the order of the passwords.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Verifications {
    each: Vec<(Number, Verification)>,
    /// The position of the verification that takes the next step.
    turn: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Verification {
    Running(Verify),
    Ended(Answer<Proof>),
}

impl Verifications {
    pub(super) fn new(handle: Handle, passwords: &[(Number, Password)]) -> Self {
        let verify = |(number, typed): &(Number, Password)| {
            let verify = Verify::new(handle, number, typed);
            (*number, Verification::Running(verify))
        };
        Self {
            each: passwords.iter().map(verify).collect(),
            turn: 0,
        }
    }

    /// Copies of these verifications, one for each verification that can take the next step. In each copy, a
    /// different verification has the turn.
    pub(super) fn choices(&self) -> Vec<Self> {
        let each = self.each.iter().enumerate();
        each.filter(|(_, (_, verification))| matches!(verification, Verification::Running(_)))
            .map(|(turn, _)| Self {
                turn,
                ..self.clone()
            })
            .collect()
    }

    fn next(&self) -> Option<&Verify> {
        match self.each.get(self.turn) {
            Some((_, Verification::Running(verify))) => Some(verify),
            _ => None,
        }
    }

    /// Takes the next step. Then the first verification that is still running gets the turn.
    pub(super) fn step(&mut self, model: &mut Model) {
        if let Some(verify) = self.next().cloned() {
            self.each[self.turn].1 = match verify.step(model) {
                Next::Continues(verify) => Verification::Running(verify),
                Next::Answers(answer) => Verification::Ended(answer),
            };
        }
        self.pass_the_turn();
    }

    /// LOGIN-4: makes the dependency of the next step fail. `None` if a fault at this step refunds nothing.
    pub(super) fn fail(mut self, model: &mut Model) -> Option<Self> {
        let failed = self.next()?.clone().fail(model)?;
        self.each[self.turn].1 = Verification::Running(failed);
        self.pass_the_turn();
        Some(self)
    }

    fn pass_the_turn(&mut self) {
        let mut each = self.each.iter();
        let running = each.position(|(_, each)| matches!(each, Verification::Running(_)));
        self.turn = running.unwrap_or(self.each.len());
    }

    pub(super) fn have_ended(&self) -> bool {
        let mut each = self.each.iter();
        each.all(|(_, each)| matches!(each, Verification::Ended(_)))
    }

    fn ended(&self) -> impl Iterator<Item = (usize, Number, &Answer<Proof>)> {
        let each = self.each.iter().enumerate();
        each.filter_map(|(place, (number, verification))| match verification {
            Verification::Ended(answer) => Some((place, *number, answer)),
            Verification::Running(_) => None,
        })
    }

    /// The positions of the passwords that were not right, each with its reason.
    pub(super) fn wrong(&self) -> Vec<(usize, &'static str)> {
        self.ended()
            .filter_map(|(place, _, answer)| match answer {
                Err(refused) if WRONG.contains(&refused.reason) => Some((place, refused.reason)),
                _ => None,
            })
            .collect()
    }

    /// The first refusal that is not about a password.
    pub(super) fn failure(&self) -> Option<Refused> {
        self.ended().find_map(|(_, _, answer)| match answer {
            Ok(proof) if proof.is_permanent => None,
            Ok(_) => Some(Refused::new("CHANGED_MEANWHILE")),
            Err(refused) if WRONG.contains(&refused.reason) => None,
            Err(refused) => Some(refused.clone()),
        })
    }

    /// The accounts whose passwords were right, with the epochs of these passwords.
    pub(super) fn proven(&self) -> Vec<(Number, Epoch)> {
        self.ended()
            .filter_map(|(_, number, answer)| Some((number, answer.as_ref().ok()?.epoch)))
            .collect()
    }

    /// LOGIN-6: true if the charge of a right password is open.
    pub(super) fn owe_a_refund(&self, model: &Model) -> bool {
        self.each.iter().any(|(_, each)| match each {
            Verification::Running(verify) => verify.owes_a_refund(model),
            Verification::Ended(_) => false,
        })
    }

    /// True if the next step only reads, and would have the same result later.
    pub(super) fn only_looks(&self, model: &Model) -> bool {
        self.wrong().is_empty() && self.next().is_some_and(|verify| verify.only_looks(model))
    }

    /// True if every ended verification has proved its password, and every running one can still prove its password.
    pub(super) fn can_prove(&self, model: &Model) -> bool {
        self.each.iter().all(|(_, each)| match each {
            Verification::Running(verify) => verify.can_prove(model),
            Verification::Ended(answer) => answer.is_ok(),
        })
    }

    /// True if, among the passwords verified so far, this refusal names exactly the wrong ones.
    pub(super) fn are_named(&self, refused: &Refused) -> bool {
        let wrong = self.wrong();
        self.ended().all(|(place, _, _)| {
            let is_wrong = wrong.iter().any(|(wrong, _)| *wrong == place);
            is_wrong == refused.fields.contains(&field(place))
        })
    }
}
