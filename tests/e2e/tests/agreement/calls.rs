//! Temporary passwords, set turn by turn in a call, or in one RPC.

use aikagi_api::issuance::v1::{SetTemporaryPasswordResponse, TakeTurnRequest};
use aikagi_api::timestamp;
use aikagi_api::units::v1::AuthUnit;
use aikagi_client::call_id;
use aikagi_model::rules::{Event, Handle, Number};
use aikagi_model::wire::{heard, wire};
use proptest::sample::Index;

use super::operation::{Entry, Pick, TEMPORARY, TargetWish, UnitWish};
use super::play::{Agreed, Dialled, Play, fault};

impl Play<'_> {
    pub(super) async fn dial(&mut self, caller: Option<Number>) -> Agreed {
        self.calls.push(Dialled {
            id: call_id(),
            sequence: 0,
            event: Event::Started(caller),
        });
        let call = self.calls.len() - 1;
        self.turn(call, 0, Event::Started(caller)).await
    }

    pub(super) async fn key(&mut self, call: &Pick, entry: &Entry) -> Agreed {
        let Some(call) = self.call(call) else {
            return Ok(());
        };
        let event = match entry {
            Entry::Proper(unit, target, password) => {
                Event::Keys(self.proper_keys(call, *unit, target, *password))
            }
            Entry::Keys(keys) => Event::Keys(keys.clone()),
            Entry::Silence => Event::Silence,
            Entry::HangUp => Event::HungUp,
        };
        let sequence = self.calls[call].sequence + 1;
        self.turn(call, sequence, event).await
    }

    /// IVR-12: sends the latest turn again.
    pub(super) async fn key_again(&mut self, call: &Pick) -> Agreed {
        let Some(call) = self.call(call) else {
            return Ok(());
        };
        let Dialled {
            sequence, event, ..
        } = &self.calls[call];
        self.turn(call, *sequence, event.clone()).await
    }

    /// IVR-12: sends a turn that is not the next one.
    pub(super) async fn key_ahead(&mut self, call: &Pick) -> Agreed {
        let Some(call) = self.call(call) else {
            return Ok(());
        };
        let sequence = self.calls[call].sequence + 2;
        self.turn(call, sequence, Event::Keys("1".to_owned())).await
    }

    async fn turn(&mut self, call: Handle, sequence: u32, event: Event) -> Agreed {
        let request = TakeTurnRequest {
            call_id: self.calls[call].id.clone(),
            sequence,
            event: Some(wire(&event)),
        };
        let system = self.run.ivr.take_turn(request).await;
        let system = system.map(|answer| heard(&answer));
        let model = self.model.turn(call, sequence, event.clone());
        let details = format!("[call {call}] {sequence} {event:?}");
        let answered = self.agree("turn", &details, system, &model)?;
        if answered.is_some() {
            (self.calls[call].sequence, self.calls[call].event) = (sequence, event);
        }
        Ok(())
    }

    pub(super) async fn set_in_one_rpc(
        &mut self,
        caller: Option<Number>,
        unit: UnitWish,
        target: &TargetWish,
        password: Index,
    ) -> Agreed {
        let unit = self.unit(caller, unit);
        let target = self.target(caller, unit, target);
        let password = *password.get(&TEMPORARY);
        let (from, to) = (caller.unwrap_or_default(), target.unwrap_or_default());
        let system = self.run.ivr.set(from, unit, to, password).await;
        let model = self.model.set_temporary(caller, unit, target, password);
        let model = model.map(|(account, expires)| SetTemporaryPasswordResponse {
            account_number: account.to_owned(),
            expire_time: Some(timestamp(expires)),
        });
        let details = format!("from {caller:?} {unit:?} for {target:?} {password}");
        self.agree("set", &details, system, &model)?;
        Ok(())
    }

    /// The keys that a caller who makes no mistakes presses next.
    fn proper_keys(
        &self,
        call: Handle,
        unit: UnitWish,
        target: &TargetWish,
        password: Index,
    ) -> String {
        let caller = self.model.caller(call);
        let unit: AuthUnit = self.unit(caller, unit);
        let target = self.target(caller, unit, target);
        let target = target.or(caller).unwrap_or_default();
        let password = *password.get(&TEMPORARY);
        self.model.proper_keys(call, unit, target, password)
    }

    /// Deletes expired calls from Redis. Redis uses the machine's clock, which the test cannot set.
    pub(super) fn forget_calls(&self, calls: &[Handle]) -> Agreed {
        let Some(keys) = (!calls.is_empty()).then_some(calls) else {
            return Ok(());
        };
        let keys = keys
            .iter()
            .map(|call| format!("call:{}", self.calls[*call].id));
        let url = self.run.system.redis.administrator_url();
        let mut connection = redis::Client::open(url)
            .and_then(|client| client.get_connection())
            .map_err(fault)?;
        let mut forget = redis::cmd("DEL");
        forget.arg(keys.collect::<Vec<_>>());
        forget.query::<()>(&mut connection).map_err(fault)
    }
}
