//! Unit migration: a subscriber changes the line's auth unit (MIG-1 to MIG-7).

mod preview;
mod verifications;

use std::collections::HashSet;

use aikagi_api::edge::v1::PreviewMigrationResponse;
use aikagi_api::units::v1::{AuthUnit, Login};

use super::session::Session;
use super::steps::{Next, Steps};
use super::{Answer, Epoch, Handle, Limits, Line, Model, Number, Password, Refused};

pub use preview::Preview;

use verifications::Verifications;

/// SESS-5: identifies the state of the line and of all its accounts that a preview shows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PreviewRevision {
    line: u32,
    accounts: Vec<Epoch>,
}

/// MIG-1: the offered unit migrations, each as the unit before and the unit after.
const OFFERED: [(AuthUnit, AuthUnit); 4] = [
    (AuthUnit::Number, AuthUnit::Line),
    (AuthUnit::Line, AuthUnit::Number),
    (AuthUnit::Number, AuthUnit::AdminUser),
    (AuthUnit::Line, AuthUnit::AdminUser),
];

/// MIG-5: the reasons for a password that is not right.
const WRONG: [&str; 2] = ["PASSWORD_WRONG", "PASSWORD_DEAD"];

/// A unit migration (MIG-1 to MIG-7).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Migrate {
    handle: Handle,
    to: AuthUnit,
    passwords: Vec<(Number, Password)>,
    seen: Option<PreviewRevision>,
    at: At,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum At {
    Session,
    Offer(Session),
    Verify(MigrationDecision, Verifications),
    Commit(MigrationDecision),
}

/// The facts that a unit migration has read and proven so far.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct MigrationDecision {
    session: Session,
    /// [`Line::changes`] when the line was read.
    line: u32,
    asked_for: Vec<Number>,
    proven: Vec<(Number, Epoch)>,
}

impl Migrate {
    /// A unit migration to this unit with these passwords. `seen` is the revision of the preview
    /// that the subscriber saw.
    pub fn new(
        handle: Handle,
        to: AuthUnit,
        passwords: Vec<(Number, Password)>,
        seen: Option<PreviewRevision>,
    ) -> Self {
        Self {
            handle,
            to,
            passwords,
            seen,
            at: At::Session,
        }
    }

    /// MIG-5: the refusal if a fault prevents the verification of the next password. It names the
    /// wrong passwords that were charged before. `None` if there were none.
    pub fn answer_after_a_fault(&self) -> Option<Refused> {
        match &self.at {
            At::Verify(_, verifications) => refusal(&verifications.wrong()),
            _ => None,
        }
    }

    /// The same unit migration once for each password whose verification can take the next step.
    pub fn choices(self) -> Vec<Self> {
        let At::Verify(decision, verifications) = &self.at else {
            return vec![self];
        };
        let choices = verifications.choices().into_iter();
        choices
            .map(|verifications| Self {
                at: At::Verify(decision.clone(), verifications),
                ..self.clone()
            })
            .collect()
    }

    /// True if the next step only reads, so that no other operation can notice it.
    pub fn only_looks(&self, model: &Model) -> bool {
        match &self.at {
            At::Session | At::Offer(_) => true,
            At::Verify(_, verifications) => verifications.only_looks(model),
            At::Commit(_) => false,
        }
    }

    /// True if the unit migration can still succeed.
    pub fn can_succeed(&self, model: &Model) -> bool {
        match &self.at {
            At::Session => model.is_live(self.handle),
            At::Offer(session) => model.is_account_of(session),
            At::Verify(decision, verifications) => {
                decision.can_hold(model, &verifications.proven()) && verifications.can_prove(model)
            }
            At::Commit(decision) => decision.can_hold(model, &decision.proven),
        }
    }

    /// True if the unit migration can still get this refusal.
    pub fn can_be_refused(&self, model: &Model, refused: &Refused) -> bool {
        match &self.at {
            At::Session => refused.reason == "SESSION_ENDED" || model.is_live(self.handle),
            At::Offer(_) => true,
            At::Verify(_, verifications) if WRONG.contains(&refused.reason) => {
                verifications.are_named(refused)
            }
            At::Verify(_, verifications) => verifications.wrong().is_empty(),
            At::Commit(_) => refused.reason == "CHANGED_MEANWHILE",
        }
    }

    fn continues(self, at: At) -> Next<Self, Vec<Login>> {
        Next::Continues(Self { at, ..self })
    }

    /// The checks before any password is compared.
    fn decide(&self, model: &Model, session: Session) -> Answer<MigrationDecision> {
        let (line, asked_for) = model.offer(&session, self.to)?;
        if self.seen != model.preview_revision(session.account) {
            return Err(Refused::new("STALE_VIEW"));
        }
        check_given(&asked_for, &self.passwords)?;
        let unready = unready(&line, &asked_for, model.limits);
        if !unready.is_empty() {
            let places = places(&self.passwords, |number| unready.contains(&number));
            return Err(named("ACCOUNTS_NOT_READY", places));
        }
        Ok(MigrationDecision {
            session,
            line: line.changes,
            asked_for,
            proven: Vec::new(),
        })
    }

    /// LOGIN-6: true if the charge of a right password is open.
    pub fn owes_a_refund(&self, model: &Model) -> bool {
        matches!(&self.at, At::Verify(_, verifications) if verifications.owe_a_refund(model))
    }

    /// MIG-5, LOGIN-6: continues after all verifications. A wrong password does not stop the others.
    fn after(
        self,
        mut decision: MigrationDecision,
        verifications: &Verifications,
    ) -> Next<Self, Vec<Login>> {
        let refused = refusal(&verifications.wrong()).or(verifications.failure());
        if let Some(refused) = refused {
            return Next::Answers(Err(refused));
        }
        decision.proven = verifications.proven();
        if decision.has_proven_its_own() {
            self.continues(At::Commit(decision))
        } else {
            Next::Answers(Err(Refused::new("CHANGED_MEANWHILE")))
        }
    }
}

impl MigrationDecision {
    fn has_proven_its_own(&self) -> bool {
        let own = (self.session.account, self.session.epoch);
        self.proven.contains(&own)
    }

    /// MIG-4: true if the line is unchanged, and so are these proven passwords.
    fn can_hold(&self, model: &Model, proven: &[(Number, Epoch)]) -> bool {
        let Some(line) = model.line(self.session.account) else {
            return false;
        };
        let mut proven = proven.iter();
        line.changes == self.line
            && proven.all(|(number, epoch)| line.numbers[number].epoch == *epoch)
    }

    /// MIG-4, LOGIN-2: true if the line is unchanged, and all proven passwords are unchanged and
    /// live.
    fn still_holds(&self, model: &Model) -> bool {
        let Some(line) = model.line(self.session.account) else {
            return false;
        };
        let is_proven = |number: &Number| {
            let account = &line.numbers[number];
            self.proven.contains(&(*number, account.epoch)) && account.is_ready(model.limits)
        };
        line.changes == self.line && line.closed.is_none() && self.asked_for.iter().all(is_proven)
    }
}

impl Steps for Migrate {
    type Output = Vec<Login>;

    fn step(self, model: &mut Model) -> Next<Self, Vec<Login>> {
        match self.at.clone() {
            At::Session => match model.session(self.handle, true) {
                Ok(session) => self.continues(At::Offer(session)),
                Err(ended) => Next::Answers(Err(ended)),
            },
            At::Offer(session) => match self.decide(model, session) {
                Ok(decision) => {
                    let verifications = Verifications::new(self.handle, &self.passwords);
                    self.continues(At::Verify(decision, verifications))
                }
                Err(refused) => Next::Answers(Err(refused)),
            },
            At::Verify(decision, mut verifications) => {
                verifications.step(model);
                if verifications.have_ended() {
                    self.after(decision, &verifications)
                } else {
                    self.continues(At::Verify(decision, verifications))
                }
            }
            At::Commit(decision) if decision.still_holds(model) => {
                Next::Answers(Ok(model.carry_out(decision.session.account, self.to)))
            }
            At::Commit(_) => Next::Answers(Err(Refused::new("CHANGED_MEANWHILE"))),
        }
    }

    fn fail(self, model: &mut Model) -> Option<Self> {
        let At::Verify(decision, verifications) = self.at else {
            return None;
        };
        let at = At::Verify(decision, verifications.fail(model)?);
        Some(Self { at, ..self })
    }
}

impl Model {
    /// MIG-1 to MIG-3, MIG-6, MIG-7: the passwords that a unit migration requires, and the accounts
    /// after it.
    pub fn preview(&mut self, handle: Handle, to: AuthUnit) -> Answer<PreviewMigrationResponse> {
        let (shown, _) = self.alone(Preview::new(handle, to))?;
        Ok(shown)
    }

    /// MIG-1 to MIG-7, LOGIN-6, SESS-5: changes the unit completely or not at all. Returns the
    /// accounts under the new unit, for each state in which the system may be after that. There are
    /// several states, because the passwords are verified in parallel: a wrong one may end the
    /// session before or after another one is charged (SESS-2).
    pub fn migrate(
        &self,
        handle: Handle,
        to: AuthUnit,
        passwords: &[(Number, Password)],
        seen: Option<&PreviewRevision>,
    ) -> Vec<(Self, Answer<Vec<Login>>)> {
        let begun = Migrate::new(handle, to, passwords.to_vec(), seen.cloned());
        let mut open = vec![(self.clone(), begun)];
        let mut known = HashSet::new();
        let mut ended = Vec::new();
        while let Some((before, migrate)) = open.pop() {
            for choice in migrate.choices() {
                let mut model = before.clone();
                match choice.step(&mut model) {
                    Next::Continues(on) => {
                        if known.insert((model.clone(), on.clone())) {
                            open.push((model, on));
                        }
                    }
                    Next::Answers(answer) => {
                        if !ended.contains(&(model.clone(), answer.clone())) {
                            ended.push((model, answer));
                        }
                    }
                }
            }
        }
        ended
    }

    /// The revision that a preview of the account's line shows now.
    pub fn preview_revision(&self, account: Number) -> Option<PreviewRevision> {
        let line = self.line(account)?;
        let accounts = line.accounts(line.unit?).into_iter();
        Some(PreviewRevision {
            line: line.changes,
            accounts: accounts.map(|number| line.numbers[number].epoch).collect(),
        })
    }

    /// MIG-1, MIG-2, MIG-7: the session's line, and the accounts whose passwords are required.
    fn offer(&self, session: &Session, to: AuthUnit) -> Answer<(Line, Vec<Number>)> {
        if session.must_change.is_some() {
            return Err(Refused::new("PASSWORD_CHANGE_REQUIRED"));
        }
        let line = self.line(session.account).filter(|line| {
            line.closed.is_none() && line.numbers[session.account].epoch == session.epoch
        });
        let line = line.cloned().ok_or(Refused::new("SESSION_ENDED"))?;
        let from = line.unit.filter(|from| OFFERED.contains(&(*from, to)));
        let from = from.filter(|_| line.established.is_some());
        let from = from.ok_or(Refused::new("MIGRATION_NOT_OFFERED"))?;
        let asked_for = line.accounts(from);
        Ok((line, asked_for))
    }

    /// MIG-3, MIG-4, MIG-6, PW-3: makes the change. Returns the accounts under the new unit.
    fn carry_out(&mut self, account: Number, to: AuthUnit) -> Vec<Login> {
        let Some(line) = self.line_mut(account) else {
            return Vec::new();
        };
        let own = line.numbers[account].secret.clone();
        let (logins, accounts) = (logins(line, to), line.accounts(to));
        line.unit = Some(to);
        line.changes += 1;
        for (number, account) in &mut line.numbers {
            if accounts.contains(number) {
                account.set(own.clone());
            } else {
                account.void();
            }
        }
        let numbers: Vec<Number> = line.numbers.keys().copied().collect();
        for number in numbers {
            self.end_sessions_of(number);
        }
        logins
    }
}

/// MIG-5: refuses the request if a number is not required, given twice or missing.
fn check_given(asked_for: &[Number], passwords: &[(Number, Password)]) -> Answer<()> {
    let mut refused = Refused::new("INVALID_FIELD");
    for (place, (number, _)) in passwords.iter().enumerate() {
        let is_twice = passwords[..place]
            .iter()
            .any(|(before, _)| before == number);
        if !asked_for.contains(number) || is_twice {
            refused = refused.field(field(place));
        }
    }
    let is_given = |number: &Number| passwords.iter().any(|(given, _)| given == number);
    if !asked_for.iter().all(is_given) {
        refused = refused.field("passwords");
    }
    if refused.fields.is_empty() {
        Ok(())
    } else {
        Err(refused)
    }
}

/// MIG-5: the accounts without a live permanent password that has attempts left.
fn unready(line: &Line, asked_for: &[Number], limits: Limits) -> Vec<Number> {
    let numbers = asked_for.iter().copied();
    numbers
        .filter(|number| !line.numbers[number].is_ready(limits))
        .collect()
}

/// MIG-6, UNIT-1: the accounts under a unit, with role and scope.
fn logins(line: &Line, to: AuthUnit) -> Vec<Login> {
    let accounts = line.accounts(to).into_iter();
    accounts
        .filter_map(|number| {
            let role = line.role_under(to, number)?;
            Some(Login {
                number: number.to_owned(),
                role: role.into(),
                scope_numbers: line.scope(role, number),
            })
        })
        .collect()
}

fn places(passwords: &[(Number, Password)], which: impl Fn(Number) -> bool) -> Vec<usize> {
    let numbers = passwords.iter().map(|(number, _)| *number).enumerate();
    numbers
        .filter(|(_, number)| which(number))
        .map(|(place, _)| place)
        .collect()
}

/// MIG-5: the refusal that names the wrong passwords. `None` if there are none.
fn refusal(wrong: &[(usize, &'static str)]) -> Option<Refused> {
    let is_dead = wrong.iter().any(|(_, why)| *why == "PASSWORD_DEAD");
    let reason = if is_dead {
        "PASSWORD_DEAD"
    } else {
        "PASSWORD_WRONG"
    };
    let places = wrong.iter().map(|(place, _)| *place).collect();
    (!wrong.is_empty()).then(|| named(reason, places))
}

fn field(place: usize) -> String {
    format!("passwords[{place}]")
}

fn named(reason: &'static str, places: Vec<usize>) -> Refused {
    let fields = places.into_iter().map(field);
    fields.fold(Refused::new(reason), Refused::field)
}
