//! The code that RPCs on sessions share. It reads a session from Redis, and checks with the ledger that the session is
//! still valid (INV-1, INV-3).

use aikagi_api::authentication::v1::{MustChangeReason, Session};
use aikagi_api::timestamp;
use aikagi_api::units::v1::{AccountRole, AuthUnit};
use aikagi_domain::fault::InternalFault;
use aikagi_domain::session::{SessionAction, SessionRecord, SessionToken, TokenDigest, revision};
use aikagi_ledger::audit::AuditAction;
use aikagi_refusal::{ErrorReason, Failure, Refusal};
use chrono::{DateTime, Utc};
use futures_util::future::try_join_all;

use crate::Authentication;
use crate::store::Account;

/// The number of listed sessions that are checked at the same time.
const PARALLEL_CHECKS: usize = 32;

/// A session as stored in Redis. It may have ended, unless a check with the ledger has shown that it is valid.
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

/// A valid full session, and the digest of its token.
pub(crate) struct FullSession {
    pub(crate) digest: TokenDigest,
    pub(crate) record: SessionRecord,
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
    /// `OVERLOADED` if too many checks of this session, or of all sessions, wait (OPS-6).
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

    /// Returns the live session of a token, for an action that a must-change session may not do. This counts as use of the
    /// session.
    ///
    /// Fails as [`Self::live_session`] does, and with `PASSWORD_CHANGE_REQUIRED` if the session may not do the action.
    pub(crate) async fn full_session(
        &self,
        token: &str,
        action: SessionAction,
        now: DateTime<Utc>,
    ) -> Result<FullSession, Failure> {
        let LiveSession { record, .. } = self.live_session(token, now, false).await?;
        if !record.may(action) {
            return Err(Refusal::new(ErrorReason::PasswordChangeRequired).into());
        }
        Ok(FullSession {
            digest: digest_of(token)?,
            record,
        })
    }

    /// The live sessions of these digests, in the same order. Reading them does not count as use (SESS-1).
    pub(crate) async fn live_among(
        &self,
        digests: &[TokenDigest],
        now: DateTime<Utc>,
    ) -> Result<Vec<(TokenDigest, StoredSession)>, Failure> {
        let mut live = Vec::new();
        for part in digests.chunks(PARALLEL_CHECKS) {
            let checks = part.iter().map(|digest| self.find_live(digest, now));
            live.extend(try_join_all(checks).await?.into_iter().flatten());
        }
        Ok(live)
    }

    /// The session of a digest; `None` if it is not live.
    async fn find_live(
        &self,
        digest: &TokenDigest,
        now: DateTime<Utc>,
    ) -> Result<Option<(TokenDigest, StoredSession)>, Failure> {
        let Some(stored) = self.find(digest, now, true).await? else {
            return Ok(None);
        };
        match self.check(digest, &stored.record, stored.used, now).await {
            Ok(_account) => Ok(Some((*digest, stored))),
            Err(Failure::Refused(_ended)) => Ok(None),
            Err(failure) => Err(failure),
        }
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
        self.put_session(&token.digest(), record, now).await?;
        Ok(token)
    }

    /// Stores a session under the digest of its token, as used at this moment.
    pub(crate) async fn put_session(
        &self,
        digest: &TokenDigest,
        record: &SessionRecord,
        now: DateTime<Utc>,
    ) -> Result<(), Failure> {
        let plain = serde_json::to_vec(record)
            .map_err(|_unwritable| InternalFault("a session record cannot be written"))?;
        let sealed = self.keys.seal_session(digest, &plain)?;
        self.ttl
            .sessions()
            .put(
                digest,
                &record.account,
                &sealed,
                now,
                self.session_rules.idle,
                record.ends,
            )
            .await?;
        Ok(())
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

    /// Ends a session permanently, at a logout or another action. Writes to the ledger before Redis, so that a stale
    /// replica of Redis cannot restore the session (INV-3).
    pub(crate) async fn end_session(
        &self,
        digest: &TokenDigest,
        record: &SessionRecord,
        action: AuditAction,
        now: DateTime<Utc>,
    ) -> Result<(), Failure> {
        self.store.end_session(digest, record, action, now).await?;
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
