//! Looks up the accounts of sessions in the ledger.
//!
//! Each check of a session looks up its account. A lookup waits only while [`PARALLEL_STATEMENTS`] statements run. The
//! lookups that wait are combined into one statement. A statement that serves a lookup always starts after the lookup
//! arrived.

use std::sync::Arc;

use aikagi_domain::credential::{CredentialKind, Epoch};
use aikagi_domain::session::{AccountState, TokenDigest};
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_domain::unit::AuthUnit;
use aikagi_ledger::{Ledger, LedgerError, span};
use chrono::{DateTime, Utc};
use tokio::sync::{Mutex, mpsc, oneshot};
use tracing::Instrument as _;

/// Lookup statements that run in parallel. With two, a slow statement delays only the lookups of its own batch.
const PARALLEL_STATEMENTS: usize = 2;
/// The maximum number of lookups in one statement.
const MAX_BATCH: usize = 64;
/// The maximum number of lookups in the queue. Further callers wait until there is room.
const QUEUE_LENGTH: usize = 1024;

/// The summary of the statement.
const SUMMARY: &str = "account";

/// The present state of a session's account.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) state: AccountState,
    pub(crate) unit: Option<AuthUnit>,
    pub(crate) line_version: i64,
    /// The numbers whose settings the account may change (UNIT-1).
    pub(crate) scope: Vec<TelephoneNumber>,
    /// The last change of the permanent password. `None` if the credential is of another kind.
    pub(crate) changed: Option<DateTime<Utc>>,
}

/// The account; `None` if the number is on no line.
type LookupResult = Result<Option<Account>, LedgerError>;

/// The queue of lookups. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct AccountLookup {
    queue: mpsc::Sender<Lookup>,
}

struct Lookup {
    number: TelephoneNumber,
    digest: TokenDigest,
    reply: oneshot::Sender<LookupResult>,
}

impl AccountLookup {
    /// Starts the tasks that run the statements. They end when the last clone is dropped.
    pub(super) fn start(ledger: &Ledger) -> Self {
        let (queue, lookups) = mpsc::channel(QUEUE_LENGTH);
        let lookups = Arc::new(Mutex::new(lookups));
        for _ in 0..PARALLEL_STATEMENTS {
            tokio::spawn(run_lookups(ledger.clone(), Arc::clone(&lookups)));
        }
        Self { queue }
    }

    /// Returns the account of a session. Its state also says if the session was ended permanently.
    pub(super) async fn find(
        &self,
        number: &TelephoneNumber,
        digest: &TokenDigest,
    ) -> LookupResult {
        let (reply, result) = oneshot::channel();
        let lookup = Lookup {
            number: number.clone(),
            digest: *digest,
            reply,
        };
        let found = async {
            self.queue.send(lookup).await.ok()?;
            result.await.ok()
        };
        let found = found.instrument(span(SUMMARY, "ended_sessions")).await;
        found.unwrap_or_else(|| Err(LedgerError::stopping(SUMMARY)))
    }
}

/// Runs lookups in batches until the queue is closed.
async fn run_lookups(ledger: Ledger, queue: Arc<Mutex<mpsc::Receiver<Lookup>>>) {
    let mut batch = Vec::new();
    while queue.lock().await.recv_many(&mut batch, MAX_BATCH).await > 0 {
        batch.retain(|lookup| !lookup.reply.is_closed());
        // Sending fails only if the RPC was cancelled. Then nobody needs the result.
        match look_up(&ledger, &batch).await {
            Ok(results) => {
                for (lookup, result) in batch.drain(..).zip(results) {
                    drop(lookup.reply.send(result));
                }
            }
            Err(error) => {
                for lookup in batch.drain(..) {
                    drop(lookup.reply.send(Err(error.clone())));
                }
            }
        }
    }
}

/// A row of the lookup statement.
#[expect(clippy::struct_excessive_bools, reason = "a row, not a state")]
struct Row {
    place: i64,
    kind: String,
    epoch: i64,
    session_generation: i64,
    changed_time: Option<DateTime<Utc>>,
    line_id: i64,
    unit: Option<String>,
    version: i64,
    closed: bool,
    is_contract_number: bool,
    subscribed: bool,
    ended: bool,
    subscribed_numbers: Vec<String>,
}

impl Row {
    fn account(self, number: &TelephoneNumber) -> Result<Account, LedgerError> {
        let unit = self.unit.as_deref().map(AuthUnit::parse).transpose()?;
        let role = unit.and_then(|unit| unit.role(self.is_contract_number, self.subscribed));
        let subscribed = self
            .subscribed_numbers
            .iter()
            .map(|number| TelephoneNumber::parse(number))
            .collect::<Result<Vec<_>, _>>()?;
        let permanent = CredentialKind::parse(&self.kind)? == CredentialKind::Permanent;
        Ok(Account {
            state: AccountState {
                line_id: self.line_id,
                epoch: Epoch(self.epoch),
                generation: self.session_generation,
                role,
                line_closed: self.closed,
                ended: self.ended,
            },
            unit,
            line_version: self.version,
            scope: role.map_or_else(Vec::new, |role| role.scope(number, subscribed)),
            changed: self.changed_time.filter(|_| permanent),
        })
    }
}

/// Runs one statement for a batch of lookups. Returns their results in the same order.
async fn look_up(ledger: &Ledger, batch: &[Lookup]) -> Result<Vec<LookupResult>, LedgerError> {
    let numbers: Vec<String> = batch
        .iter()
        .map(|lookup| lookup.number.as_str().to_owned())
        .collect();
    let digests: Vec<Vec<u8>> = batch
        .iter()
        .map(|lookup| lookup.digest.0.to_vec())
        .collect();
    let rows = sqlx::query_as!(
        Row,
        r#"
        SELECT place AS "place!", kind, epoch, session_generation, changed_time, line_id, unit, version,
               closed_time IS NOT NULL AS "closed!", contract_number = numbers.number AS "is_contract_number!",
               subscribed,
               EXISTS (SELECT FROM ended_sessions WHERE token_digest = asked.digest) AS "ended!",
               ARRAY (SELECT others.number FROM numbers AS others
                      WHERE others.line_id = lines.line_id AND others.subscribed
                      ORDER BY others.number <> contract_number, others.number) AS "subscribed_numbers!"
        FROM unnest($1::text[], $2::bytea[]) WITH ORDINALITY AS asked (number, digest, place)
             JOIN credentials USING (number) JOIN numbers USING (number) JOIN lines USING (line_id)
        "#,
        &numbers,
        &digests,
    )
    .fetch_all(ledger)
    .await
    .map_err(|error| LedgerError::of(&error, SUMMARY))?;
    let mut results: Vec<LookupResult> = batch.iter().map(|_| Ok(None)).collect();
    for row in rows {
        // The ordinality of `unnest` starts at 1.
        let index = usize::try_from(row.place)
            .ok()
            .and_then(|place| place.checked_sub(1));
        let lookup = index.and_then(|index| Some((batch.get(index)?, results.get_mut(index)?)));
        let Some((lookup, result)) = lookup else {
            continue;
        };
        *result = row.account(&lookup.number).map(Some);
    }
    Ok(results)
}
