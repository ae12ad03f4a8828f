//! The clients of a line. Each performs a few operations that depend on the responses. If a
//! response is lost, the client retries the operation.

mod caller;

use std::sync::Arc;

use aikagi_api::units::v1::AuthUnit;
use aikagi_model::history::{Observed, Operation, Response};
use aikagi_model::rules::{Handle, Model, Number, Password};
use rand::RngExt;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use tokio::task::JoinSet;

use super::play::Scene;

/// A password that no account has.
const WRONG: Password = "Nobodys00";

/// A client.
pub(super) struct Client {
    pub(super) number: usize,
    pub(super) scene: Arc<Scene>,
    /// The model of the line after the last round.
    pub(super) model: Model,
    pub(super) rng: StdRng,
}

impl Client {
    /// Performs a few operations.
    pub(super) async fn act(mut self) {
        match self.rng.random_range(0..100) {
            0..45 => self.subscriber().await,
            45..60 => self.at_the_same_session().await,
            60..76 => self.caller().await,
            76..92 => self.operator().await,
            _ => self.guesser().await,
        }
    }

    async fn ask(&self, operation: Operation) -> Option<Response> {
        self.scene.ask(self.number, operation).await
    }

    fn choose<T: Copy>(&mut self, among: &[T]) -> Option<T> {
        among.choose(&mut self.rng).copied()
    }

    fn anybody(&mut self) -> Number {
        self.choose(&self.scene.numbers())
            .expect("the line has numbers")
    }

    /// Mostly a number with a known password, seldom another one.
    fn somebody(&mut self) -> Number {
        let mut able = self.scene.numbers().to_vec();
        able.retain(|number| self.scene.known(number).is_some());
        match self.choose(&able) {
            Some(number) if self.rng.random_bool(0.95) => number,
            _ => self.anybody(),
        }
    }

    /// The password to type for a number: the known one, the one that the model had after the last
    /// round, or seldom a wrong one.
    fn typed(&mut self, number: Number) -> Password {
        let then = self.model.password(number);
        let known = self
            .scene
            .known(number)
            .filter(|_| self.rng.random_bool(0.8));
        known
            .or(then)
            .filter(|_| self.rng.random_bool(0.95))
            .unwrap_or(WRONG)
    }

    /// Logs in and uses the session.
    async fn subscriber(&mut self) {
        let number = self.somebody();
        for _ in 0..2 {
            let (seat, typed) = (self.scene.new_seat(), self.typed(number));
            let login = Operation::Login {
                seat,
                number,
                typed,
            };
            match self.ask(login).await {
                Some(Ok(_)) => return self.in_session(seat).await,
                Some(Err(_)) => return,
                None => {}
            }
        }
    }

    /// Uses an earlier session, possibly at the same time as another client.
    async fn at_the_same_session(&mut self) {
        let mut seats = self.scene.seats();
        seats.retain(|seat| self.model.is_live(*seat));
        match self.choose(&seats) {
            Some(seat) if self.scene.take_seat(seat) => self.in_session(seat).await,
            _ => self.subscriber().await,
        }
    }

    async fn in_session(&mut self, mut seat: Handle) {
        for _ in 0..self.rng.random_range(1..=2) {
            let must_change = {
                let person = self.scene.person(seat);
                person.is_some_and(|person| person.session.must_change_reason != 0)
            };
            match self.rng.random_range(0..100) {
                _ if must_change => match self.change(seat).await {
                    Some(successor) => seat = successor,
                    None => return,
                },
                0..35 => match self.change(seat).await {
                    Some(successor) => seat = successor,
                    None => return,
                },
                35..75 => return self.migrate(seat).await,
                75..90 => {
                    self.ask(Operation::Look { seat }).await;
                }
                _ => {
                    if self.ask(Operation::Logout { seat }).await.is_none() {
                        self.ask(Operation::Logout { seat }).await;
                    }
                    return;
                }
            }
        }
    }

    /// Changes the password, and retries once if the response was lost. Returns the session that
    /// continues.
    async fn change(&mut self, seat: Handle) -> Option<Handle> {
        let account = self.account(seat);
        let (current, new) = (self.typed(account), self.scene.new_permanent());
        for _ in 0..2 {
            let successor = self.scene.new_seat();
            let change = Operation::Change {
                seat,
                successor,
                current,
                new,
            };
            match self.ask(change).await {
                Some(Ok(observed)) => {
                    self.scene.learn(account, new);
                    return matches!(observed, Observed::Session(_)).then_some(successor);
                }
                Some(Err(_)) => return Some(seat),
                None => self.scene.doubt(account, new),
            }
        }
        None
    }

    fn account(&self, seat: Handle) -> Number {
        let person = self.scene.person(seat).expect("the login succeeded");
        self.scene.number(&person.session.account_number)
    }

    /// Previews a unit migration and makes it, and retries once if the response was lost.
    async fn migrate(&mut self, seat: Handle) {
        let account = self.account(seat);
        let unit = self.scene.person(seat).map(|person| person.session.unit());
        let offered: &[AuthUnit] = match unit {
            Some(AuthUnit::Line) => &[AuthUnit::Number, AuthUnit::AdminUser],
            Some(AuthUnit::Number) => &[AuthUnit::Line, AuthUnit::AdminUser],
            _ => &[AuthUnit::Line],
        };
        let to = self.choose(offered).expect("the list has units");
        let Some(Ok(Observed::Preview(preview))) = self.ask(Operation::Preview { seat, to }).await
        else {
            return;
        };
        let mut passwords = Vec::new();
        for number in &preview.required_numbers {
            let number = self.scene.number(number);
            passwords.push((number, self.typed(number)));
        }
        let own = passwords.iter().find(|(number, _)| *number == account);
        let own = own.map(|(_, password)| *password);
        for _ in 0..2 {
            let migrate = Operation::Migrate {
                seat,
                to,
                passwords: passwords.clone(),
            };
            match self.ask(migrate).await {
                Some(Ok(Observed::Logins(logins))) => {
                    for login in &logins {
                        let number = self.scene.number(&login.number);
                        own.inspect(|own| self.scene.learn(number, own));
                    }
                    return;
                }
                Some(_) => return,
                None => {}
            }
        }
    }

    /// Makes directory changes, and retries each once if the response was lost.
    async fn operator(&mut self) {
        for _ in 0..self.rng.random_range(1..=2) {
            let additional = self.scene.additional;
            let number = self.choose(&additional).expect("the list has numbers");
            let operation = match self.rng.random_range(0..100) {
                0..35 => Operation::Subscribe {
                    number,
                    wanted: self.rng.random_bool(0.6),
                },
                35..50 => Operation::AddNumber {
                    line: self.scene.contract,
                    number,
                    subscribed: self.rng.random_bool(0.7),
                },
                50..60 => Operation::RemoveNumber { number },
                60..66 => Operation::ResetUnit { number },
                66..76 => Operation::EndSessions {
                    number: self.anybody(),
                },
                76..90 => Operation::GetLine {
                    number: self.scene.contract,
                },
                _ => Operation::Explain {
                    number: self.anybody(),
                },
            };
            if self.ask(operation.clone()).await.is_none() {
                self.ask(operation).await;
            }
        }
    }

    /// Types wrong passwords, one after another or concurrently.
    async fn guesser(&mut self) {
        let number = self.somebody();
        let mut guesses = JoinSet::new();
        let in_parallel = self.rng.random_bool(0.5);
        for _ in 0..self.rng.random_range(1..=4) {
            let (scene, client) = (Arc::clone(&self.scene), self.number);
            let login = Operation::Login {
                seat: scene.new_seat(),
                number,
                typed: WRONG,
            };
            guesses.spawn(async move { scene.ask(client, login).await });
            if !in_parallel {
                guesses.join_next().await;
            }
        }
        guesses.join_all().await;
    }
}
