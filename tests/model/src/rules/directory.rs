//! Adding, changing and removing lines and numbers (OPS-1, OPS-2).

use aikagi_api::units::v1::{self, AuthUnit, LoginVerdict};

use super::{Account, Answer, Line, Model, Number, Refused, Secret};

impl Model {
    /// OPS-1, UNIT-2: adds a line completely or not at all. The contract number comes first in
    /// `numbers`. A closed line with one of the numbers is removed.
    pub fn add_line(&mut self, numbers: &[(Number, bool)]) -> Answer<v1::Line> {
        let twice = |(place, (number, _)): (usize, &(Number, bool))| {
            numbers[..place].iter().any(|(before, _)| before == number)
        };
        if numbers.iter().enumerate().any(twice) {
            return Err(Refused::new("INVALID_FIELD").field("additional_numbers.number"));
        }
        let is_taken = |number: &Number| {
            let line = self.line(number);
            line.is_some_and(|line| line.closed.is_none())
        };
        if numbers.iter().any(|(number, _)| is_taken(number)) {
            return Err(Refused::new("NUMBER_TAKEN"));
        }
        for (number, _) in numbers {
            self.forget_line(number);
        }
        let accounts = numbers
            .iter()
            .map(|(number, subscribed)| (*number, self.new_account(*subscribed)))
            .collect();
        let line = Line {
            contract: numbers[0].0,
            numbers: accounts,
            unit: None,
            established: None,
            closed: None,
            changes: 0,
        };
        let shown = line.shown();
        self.lines.push(line);
        Ok(shown)
    }

    /// OPS-2: the line of a number.
    pub fn get_line(&self, number: Number) -> Answer<v1::Line> {
        let line = self.line(number).ok_or(Refused::new("LINE_NOT_FOUND"))?;
        Ok(line.shown())
    }

    /// OPS-2, UNIT-1, LOGIN-2, LOGIN-7, PW-3: why a number can or cannot log in.
    pub fn explain(&self, number: Number) -> LoginVerdict {
        let Some(line) = self.line(number) else {
            return LoginVerdict::UnknownNumber;
        };
        let account = &line.numbers[number];
        match line.unit {
            _ if line.closed.is_some() => return LoginVerdict::LineClosed,
            None => return LoginVerdict::NoUnit,
            Some(AuthUnit::Line) if number != line.contract => return LoginVerdict::NotAnAccount,
            Some(_) if line.role(number).is_none() => return LoginVerdict::NotSubscribed,
            Some(_) => {}
        }
        match account.secret {
            Secret::None => LoginVerdict::NoPassword,
            _ if account.killed.is_some() => LoginVerdict::Killed,
            Secret::Temporary { expires, .. } if self.now >= expires => {
                LoginVerdict::TemporaryExpired
            }
            _ if account.failures >= account.limit(self.now, self.limits).unwrap_or_default() => {
                LoginVerdict::Killed
            }
            Secret::Temporary { .. } => LoginVerdict::Temporary,
            Secret::Permanent { .. } if account.is_expired(self.now) => LoginVerdict::MustChange,
            Secret::Permanent { .. } => LoginVerdict::Permanent,
        }
    }

    /// OPS-1, IVR-11, SESS-2: closes the line. Voids every password and ends every session.
    pub fn close_line(&mut self, number: Number) -> Answer<v1::Line> {
        let now = self.now;
        let line = self.found_line(number)?;
        if line.closed.is_none() {
            line.closed = Some(now);
            line.changes += 1;
            self.void_line(number);
        }
        self.get_line(number)
    }

    /// OPS-1: adds an additional number to an open line. A closed line with that number is removed.
    pub fn add_number(
        &mut self,
        line_number: Number,
        new: Number,
        subscribed: bool,
    ) -> Answer<v1::Line> {
        let contract = self.open_line_of(line_number)?.contract;
        let taken = Refused::new("NUMBER_TAKEN");
        match self.line(new) {
            Some(line) if line.contract == contract => {
                let as_it_is = line.numbers[new].subscribed == subscribed;
                return if as_it_is {
                    self.get_line(contract)
                } else {
                    Err(taken)
                };
            }
            Some(line) if line.closed.is_none() => return Err(taken),
            Some(_) | None => self.forget_line(new),
        }
        let account = self.new_account(subscribed);
        let line = self.found_line(contract)?;
        line.numbers.insert(new, account);
        line.changes += 1;
        self.get_line(contract)
    }

    /// OPS-1, SESS-2: removes an additional number from its line, with its password and its sessions.
    pub fn remove_number(&mut self, number: Number) -> Answer<v1::Line> {
        let line = self.open_line_of(number)?;
        let contract = line.contract;
        if number == contract {
            return Err(Refused::new("CONTRACT_NUMBER_STAYS"));
        }
        line.numbers.remove(number);
        line.changes += 1;
        self.end_sessions_of(number);
        self.get_line(contract)
    }

    /// OPS-1, UNIT-1, SESS-2: subscribes a number to the option service, or unsubscribes it. If the
    /// number then is no longer an account, it loses its password and its sessions.
    pub fn subscribe(&mut self, number: Number, subscribed: bool) -> Answer<v1::Line> {
        let line = self.open_line_of(number)?;
        let was_account = line.role(number).is_some();
        let is_change = line.numbers[number].subscribed != subscribed;
        if let Some(account) = line.numbers.get_mut(number) {
            account.subscribed = subscribed;
        }
        if is_change {
            line.changes += 1;
        }
        if was_account && line.role(number).is_none() {
            if let Some(account) = line.numbers.get_mut(number) {
                account.void();
            }
            self.end_sessions_of(number);
        }
        self.get_line(number)
    }

    /// OPS-2, UNIT-2, SESS-2: resets the unit of a line. Voids all passwords and ends all sessions.
    pub fn reset_unit(&mut self, number: Number) -> Answer<v1::Line> {
        let line = self.open_line_of(number)?;
        if line.unit.take().is_some() {
            line.established = None;
            line.changes += 1;
            self.void_line(number);
        }
        self.get_line(number)
    }

    fn new_account(&mut self, subscribed: bool) -> Account {
        self.born += 1;
        Account::new(subscribed, self.born)
    }

    fn found_line(&mut self, number: Number) -> Answer<&mut Line> {
        self.line_mut(number).ok_or(Refused::new("LINE_NOT_FOUND"))
    }

    fn open_line_of(&mut self, number: Number) -> Answer<&mut Line> {
        let line = self.found_line(number)?;
        match line.closed {
            None => Ok(line),
            Some(_) => Err(Refused::new("LINE_CLOSED")),
        }
    }

    fn forget_line(&mut self, number: Number) {
        self.lines.retain(|line| !line.numbers.contains_key(number));
    }

    /// Voids all passwords of a number's line and ends all its sessions (SESS-2).
    pub(super) fn void_line(&mut self, number: Number) {
        let Some(line) = self.line_mut(number) else {
            return;
        };
        line.numbers.values_mut().for_each(Account::void);
        let numbers: Vec<Number> = line.numbers.keys().copied().collect();
        for number in numbers {
            self.end_sessions_of(number);
        }
    }
}
