//! The events of refusals (OPS-3, OPS-6). A subscriber or a stranger can repeat a refusal without limit, so repeated
//! refusals are counted.
//!
//! The first refusal is written at once. Refusals that differ from it only in time and trace are counted in memory. One
//! event for each minute records their number.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aikagi_domain::fault::{ErrorType, Fault as _};
use aikagi_domain::telephone::TelephoneNumber;
use chrono::{DateTime, Utc};
use tokio::sync::{Notify, OnceCell};

use super::{AuditAction, AuditOutcome};
use crate::{Ledger, LedgerError, Statement as _};

/// The time after which the number of repeated refusals is written.
const PERIOD: Duration = Duration::from_mins(1);
/// How long a stop waits at most until the last counts are written.
const LAST_WRITE: Duration = Duration::from_secs(3);
/// The maximum number of classes of each action and reason. Further refusals are counted together.
const MAX_CLASSES: usize = 4096;
/// The actor of an event that counts refusals of several actors together.
const OTHERS: &str = "others";

/// A refusal to be recorded.
#[derive(Debug, Clone)]
pub struct RefusedEvent<'a> {
    /// The time of the decision.
    pub occurred: DateTime<Utc>,
    /// Who acted: a masked account or a workload.
    pub actor: String,
    /// The action that was refused.
    pub action: AuditAction,
    /// The line concerned. If it is `None` and there is a number, the event gets the number's present line.
    pub line_id: Option<i64>,
    /// The number concerned. A number that is on no line is not stored.
    pub number: Option<&'a TelephoneNumber>,
    /// Why the action was refused.
    pub reason: &'static str,
    /// The reason in place of `reason` if the number is on no line.
    pub reason_without_line: Option<&'static str>,
    /// The trace of the request.
    pub trace_id: Option<String>,
    /// LOGIN-5: the number of the decoy that the refused login has charged. The first event also settles the decoy, as a
    /// wrong password settles a credential. Only authentication has the right to do so.
    pub decoy: Option<String>,
}

impl<'a> RefusedEvent<'a> {
    /// The refusal of a request of an account about itself. The event gets the present line of the account.
    pub fn of_account(
        account: &'a TelephoneNumber,
        action: AuditAction,
        reason: &'static str,
        occurred: DateTime<Utc>,
        trace_id: Option<String>,
    ) -> Self {
        Self {
            occurred,
            actor: account.masked(),
            action,
            line_id: None,
            number: Some(account),
            reason,
            reason_without_line: None,
            trace_id,
            decoy: None,
        }
    }
}

/// What [`Refusals::note`] did with a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// The refusal has an event of its own.
    Written,
    /// The refusal was counted. The next event of its class will include it.
    Counted,
}

/// Refusals with the same class differ only in time and trace.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Class {
    actor: String,
    action: AuditAction,
    line_id: Option<i64>,
    number: Option<TelephoneNumber>,
    reason: &'static str,
    reason_without_line: Option<&'static str>,
}

/// The refusals of one class.
#[derive(Debug, Default)]
struct Entry {
    /// Set when the first event is written.
    first: OnceCell<()>,
    repeats: Mutex<Repeats>,
}

/// Refusals that no event records yet.
#[derive(Debug, Default)]
struct Repeats {
    count: i64,
    /// The time and the trace of the latest refusal.
    latest: Option<(DateTime<Utc>, Option<String>)>,
    /// True once the entry is no longer in use. Nothing may be counted in it then.
    closed: bool,
}

/// The classes of one action and reason.
type Classes = HashMap<Class, Arc<Entry>>;

/// Writes the events of refusals, and counts repeated ones. Clones share the counts.
#[derive(Debug, Clone)]
pub struct Refusals {
    ledger: Ledger,
    kinds: Arc<Mutex<HashMap<(AuditAction, &'static str), Classes>>>,
}

impl Refusals {
    /// Creates a recorder that has counted nothing.
    pub fn new(ledger: Ledger) -> Self {
        Self {
            ledger,
            kinds: Arc::default(),
        }
    }

    /// OPS-6: writes the event of a refusal, or counts the refusal if its class already has an event. A refusal is never
    /// counted before the first event of its class is durable.
    pub async fn note(&self, event: RefusedEvent<'_>) -> Result<Noted, LedgerError> {
        loop {
            let (class, entry) = self.entry(&event);
            let mut is_first = false;
            let first = entry.first.get_or_try_init(|| {
                is_first = true;
                self.write_first(&class, &event)
            });
            first.await?;
            if is_first {
                return Ok(Noted::Written);
            }
            if entry.count(event.occurred, event.trace_id.clone()) {
                return Ok(Noted::Counted);
            }
        }
    }

    /// OPS-6: writes one event for each class whose refusals were repeated since the last call. Forgets the other
    /// classes. If a write fails, the numbers that are not written yet stay.
    pub async fn write_counts(&self) -> Result<(), LedgerError> {
        let classes: Vec<(Class, Arc<Entry>)> = self
            .kinds()
            .values()
            .flatten()
            .map(|(class, entry)| (class.clone(), Arc::clone(entry)))
            .collect();
        for (class, entry) in classes {
            let Some((count, occurred, trace_id)) = entry.take() else {
                self.forget(&class);
                continue;
            };
            let written = self.write(&class, occurred, trace_id.clone(), Some(count));
            if let Err(error) = written.await {
                entry.put_back(count, occurred, trace_id);
                return Err(error);
            }
        }
        Ok(())
    }

    /// OPS-6: runs a service, and writes the counts after each minute and when the service has ended. `report` gets the
    /// result of each write. If the last write takes longer than [`LAST_WRITE`], the rest of the counts is lost, as in a
    /// crash.
    pub async fn write_while<T>(
        &self,
        serving: impl Future<Output = T>,
        mut report: impl FnMut(Result<(), ErrorType>) + Send + 'static,
    ) -> T {
        let (refusals, ended) = (self.clone(), Arc::new(Notify::new()));
        let end = Arc::clone(&ended);
        let writing = tokio::spawn(async move {
            let mut last = false;
            while !last {
                last = tokio::time::timeout(PERIOD, end.notified()).await.is_ok();
                let written = refusals.write_counts().await;
                report(written.map_err(|error| error.cause().error_type));
            }
        });
        let result = serving.await;
        ended.notify_one();
        // The task fails only if the runtime ends first.
        drop(tokio::time::timeout(LAST_WRITE, writing).await);
        result
    }

    /// The class of a refusal, and its entry. If the class is new and its kind already has [`MAX_CLASSES`] classes,
    /// takes the class that counts all further refusals together.
    fn entry(&self, event: &RefusedEvent<'_>) -> (Class, Arc<Entry>) {
        let mut class = Class {
            actor: event.actor.clone(),
            action: event.action,
            line_id: event.line_id,
            number: event.number.cloned(),
            reason: event.reason,
            reason_without_line: event.reason_without_line,
        };
        let mut kinds = self.kinds();
        let classes = kinds.entry((event.action, event.reason)).or_default();
        if classes.len() >= MAX_CLASSES && !classes.contains_key(&class) {
            class = Class {
                actor: OTHERS.to_owned(),
                line_id: None,
                number: None,
                reason_without_line: None,
                ..class
            };
        }
        let entry = Arc::clone(classes.entry(class.clone()).or_default());
        (class, entry)
    }

    /// Removes the entry of a class, unless a refusal was counted in the meantime.
    fn forget(&self, class: &Class) {
        let mut kinds = self.kinds();
        let Some(classes) = kinds.get_mut(&(class.action, class.reason)) else {
            return;
        };
        if classes.get(class).is_some_and(|entry| entry.close()) {
            classes.remove(class);
        }
    }

    fn kinds(&self) -> MutexGuard<'_, HashMap<(AuditAction, &'static str), Classes>> {
        self.kinds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes the first event of a class. With a decoy, the update costs what the settlement of a wrong password costs: its
    /// conditions are always true, and its `CASE` never is (LOGIN-5).
    async fn write_first(
        &self,
        class: &Class,
        event: &RefusedEvent<'_>,
    ) -> Result<(), LedgerError> {
        let Some(decoy) = &event.decoy else {
            let trace_id = event.trace_id.clone();
            return self.write(class, event.occurred, trace_id, None).await;
        };
        sqlx::query!(
            r#"
            WITH settled AS (
                UPDATE decoy_credentials
                SET open_charges = array_remove(open_charges, open_charges[1]),
                    killed_time = CASE WHEN failures < 0 AND open_charges = ARRAY[epoch]
                                       THEN $1::timestamptz END
                WHERE number = $8 AND epoch >= 0 AND killed_time IS NULL
                RETURNING killed_time
            )
            INSERT INTO audit_events (occurred_time, actor, action, line_id, number, outcome, reason, trace_id)
            SELECT $1, $2, $3, found.line_id, found.number, $5,
                   CASE WHEN found.number IS NULL THEN coalesce($7::text, $6) ELSE $6 END, $9
            FROM (SELECT count(*) FROM settled) AS always LEFT JOIN numbers AS found ON found.number = $4
            "#,
            event.occurred,
            class.actor,
            class.action.as_str(),
            class.number.as_ref().map(TelephoneNumber::as_str),
            AuditOutcome::Refused.as_str(),
            class.reason,
            class.reason_without_line,
            decoy,
            event.trace_id,
        )
        .execute(&self.ledger)
        .statement("refusal_with_decoy", "audit_events")
        .await?;
        Ok(())
    }

    async fn write(
        &self,
        class: &Class,
        occurred: DateTime<Utc>,
        trace_id: Option<String>,
        repeats: Option<i64>,
    ) -> Result<(), LedgerError> {
        sqlx::query!(
            r#"
            INSERT INTO audit_events
                (occurred_time, actor, action, line_id, number, outcome, reason, trace_id, repeats)
            SELECT $1, $2, $3, coalesce($4::bigint, found.line_id),
                   CASE WHEN $4::bigint IS NULL THEN found.number ELSE $5::text END, $6,
                   CASE WHEN $4::bigint IS NULL AND found.number IS NULL THEN coalesce($8::text, $7) ELSE $7 END,
                   $9, $10::bigint
            FROM (SELECT) AS always LEFT JOIN numbers AS found ON found.number = $5 AND $4::bigint IS NULL
            "#,
            occurred,
            class.actor,
            class.action.as_str(),
            class.line_id,
            class.number.as_ref().map(TelephoneNumber::as_str),
            AuditOutcome::Refused.as_str(),
            class.reason,
            class.reason_without_line,
            trace_id,
            repeats,
        )
        .execute(&self.ledger)
        .statement("refusal", "audit_events")
        .await?;
        Ok(())
    }
}

impl Entry {
    /// Counts a refusal. Returns false if the entry is no longer in use.
    fn count(&self, occurred: DateTime<Utc>, trace_id: Option<String>) -> bool {
        let mut repeats = self.repeats();
        if repeats.closed {
            return false;
        }
        repeats.count = repeats.count.saturating_add(1);
        repeats.latest = Some((occurred, trace_id));
        true
    }

    /// Takes the number of counted refusals, with the time and the trace of the latest one. `None` if there are none.
    fn take(&self) -> Option<(i64, DateTime<Utc>, Option<String>)> {
        let mut repeats = self.repeats();
        let (occurred, trace_id) = repeats.latest.take()?;
        Some((std::mem::take(&mut repeats.count), occurred, trace_id))
    }

    /// Counts refusals again that were taken, but not written.
    fn put_back(&self, count: i64, occurred: DateTime<Utc>, trace_id: Option<String>) {
        let mut repeats = self.repeats();
        repeats.count = repeats.count.saturating_add(count);
        repeats.latest.get_or_insert((occurred, trace_id));
    }

    /// Ends the use of the entry. Returns false if a refusal is counted in it.
    fn close(&self) -> bool {
        let mut repeats = self.repeats();
        repeats.closed = repeats.latest.is_none();
        repeats.closed
    }

    fn repeats(&self) -> MutexGuard<'_, Repeats> {
        self.repeats.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
