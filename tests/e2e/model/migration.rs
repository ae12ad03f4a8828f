//! Changing the auth unit on the site (MIG-1 to MIG-7).

use aikagi_api::edge::v1::PreviewMigrationResponse;
use aikagi_api::units::v1::{AuthUnit, Login};

use super::credential::Attempt;
use super::session::Session;
use super::{Answer, Handle, Line, Model, Number, Password, Refused};

/// SESS-5: the state of the line and of all its accounts that a preview shows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct PreviewRevision {
    line: u32,
    accounts: Vec<u32>,
}

/// MIG-1.
const OFFERED: [(AuthUnit, AuthUnit); 4] = [
    (AuthUnit::Number, AuthUnit::Line),
    (AuthUnit::Line, AuthUnit::Number),
    (AuthUnit::Number, AuthUnit::AdminUser),
    (AuthUnit::Line, AuthUnit::AdminUser),
];

impl Model {
    /// MIG-1 to MIG-3, MIG-6, MIG-7: what a migration asks for, and who logs in afterwards.
    pub(crate) fn preview(
        &mut self,
        handle: Handle,
        to: AuthUnit,
    ) -> Answer<PreviewMigrationResponse> {
        let (_, line, asked_for) = self.offer(handle, to)?;
        let unready = unready(&line, &asked_for).into_iter();
        Ok(PreviewMigrationResponse {
            revision: String::new(),
            unready_numbers: unready.map(str::to_owned).collect(),
            password_numbers: asked_for.into_iter().map(str::to_owned).collect(),
            logins: logins(&line, to),
        })
    }

    /// MIG-1 to MIG-7, LOGIN-6, SESS-5: changes the unit, all or nothing. Who logs in from now on.
    pub(crate) fn migrate(
        &mut self,
        handle: Handle,
        to: AuthUnit,
        passwords: &[(Number, Password)],
        seen: Option<&PreviewRevision>,
    ) -> Answer<Vec<Login>> {
        let (session, line, asked_for) = self.offer(handle, to)?;
        if seen != self.preview_revision(session.account).as_ref() {
            return Err(Refused::new("STALE_VIEW"));
        }
        check_given(&asked_for, passwords)?;
        let unready = unready(&line, &asked_for);
        if !unready.is_empty() {
            let places = places(passwords, |number| unready.contains(&number));
            return Err(named("ACCOUNTS_NOT_READY", places));
        }
        self.verify_all(handle, passwords)?;
        // MIG-3, PW-3.
        let own = line.numbers[session.account].secret.clone();
        let logins = logins(&line, to);
        let accounts = line.accounts(to);
        if let Some(line) = self.line_mut(session.account) {
            line.unit = Some(to);
            line.changes += 1;
            for (number, account) in &mut line.numbers {
                if accounts.contains(number) {
                    account.set(own.clone());
                } else {
                    account.void();
                }
            }
        }
        for number in line.numbers.keys() {
            self.end_sessions_of(number);
        }
        Ok(logins)
    }

    /// What a preview of the account's line shows at this moment.
    pub(crate) fn preview_revision(&self, account: Number) -> Option<PreviewRevision> {
        let line = self.line(account)?;
        let accounts = line.accounts(line.unit?).into_iter();
        Some(PreviewRevision {
            line: line.changes,
            accounts: accounts
                .map(|number| line.numbers[number].changes)
                .collect(),
        })
    }

    /// MIG-1, MIG-2, MIG-7: the session, its line, and the accounts whose passwords are asked for.
    fn offer(&mut self, handle: Handle, to: AuthUnit) -> Answer<(Session, Line, Vec<Number>)> {
        let session = self.session(handle, true)?;
        if session.must_change.is_some() {
            return Err(Refused::new("PASSWORD_CHANGE_REQUIRED"));
        }
        let line = self.line(session.account).cloned();
        let line = line.ok_or(Refused::new("SESSION_ENDED"))?;
        let from = line.unit.filter(|from| OFFERED.contains(&(*from, to)));
        let from = from.filter(|_| line.established.is_some());
        let from = from.ok_or(Refused::new("MIGRATION_NOT_OFFERED"))?;
        let asked_for = line.accounts(from);
        Ok((session, line, asked_for))
    }

    /// MIG-5, LOGIN-6: each wrong password is charged and named. An attempt that spends a number's last ends the
    /// session (SESS-2), and nothing after it is looked at.
    fn verify_all(&mut self, handle: Handle, passwords: &[(Number, Password)]) -> Answer<()> {
        let (now, limits) = (self.now, self.limits);
        let mut places = Vec::new();
        for (place, (number, typed)) in passwords.iter().enumerate() {
            let Some(account) = self.account_mut(number) else {
                continue;
            };
            match account.attempt(typed, now, limits) {
                Attempt::Right => {}
                Attempt::Wrong => places.push(place),
                Attempt::NothingLive | Attempt::WrongAndKilled => {
                    self.sessions.remove(&handle);
                    places.push(place);
                    return Err(named("PASSWORD_DEAD", places));
                }
            }
        }
        if places.is_empty() {
            Ok(())
        } else {
            Err(named("PASSWORD_WRONG", places))
        }
    }
}

/// MIG-5: a number that is not asked for, given twice or left out is an invalid argument.
fn check_given(asked_for: &[Number], passwords: &[(Number, Password)]) -> Answer<()> {
    let mut refused = Refused::new("INVALID_FIELD");
    for (place, (number, _)) in passwords.iter().enumerate() {
        let is_twice = passwords[..place]
            .iter()
            .any(|(before, _)| before == number);
        if !asked_for.contains(number) || is_twice {
            refused = refused.field(format!("passwords[{place}]"));
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

/// MIG-5: the accounts without a live permanent password.
fn unready(line: &Line, asked_for: &[Number]) -> Vec<Number> {
    let numbers = asked_for.iter().copied();
    numbers
        .filter(|number| !line.numbers[number].has_live_permanent())
        .collect()
}

/// MIG-6, UNIT-1.
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

fn named(reason: &'static str, places: Vec<usize>) -> Refused {
    let fields = places
        .into_iter()
        .map(|place| format!("passwords[{place}]"));
    fields.fold(Refused::new(reason), Refused::field)
}
