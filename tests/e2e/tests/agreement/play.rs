//! Plays operations on the system and on the model, and compares the responses.

use aikagi_api::authentication::v1::Session;
use aikagi_api::edge::v1::PreviewMigrationResponse;
use aikagi_api::units::v1::AuthUnit;
use aikagi_client::LoggedIn;
use aikagi_model::readable::Readable;
use aikagi_model::rules::{
    Answer, Change, Event, Handle, Limits, Model, Number, Password, PreviewRevision, Revision,
};
use aikagi_model::wire::refusal;
use chrono::TimeDelta;
use tonic::Status;

use super::AgreementRun;
use super::coverage::Coverage;
use super::operation::{AccountWish, Given, NextUnit, Operation, Pick, Typed, WRONG, Who};

/// The last digits of a sequence's numbers: a line of four, a line of two, and two numbers that are
/// on no line at first.
const CAST: [&str; 8] = ["10", "11", "12", "13", "20", "21", "90", "91"];
/// LOGIN-2: the limits of the services.
const LIMITS: Limits = Limits {
    temporary: 3,
    permanent: 10,
};

/// The different responses of system and model, as text.
#[derive(Debug)]
pub(super) struct Disagreement(String);

/// `Ok` if system and model agree.
pub(super) type Agreed = Result<(), Disagreement>;

/// A subscriber with a session.
pub(super) struct Seat {
    pub(super) person: LoggedIn,
    /// SESS-5: the model's revision for the view that `person` has seen.
    seen: Option<Revision>,
    /// The revisions of the latest preview: the system's and the model's.
    preview: Option<(String, PreviewRevision)>,
}

/// A call as the IVR platform knows it.
pub(super) struct Dialled {
    /// The call id.
    pub(super) id: String,
    /// The latest turn.
    pub(super) sequence: u32,
    pub(super) event: Event,
}

/// A sequence in progress.
pub(super) struct Play<'a> {
    pub(super) run: &'a AgreementRun,
    coverage: &'a Coverage,
    pub(super) model: Model,
    pub(super) cast: Vec<Number>,
    /// The sessions. The index is the model's handle.
    pub(super) seats: Vec<Seat>,
    pub(super) calls: Vec<Dialled>,
    script: Vec<String>,
}

impl<'a> Play<'a> {
    /// Begins a sequence with numbers that no other sequence of the run has.
    pub(super) fn begin(run: &'a AgreementRun, coverage: &'a Coverage, play: usize) -> Self {
        // The leak is harmless, because each sequence has only a few numbers.
        let name = |ending: &&str| -> Number { format!("03{play:06}{ending}").leak() };
        Self {
            run,
            coverage,
            model: Model::at(run.system.now(), LIMITS),
            cast: CAST.iter().map(name).collect(),
            seats: Vec::new(),
            calls: Vec::new(),
            script: Vec::new(),
        }
    }

    /// Adds the two lines with which every sequence begins.
    pub(super) async fn open(&mut self) -> Agreed {
        let first = vec![(0, false), (1, true), (2, true), (3, false)];
        self.take(&Operation::AddLine(first)).await?;
        self.take(&Operation::AddLine(vec![(4, true), (5, true)]))
            .await
    }

    /// Checks at the end that every line, session and password is as in the model.
    pub(super) async fn close(&mut self) -> Agreed {
        for who in 0..self.cast.len() {
            self.get_line(who).await?;
            self.explain(who).await?;
        }
        for seat in 0..self.seats.len() {
            self.look(seat, true).await?;
        }
        for number in self.cast.clone() {
            if let Some(password) = self.model.password(number) {
                self.login(number, password).await?;
            }
        }
        Ok(())
    }

    /// Plays one operation. Skips it if no session or call fits.
    pub(super) async fn take(&mut self, operation: &Operation) -> Agreed {
        match operation {
            Operation::Dial(caller) => self.dial(caller.map(|who| self.cast[who])).await,
            Operation::Key(call, entry) => self.key(call, entry).await,
            Operation::KeyAgain(call) => self.key_again(call).await,
            Operation::KeyAhead(call) => self.key_ahead(call).await,
            Operation::SetInOneRpc {
                caller,
                unit,
                target,
                password,
            } => {
                let caller = caller.map(|who| self.cast[who]);
                self.set_in_one_rpc(caller, *unit, target, *password).await
            }
            Operation::Login(number, typed) => match self.account_wish(number) {
                Some(number) => self.login(number, self.typed(number, typed)).await,
                None => Ok(()),
            },
            Operation::Guess(number, times) => self.guess(number, *times).await,
            Operation::Look { session, peek } => match self.seat(session) {
                Some(seat) => self.look(seat, *peek).await,
                None => Ok(()),
            },
            Operation::Change {
                session,
                current,
                new,
                mistyped,
                look,
            } => {
                let again = if *mistyped { "Another1" } else { new };
                self.change(session, current, (new, again), *look).await
            }
            Operation::Logout(session) => self.logout(session).await,
            Operation::Access(session, number) => self.access(session, *number).await,
            Operation::EndSessions(number) => self.end_sessions(*number).await,
            Operation::ListSessions(number) => self.list_sessions(*number).await,
            Operation::Preview(session, unit) => match self.seat(session) {
                Some(seat) => self.preview(seat, self.next_unit(seat, unit)).await,
                None => Ok(()),
            },
            Operation::Migrate {
                session,
                unit,
                typed,
                given,
                look,
            } => self.migrate(session, unit, (typed, given), *look).await,
            Operation::GetLine(number) => self.get_line(*number).await,
            Operation::Explain(number) => self.explain(*number).await,
            Operation::AddLine(numbers) => self.add_line(numbers).await,
            Operation::CloseLine(number) => self.close_line(*number).await,
            Operation::AddNumber {
                line,
                number,
                subscribed,
            } => self.add_number(*line, *number, *subscribed).await,
            Operation::RemoveNumber(number) => self.remove_number(*number).await,
            Operation::Subscribe(number, wanted) => self.subscribe(*number, *wanted).await,
            Operation::ResetUnit(number) => self.reset_unit(*number).await,
            Operation::Wait(time) => self.wait(*time),
            Operation::LoseTheCache => self.lose_the_cache(),
        }
    }

    /// Compares the responses of system and model.
    pub(super) fn agree<T: Readable + PartialEq>(
        &mut self,
        what: &'static str,
        details: &str,
        system: Result<T, Status>,
        model: &Answer<T>,
    ) -> Result<Option<T>, Disagreement> {
        let system = system.map_err(|status| refusal(&status));
        let answer = match &system {
            Ok(_) => "done",
            Err(refused) => refused.reason,
        };
        self.coverage.note(what, answer);
        self.script.push(format!("{what} {details}: {answer}"));
        if system == *model {
            return Ok(system.ok());
        }
        Err(Disagreement(format!(
            "the responses to the last operation differ:\nthe system: {}\nthe model: {}",
            system.readable(),
            model.readable()
        )))
    }

    /// The played operations and the disagreement, as text for people.
    pub(super) fn tell(&self, disagreement: &Disagreement) -> String {
        let steps = self.script.iter().enumerate();
        let steps: Vec<String> = steps
            .map(|(step, details)| format!("{step:4}  {details}\n"))
            .collect();
        format!("{}{}", steps.concat(), disagreement.0)
    }

    fn wait(&mut self, time: TimeDelta) -> Agreed {
        self.script.push(format!("wait {time}"));
        self.run.system.wait(time);
        let forgotten = self.model.wait(time);
        self.forget_calls(&forgotten)
    }

    fn lose_the_cache(&mut self) -> Agreed {
        self.script.push("empty the TTL store".to_owned());
        self.model.lose_the_cache();
        self.run.system.redis.flush().map_err(fault)
    }

    async fn guess(&mut self, number: &AccountWish, times: usize) -> Agreed {
        if let Some(number) = self.account_wish(number) {
            for _ in 0..times {
                self.login(number, WRONG).await?;
            }
        }
        Ok(())
    }

    async fn login(&mut self, number: Number, password: Password) -> Agreed {
        let handle = self.seats.len();
        let system = self.run.site.login(number, password).await;
        let model = self.model.login(handle, number, password);
        let (person, system) = seated(system);
        self.agree("login", &format!("{number} {password}"), system, &model)?;
        self.sit(person);
        Ok(())
    }

    /// Stores the session of a login or a password change under the model's handle.
    fn sit(&mut self, person: Option<LoggedIn>) {
        let seen = self.model.revision(self.seats.len());
        self.seats.extend(person.map(|person| Seat {
            person,
            seen,
            preview: None,
        }));
    }

    async fn look(&mut self, seat: Handle, peek: bool) -> Agreed {
        let person = &self.seats[seat].person;
        let system = if peek {
            person.peek().await
        } else {
            person.session().await
        };
        let revision = system.as_ref().ok().map(|session| session.revision.clone());
        let system = system.map(shown);
        let model = self.model.look(seat, !peek);
        let what = if peek { "peek" } else { "look" };
        self.agree(what, &self.details(seat), system, &model)?;
        if let Some(revision) = revision {
            self.seats[seat].person.session.revision = revision;
            self.seats[seat].seen = self.model.revision(seat);
        }
        Ok(())
    }

    async fn change(
        &mut self,
        session: &Pick,
        current: &Typed,
        (new, again): (Password, Password),
        look: bool,
    ) -> Agreed {
        let Some(seat) = self.seat(session) else {
            return Ok(());
        };
        if look {
            self.look(seat, true).await?;
        }
        let account = self.owner(seat);
        let current = self.typed(account, current);
        let Seat { person, seen, .. } = &self.seats[seat];
        let revision = &person.session.revision;
        let change = Change {
            current,
            new,
            again,
            seen: *seen,
        };
        let successor = self.seats.len();
        let model = self.model.change_password(seat, successor, change);
        let system = person.change_with(current, new, again, revision).await;
        let (person, system) = seated(system.map(|person| person.expect("the session continues")));
        let details = format!("{} {current} to {new} and {again}", self.details(seat));
        self.agree("change", &details, system, &model)?;
        self.sit(person);
        Ok(())
    }

    async fn logout(&mut self, session: &Pick) -> Agreed {
        let Some(seat) = self.seat(session) else {
            return Ok(());
        };
        let system = self.seats[seat].person.logout().await;
        self.model.logout(seat);
        self.agree("logout", &self.details(seat), system, &Ok(()))?;
        Ok(())
    }

    async fn access(&mut self, session: &Pick, who: Who) -> Agreed {
        let Some(seat) = self.seat(session) else {
            return Ok(());
        };
        let number = self.cast[who];
        let token = &self.seats[seat].person.token;
        let system = self.run.backend.check_access(token, number).await;
        let model = self.model.check_access(seat, number);
        let details = format!("{} to {number}", self.details(seat));
        self.agree("access", &details, system, &model)?;
        Ok(())
    }

    async fn preview(&mut self, seat: Handle, unit: AuthUnit) -> Agreed {
        let account = self.owner(seat);
        let mut system = self.seats[seat].person.preview(unit).await;
        let revision = system
            .as_mut()
            .ok()
            .map(|preview: &mut PreviewMigrationResponse| std::mem::take(&mut preview.revision));
        let model = self.model.preview(seat, unit);
        let details = format!("{} {unit:?}", self.details(seat));
        self.agree("preview", &details, system, &model)?;
        if let Some(revision) = revision {
            let seen = self.model.preview_revision(account);
            self.seats[seat].preview = seen.map(|seen| (revision, seen));
        }
        Ok(())
    }

    async fn migrate(
        &mut self,
        session: &Pick,
        unit: &NextUnit,
        (typed, given): (&[Typed], &Given),
        look: bool,
    ) -> Agreed {
        let Some(seat) = self.seat(session) else {
            return Ok(());
        };
        let unit = self.next_unit(seat, unit);
        if look {
            self.preview(seat, unit).await?;
        }
        let passwords = self.passwords(self.owner(seat), typed, given);
        let preview = self.seats[seat].preview.clone();
        let (revision, seen) = preview.unzip();
        let revision = revision.unwrap_or_default();
        let person = &self.seats[seat].person;
        let system = person.migrate_with(unit, &passwords, &revision).await;
        let answer = system.clone().map_err(|status| refusal(&status));
        let mut possible = self.model.migrate(seat, unit, &passwords, seen.as_ref());
        let place = possible
            .iter()
            .position(|(_, possible)| *possible == answer);
        let (model, answer) = possible.swap_remove(place.unwrap_or_default());
        self.model = model;
        let details = format!("{} {unit:?} {passwords:?}", self.details(seat));
        self.agree("migrate", &details, system, &answer)?;
        Ok(())
    }

    /// A session as text for people.
    fn details(&self, seat: Handle) -> String {
        format!("[session {seat} of {}]", self.owner(seat))
    }

    /// The account of a session, even of an ended one.
    pub(super) fn owner(&self, seat: Handle) -> Number {
        let account = &self.seats[seat].person.session.account_number;
        let found = self.cast.iter().find(|number| *number == account);
        found.copied().expect("the sequence has the account")
    }
}

/// Splits the system's response into the client and the session in the model's form.
fn seated(system: Result<LoggedIn, Status>) -> (Option<LoggedIn>, Result<Session, Status>) {
    match system {
        Ok(person) => {
            let session = shown(person.session.clone());
            (Some(person), Ok(session))
        }
        Err(status) => (None, Err(status)),
    }
}

/// A session without its opaque revision.
fn shown(mut session: Session) -> Session {
    session.revision.clear();
    session
}

/// A failure of the test itself.
pub(super) fn fault(error: impl std::fmt::Display) -> Disagreement {
    Disagreement(format!("the test failed: {error:#}"))
}
