//! What the ledger says of a session's account. Every check asks it, so questions that come while statements run are put
//! into one: each is answered by a statement that began after it was asked, and a lone one waits for nothing.

use std::sync::Arc;

use aikagi_domain::credential::{CredentialKind, Epoch};
use aikagi_domain::session::{AccountState, TokenDigest};
use aikagi_domain::telephone::TelephoneNumber;
use aikagi_domain::unit::AuthUnit;
use aikagi_ledger::{LedgerError, statement};
use chrono::{DateTime, Utc};
use sqlx::PgPool;
use tokio::sync::{Mutex, mpsc, oneshot};
use tracing::Instrument as _;

/// Statements that run at once. One that is held up keeps others only from going first.
const AT_ONCE: usize = 2;
/// Questions that one statement answers.
const MOST: usize = 64;
/// Questions that wait for a statement; who asks more waits for room.
const WAITING: usize = 1024;

/// A session's account at this moment.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) state: AccountState,
    pub(crate) unit: Option<AuthUnit>,
    pub(crate) line_version: i64,
    /// The numbers whose settings the account may change (UNIT-1).
    pub(crate) scope: Vec<TelephoneNumber>,
    /// When the permanent password was changed, if that is what is live.
    pub(crate) changed: Option<DateTime<Utc>>,
}

type Answer = Result<Option<Account>, LedgerError>;

/// Where accounts are asked for.
#[derive(Clone, Debug)]
pub(super) struct Accounts {
    questions: mpsc::Sender<Question>,
}

struct Question {
    number: TelephoneNumber,
    digest: TokenDigest,
    answer: oneshot::Sender<Answer>,
}

impl Accounts {
    /// Those of this ledger, while anybody can ask for them.
    pub(super) fn of(pool: &PgPool) -> Self {
        let (questions, asked) = mpsc::channel(WAITING);
        let asked = Arc::new(Mutex::new(asked));
        for _ in 0..AT_ONCE {
            tokio::spawn(answer(pool.clone(), Arc::clone(&asked)));
        }
        Self { questions }
    }

    /// The account of a session, and whether the session was ended for good.
    pub(super) async fn find(&self, number: &TelephoneNumber, digest: &TokenDigest) -> Answer {
        let (answer, answered) = oneshot::channel();
        let question = Question {
            number: number.clone(),
            digest: *digest,
            answer,
        };
        let asked = async {
            self.questions.send(question).await.ok()?;
            answered.await.ok()
        };
        let told = asked
            .instrument(statement("account", "ended_sessions"))
            .await;
        told.unwrap_or(Err(LedgerError::Unavailable))
    }
}

/// Answers whatever waits, statement by statement, until nobody can ask any more.
async fn answer(pool: PgPool, asked: Arc<Mutex<mpsc::Receiver<Question>>>) {
    let mut questions = Vec::new();
    while asked.lock().await.recv_many(&mut questions, MOST).await > 0 {
        questions.retain(|question| !question.answer.is_closed());
        match look_up(&pool, &questions).await {
            Ok(answers) => {
                for (question, told) in questions.drain(..).zip(answers) {
                    let _asker_gone = question.answer.send(told);
                }
            }
            Err(error) => {
                for question in questions.drain(..) {
                    let _asker_gone = question.answer.send(Err(error));
                }
            }
        }
    }
}

/// An account as the ledger has it.
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

/// One answer for each question.
async fn look_up(pool: &PgPool, questions: &[Question]) -> Result<Vec<Answer>, LedgerError> {
    let numbers: Vec<String> = questions
        .iter()
        .map(|question| question.number.as_str().to_owned())
        .collect();
    let digests: Vec<Vec<u8>> = questions
        .iter()
        .map(|question| question.digest.0.to_vec())
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
    .fetch_all(pool)
    .await?;
    let mut answers: Vec<Answer> = questions.iter().map(|_| Ok(None)).collect();
    for row in rows {
        // Places count from 1.
        let place = usize::try_from(row.place)
            .ok()
            .and_then(|place| place.checked_sub(1));
        let asked = place.and_then(|place| Some((questions.get(place)?, answers.get_mut(place)?)));
        let Some((question, answer)) = asked else {
            continue;
        };
        *answer = row.account(&question.number).map(Some);
    }
    Ok(answers)
}
