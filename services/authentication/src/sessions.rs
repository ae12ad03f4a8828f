//! The code that RPCs on sessions share. It reads a session from Redis, and checks with the ledger that the session is
//! still valid (INV-1, INV-3).

use aikagi_api::authentication::v1::{MustChangeReason, Session};
use aikagi_api::timestamp;
use aikagi_api::units::v1::{AccountRole, AuthUnit};
use aikagi_domain::fault::InternalFault;
use aikagi_domain::session::{SessionRecord, SessionToken, TokenDigest, revision};
use aikagi_refusal::{ErrorReason, Failure, Refusal};
use chrono::{DateTime, Utc};

use crate::Authentication;
use crate::store::Account;

/// A session as stored in Redis. The ledger has not yet confirmed that it is valid.
pub(crate) struct StoredSession {
    pub(crate) record: SessionRecord,
    pub(crate) used: DateTime<Utc>,
}

/// A valid session, and the present state of its account in the ledger.
pub(crate) struct LiveSession {
    pub(crate) record: SessionRecord,
    pub(crate) used: DateTime<Utc>,
    pub(crate) account: Account,
}

/// The digest of a token.
///
/// Fails with `SESSION_ENDED` if the text is not a token, because no session can have it.
pub(crate) fn digest_of(token: &str) -> Result<TokenDigest, Refusal> {
    SessionToken::parse(token)
        .map(|token| token.digest())
        .map_err(|_malformed| Refusal::new(ErrorReason::SessionEnded))
}

impl Authentication {
    /// Returns the live session of a token. This counts as use of the session, unless `peek` is true (SESS-1).
    ///
    /// Fails with `SESSION_REQUIRED` if the token is empty, with `SESSION_ENDED` if there is no live session, and with
    /// `OVERLOADED` if too many checks of this session wait (OPS-6).
    pub(crate) async fn live_session(
        &self,
        token: &str,
        now: DateTime<Utc>,
        peek: bool,
    ) -> Result<LiveSession, Failure> {
        if token.is_empty() {
            return Err(Refusal::new(ErrorReason::SessionRequired).into());
        }
        let digest = digest_of(token)?;
        let _turn = self.turns.wait(&digest).await?;
        let stored = self.find(&digest, now, peek).await?;
        let StoredSession { record, used } =
            stored.ok_or_else(|| Refusal::new(ErrorReason::SessionEnded))?;
        let account = self.check(&digest, &record, used, now).await?;
        Ok(LiveSession {
            record,
            used,
            account,
        })
    }

    /// Reads the session of a token's digest from Redis. This counts as use of the session, unless `peek` is true.
    pub(crate) async fn find(
        &self,
        digest: &TokenDigest,
        now: DateTime<Utc>,
        peek: bool,
    ) -> Result<Option<StoredSession>, Failure> {
        let Some(entry) = self
            .ttl
            .sessions()
            .touch(digest, now, self.session_rules.idle, peek)
            .await?
        else {
            return Ok(None);
        };
        let opened = self.keys.open_session(digest, &entry.record)?;
        let record = serde_json::from_slice(&opened)
            .map_err(|_malformed| InternalFault("a session record is malformed"))?;
        Ok(Some(StoredSession {
            record,
            used: entry.used,
        }))
    }

    /// SESS-1, SESS-2: checks with the ledger that a session is valid. Returns its account.
    ///
    /// Fails with `SESSION_ENDED` if the session is not valid.
    pub(crate) async fn check(
        &self,
        digest: &TokenDigest,
        record: &SessionRecord,
        used: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Account, Failure> {
        let ended = || Refusal::new(ErrorReason::SessionEnded);
        let account = self
            .store
            .account(&record.account, digest)
            .await?
            .ok_or_else(ended)?;
        record
            .check(now, used, &account.state, &self.session_rules)
            .map_err(|why| {
                tracing::debug!(%why, "session ended");
                ended()
            })?;
        Ok(account)
    }

    /// Stores and opens a session with a new token (SESS-3).
    pub(crate) async fn begin_session(
        &self,
        record: &SessionRecord,
        now: DateTime<Utc>,
    ) -> Result<(String, Session), Failure> {
        let token = self.store_session(record, now).await?;
        self.open_session(&token, record, now).await
    }

    /// Stores a session with a new token. The token must not be sent before [`Self::open_session`] has checked the
    /// session.
    pub(crate) async fn store_session(
        &self,
        record: &SessionRecord,
        now: DateTime<Utc>,
    ) -> Result<SessionToken, Failure> {
        let token = SessionToken::generate(&mut rand::rng());
        let digest = token.digest();
        let plain = serde_json::to_vec(record)
            .map_err(|_unwritable| InternalFault("a session record cannot be written"))?;
        let sealed = self.keys.seal_session(&digest, &plain)?;
        self.ttl
            .sessions()
            .put(
                &digest,
                &record.account,
                &sealed,
                now,
                self.session_rules.idle,
                record.ends,
            )
            .await?;
        Ok(token)
    }

    /// Checks a stored session. Returns its token, and the session as its owner sees it.
    ///
    /// Fails with `SESSION_ENDED` if the session was ended since it was stored.
    pub(crate) async fn open_session(
        &self,
        token: &SessionToken,
        record: &SessionRecord,
        now: DateTime<Utc>,
    ) -> Result<(String, Session), Failure> {
        let account = self.check(&token.digest(), record, now, now).await?;
        let live = LiveSession {
            record: record.clone(),
            used: now,
            account,
        };
        Ok((token.as_text().to_string(), self.view(&live, now)))
    }

    /// Ends a session permanently. Writes to the ledger before Redis, so that a stale replica of Redis cannot restore
    /// the session (INV-3).
    pub(crate) async fn end_session(
        &self,
        digest: &TokenDigest,
        record: &SessionRecord,
        now: DateTime<Utc>,
    ) -> Result<(), Failure> {
        self.store.end_session(digest, record, now).await?;
        self.ttl.sessions().remove(digest).await?;
        Ok(())
    }

    /// SESS-6: the session as its owner sees it.
    pub(crate) fn view(&self, live: &LiveSession, now: DateTime<Utc>) -> Session {
        let LiveSession {
            record,
            used,
            account,
        } = live;
        let idle_expires = self.session_rules.idle_expires(*used).min(record.ends);
        let password_expires = account
            .changed
            .map(|changed| self.credential_rules.permanent_expires(changed));
        Session {
            account_number: record.account.as_str().to_owned(),
            unit: account
                .unit
                .map_or(AuthUnit::Unspecified, AuthUnit::from)
                .into(),
            role: account
                .state
                .role
                .map_or(AccountRole::Unspecified, AccountRole::from)
                .into(),
            scope_numbers: account
                .scope
                .iter()
                .map(|number| number.as_str().to_owned())
                .collect(),
            must_change_reason: record
                .must_change
                .map_or(MustChangeReason::Unspecified, MustChangeReason::from)
                .into(),
            revision: revision(account.line_version, account.state.epoch),
            idle_expire_time: Some(timestamp(idle_expires)),
            expire_time: Some(timestamp(record.ends)),
            password_expire_time: password_expires.map(timestamp),
            last_login_time: record.last_login.map(timestamp),
            wrong_attempts: record.wrong_attempts,
            server_time: Some(timestamp(now)),
        }
    }
}
