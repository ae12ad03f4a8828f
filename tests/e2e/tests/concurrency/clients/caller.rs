//! Callers who set a temporary password turn by turn, or through an IVR platform with its own
//! dialog.

use aikagi_api::issuance::v1::{CallOutcome, CallStep};
use aikagi_api::units::v1::AuthUnit;
use aikagi_client::Asked;
use aikagi_model::history::{Observed, Operation};
use aikagi_model::rules::{Event, Heard, Number, Password};
use rand::RngExt;

use super::Client;

/// The largest number of times that a caller sends a turn.
const PATIENCE: usize = 3;

impl Client {
    /// Sets a temporary password.
    pub(super) async fn caller(&mut self) {
        let unit = self.unit();
        let line = self.model.line(self.scene.contract);
        let accounts = line.map_or_else(Vec::new, |line| line.accounts(unit));
        let target = match self.choose(&accounts) {
            Some(target) if self.rng.random_bool(0.95) => target,
            _ => self.anybody(),
        };
        let caller = if self.rng.random_bool(0.7) {
            self.scene.contract
        } else {
            target
        };
        let password = self.scene.new_temporary();
        if self.rng.random_bool(0.6) {
            return self.by_telephone(caller, unit, target, password).await;
        }
        for _ in 0..2 {
            let set = Operation::SetTemporary {
                caller,
                unit,
                target: Some(target),
                password,
            };
            match self.ask(set).await {
                Some(Ok(_)) => return self.scene.learn(target, password),
                Some(Err(_)) => return,
                None => self.scene.doubt(target, password),
            }
        }
    }

    /// Mostly the line's own unit, otherwise any unit.
    fn unit(&mut self) -> AuthUnit {
        let own = self.model.unit(self.scene.contract);
        let any = [AuthUnit::Line, AuthUnit::Number, AuthUnit::AdminUser];
        match own {
            Some(unit) if self.rng.random_bool(0.9) => unit,
            _ => self.choose(&any).expect("the list has units"),
        }
    }

    /// Plays a caller who keys the right entry at each step of the dialog.
    async fn by_telephone(
        &mut self,
        caller: Number,
        unit: AuthUnit,
        target: Number,
        password: Password,
    ) {
        let call = self.scene.new_call();
        let (mut sequence, mut event) = (0, Event::Started(Some(caller)));
        while let Some(heard) = self.turn(call, sequence, &event).await {
            let keys = match heard.next {
                Asked::Ended(CallOutcome::Set) => return self.scene.learn(target, password),
                Asked::Ended(_) => return,
                Asked::Step(CallStep::Unit) => (unit as i32).to_string(),
                Asked::Step(CallStep::Target) => format!("{target}#"),
                Asked::Step(_) => password.to_owned(),
            };
            sequence += 1;
            event = Event::Keys(keys);
        }
        self.scene.doubt(target, password);
    }

    /// IVR-12: sends a turn, and sends it again if the response was lost.
    async fn turn(&self, call: usize, sequence: u32, event: &Event) -> Option<Heard> {
        for _ in 0..PATIENCE {
            let turn = Operation::Turn {
                call,
                sequence,
                event: event.clone(),
            };
            match self.ask(turn).await {
                Some(Ok(Observed::Heard(heard))) => return Some(heard),
                Some(_) => return None,
                None => {}
            }
        }
        None
    }
}
