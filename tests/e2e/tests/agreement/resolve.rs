//! Resolves the choices of random operations to sessions, calls, numbers and passwords of the
//! current state.

use aikagi_api::units::v1::AuthUnit;
use aikagi_model::rules::{Handle, Number, Password};
use proptest::sample::Index;

use super::operation::{
    AccountWish, BROKEN, Given, NextUnit, PERMANENT, Pick, TEMPORARY, TargetWish, Typed, UnitWish,
    Which,
};
use super::play::Play;

impl Play<'_> {
    /// The chosen session.
    pub(super) fn seat(&self, pick: &Pick) -> Option<Handle> {
        let model = &self.model;
        let all = 0..self.seats.len();
        choose(pick, all, |seat, which| {
            model.is_live(seat)
                && match which {
                    Which::MustChange => model.must_change(seat),
                    Which::Full => !model.must_change(seat),
                    Which::Live | Which::Any => true,
                }
        })
    }

    /// The chosen call.
    pub(super) fn call(&self, pick: &Pick) -> Option<Handle> {
        let all = 0..self.calls.len();
        choose(pick, all, |call, _| self.model.is_in_progress(call))
    }

    pub(super) fn unit(&self, caller: Option<Number>, wish: UnitWish) -> AuthUnit {
        match wish {
            UnitWish::Exactly(unit) => unit,
            UnitWish::Fitting(unit) => caller
                .and_then(|caller| self.model.unit(caller))
                .unwrap_or(unit),
        }
    }

    pub(super) fn target(
        &self,
        caller: Option<Number>,
        unit: AuthUnit,
        wish: &TargetWish,
    ) -> Option<Number> {
        match wish {
            TargetWish::Nobody => None,
            TargetWish::Exactly(who) => Some(self.cast[*who]),
            TargetWish::Fitting(which) => {
                let line = self.model.line(caller?)?;
                one_of(&line.accounts(unit), *which)
            }
            TargetWish::Wanting(which) => {
                let line = self.model.line(caller?)?;
                let mut wanting = line.accounts(unit);
                wanting.retain(|number| !line.numbers[number].has_live_permanent());
                one_of(&wanting, *which)
            }
        }
    }

    /// The unit to migrate to: exactly the chosen one, or one that the site offers to the session
    /// (MIG-1). If the site offers none, any unit.
    pub(super) fn next_unit(&self, seat: Handle, wish: &NextUnit) -> AuthUnit {
        match wish {
            NextUnit::Exactly(unit) => *unit,
            NextUnit::Offered(which) => match self.model.unit(self.owner(seat)) {
                Some(AuthUnit::Line) => *which.get(&[AuthUnit::Number, AuthUnit::AdminUser]),
                Some(AuthUnit::Number) => *which.get(&[AuthUnit::Line, AuthUnit::AdminUser]),
                _ => *which.get(&[AuthUnit::Line, AuthUnit::Number, AuthUnit::AdminUser]),
            },
        }
    }

    pub(super) fn account_wish(&self, wish: &AccountWish) -> Option<Number> {
        match wish {
            AccountWish::Exactly(who) => Some(self.cast[*who]),
            AccountWish::Able(which) => {
                let mut able = self.cast.clone();
                able.retain(|number| self.model.password(number).is_some());
                one_of(&able, *which)
            }
        }
    }

    pub(super) fn typed(&self, number: Number, typed: &Typed) -> Password {
        match typed {
            Typed::Right => self.model.password(number).unwrap_or(PERMANENT[0]),
            Typed::Some(which) => {
                let all = [&TEMPORARY[..], &PERMANENT, &BROKEN].concat();
                all[which.index(all.len())]
            }
        }
    }

    /// The passwords for a unit migration of a number's line, each with its number.
    pub(super) fn passwords(
        &self,
        number: Number,
        typed: &[Typed],
        given: &Given,
    ) -> Vec<(Number, Password)> {
        let line = self.model.line(number);
        let accounts = line.and_then(|line| Some(line.accounts(line.unit?)));
        let mut numbers = accounts.unwrap_or_default();
        match given {
            Given::All => {}
            Given::LeftOut(which) => {
                if !numbers.is_empty() {
                    numbers.remove(which.index(numbers.len()));
                }
            }
            Given::Twice(which) => numbers.extend(one_of(&numbers, *which)),
            Given::And(who) => numbers.push(self.cast[*who]),
        }
        let typed = typed.iter().cycle();
        let pairs = numbers.into_iter().zip(typed);
        pairs
            .map(|(number, typed)| (number, self.typed(number, typed)))
            .collect()
    }
}

/// Chooses one of the handles that fit.
fn choose(
    pick: &Pick,
    all: std::ops::Range<Handle>,
    fits: impl Fn(Handle, Which) -> bool,
) -> Option<Handle> {
    let fitting: Vec<Handle> = all
        .filter(|handle| pick.which == Which::Any || fits(*handle, pick.which))
        .collect();
    one_of(&fitting, pick.at)
}

fn one_of<T: Copy>(among: &[T], which: Index) -> Option<T> {
    (!among.is_empty()).then(|| *which.get(among))
}
