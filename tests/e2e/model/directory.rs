//! Lines and numbers come, go and change (OPS-1, OPS-2).

use aikagi_api::units::v1;

use super::{Account, Answer, Line, Model, Number, Refused};

impl Model {
    /// OPS-1, UNIT-2: a new line, the contract number first; all of it or nothing. A closed line gives way.
    pub(crate) fn add_line(&mut self, numbers: &[(Number, bool)]) -> Answer<v1::Line> {
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
            .map(|(number, subscribed)| (*number, Account::new(*subscribed)));
        let line = Line {
            contract: numbers[0].0,
            numbers: accounts.collect(),
            unit: None,
            established: None,
            closed: None,
            changes: 0,
        };
        let shown = line.shown();
        self.lines.push(line);
        Ok(shown)
    }

    /// OPS-2.
    pub(crate) fn get_line(&self, number: Number) -> Answer<v1::Line> {
        let line = self.line(number).ok_or(Refused::new("LINE_NOT_FOUND"))?;
        Ok(line.shown())
    }

    fn forget_line(&mut self, number: Number) {
        self.lines.retain(|line| !line.numbers.contains_key(number));
    }

    /// All passwords of a number's line go, and all its sessions end (SESS-2).
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
