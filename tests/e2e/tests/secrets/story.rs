//! The story with the unique numbers and passwords of [`super::canaries`]. It checks Redis while it
//! runs, and the refusals at its end.

use aikagi_api::edge::v1::{GetSessionRequest, LoginRequest};
use aikagi_api::issuance::v1::CallOutcome;
use aikagi_api::units::v1::AuthUnit;
use aikagi_client::{Asked, Backend, LoggedIn, asked};
use aikagi_devkit::installation::workloads::Service;
use aikagi_e2e::processes::ProcessSystem;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::{Request, Status};

use super::canaries::{
    CONTRACT, Canaries, FIRST, NOBODY, OTHER_PERMANENT, OTHER_TEMPORARY, PASSWORDS, PERMANENT,
    REFUSED_PERMANENT, SECOND, STRANGER, TEMPORARY, WRONG_PERMANENT, WRONG_TEMPORARY, numbers,
};

/// The story in progress.
struct Story<'a> {
    system: &'a ProcessSystem,
    canaries: Canaries,
    refusals: Vec<Status>,
}

impl Story<'_> {
    /// Records a refusal.
    #[track_caller]
    fn refused<T: std::fmt::Debug>(&mut self, answer: Result<T, Status>) {
        self.refusals.push(answer.expect_err("the RPC is refused"));
    }

    fn saw(&mut self, session: &LoggedIn) {
        self.canaries.add(&session.token);
    }

    /// Checks that Redis contains no secret and no number. Only the keys of temporary passwords,
    /// and of the lists of an account's sessions, may contain a number.
    async fn look_into_redis(&mut self) {
        let client = redis::Client::open(self.system.processes.redis.administrator_url()).unwrap();
        let mut redis = client.get_multiplexed_async_connection().await.unwrap();
        let keys: Vec<Vec<u8>> = redis::cmd("KEYS")
            .arg("*")
            .query_async(&mut redis)
            .await
            .unwrap();
        assert!(!keys.is_empty());
        for key in keys {
            let name = String::from_utf8_lossy(&key).into_owned();
            let kind: String = redis::cmd("TYPE")
                .arg(&key)
                .query_async(&mut redis)
                .await
                .unwrap();
            let values: Vec<Vec<u8>> = match kind.as_str() {
                "hash" => redis::cmd("HGETALL")
                    .arg(&key)
                    .query_async(&mut redis)
                    .await
                    .unwrap(),
                "string" => vec![
                    redis::cmd("GET")
                        .arg(&key)
                        .query_async(&mut redis)
                        .await
                        .unwrap(),
                ],
                "zset" => redis::cmd("ZRANGE")
                    .arg(&key)
                    .arg(0)
                    .arg(-1)
                    .query_async(&mut redis)
                    .await
                    .unwrap(),
                other => panic!("{name} is a {other}: check it too"),
            };
            for value in values {
                self.canaries
                    .not_in(&value, &format!("the value of {name}"));
            }
            if !["temp:", "sess:of:"]
                .iter()
                .any(|key| name.starts_with(key))
            {
                self.canaries.not_in(&key, "a key of Redis");
            }
        }
    }

    /// Adds lines and sets passwords by telephone: with an invalid entry, a target of another line, a mismatch, a wrong turn
    /// and a withheld number.
    async fn set_by_telephone(&mut self) {
        let (ivr, operator) = (self.system.ivr(), self.system.operator());
        operator
            .add_line(&[(CONTRACT, false), (FIRST, true), (SECOND, true)])
            .await
            .unwrap();
        operator.add_line(&[(STRANGER, true)]).await.unwrap();
        self.refused(operator.add_line(&[(NOBODY, true), (FIRST, true)]).await);
        self.refused(operator.line(NOBODY).await);

        let (mut call, _) = ivr.dial(CONTRACT).await.unwrap();
        for keys in [
            "7",
            "2",
            &format!("{STRANGER}#"),
            &format!("{FIRST}#"),
            TEMPORARY,
            WRONG_TEMPORARY,
        ] {
            call.keys(keys).await.unwrap();
            self.look_into_redis().await;
        }
        self.refused(call.keys(PERMANENT).await);
        assert_eq!(
            asked(&call.keys(TEMPORARY).await.unwrap()),
            Asked::Ended(CallOutcome::Set)
        );
        self.look_into_redis().await;
        ivr.dial("").await.unwrap();
        ivr.dial(NOBODY).await.unwrap();
        ivr.set(CONTRACT, AuthUnit::Number, SECOND, OTHER_TEMPORARY)
            .await
            .unwrap();
        self.refused(
            ivr.set(CONTRACT, AuthUnit::Number, STRANGER, TEMPORARY)
                .await,
        );
        self.refused(ivr.set(NOBODY, AuthUnit::Number, NOBODY, TEMPORARY).await);
        self.refused(
            ivr.set(CONTRACT, AuthUnit::Number, &format!("{FIRST}9"), PERMANENT)
                .await,
        );
    }

    /// Logs in with wrong and right passwords, and makes the required change.
    async fn begin(&mut self) {
        let site = self.system.site();
        self.refused(site.login(NOBODY, PERMANENT).await);
        self.refused(site.login(FIRST, WRONG_TEMPORARY).await);
        self.refused(site.login(&format!("{FIRST}9"), WRONG_PERMANENT).await);
        let forced = site.login(FIRST, TEMPORARY).await.unwrap();
        self.saw(&forced);
        self.refused(forced.change(WRONG_TEMPORARY, PERMANENT).await);
        self.refused(forced.change(TEMPORARY, REFUSED_PERMANENT).await);
        self.refused(
            forced
                .change_with(
                    TEMPORARY,
                    PERMANENT,
                    OTHER_PERMANENT,
                    &forced.session.revision,
                )
                .await,
        );
        self.refused(
            forced
                .change_with(TEMPORARY, PERMANENT, PERMANENT, "stale")
                .await,
        );
        let full = forced.change(TEMPORARY, PERMANENT).await.unwrap().unwrap();
        self.saw(&full);
        self.refused(forced.session().await);
        self.look_into_redis().await;
    }

    /// Logs in with the permanent password, checks access as a settings back end, changes the
    /// password, logs out, and uses an ended session.
    async fn use_the_permanent_password(&mut self) {
        let site = self.system.site();
        let session = site.login(FIRST, PERMANENT).await.unwrap();
        self.saw(&session);
        let backend = Backend::new(self.system.private_as("backend"));
        backend.check_access(&session.token, FIRST).await.unwrap();
        self.refused(backend.check_access(&session.token, SECOND).await);
        self.refused(session.change(WRONG_PERMANENT, OTHER_PERMANENT).await);
        self.refused(session.change(PERMANENT, PERMANENT).await);
        let changed = session
            .change(PERMANENT, OTHER_PERMANENT)
            .await
            .unwrap()
            .unwrap();
        self.saw(&changed);
        let back = changed.change(OTHER_PERMANENT, PERMANENT).await;
        self.saw(&back.unwrap().unwrap());
        self.refused(changed.peek().await);
        let last = site.login(FIRST, PERMANENT).await.unwrap();
        self.saw(&last);
        last.logout().await.unwrap();
        self.refused(last.session().await);
    }

    /// Uses the site as a browser, with the session in a cookie.
    async fn browse(&mut self) {
        let mut client = self.system.site().client();
        let port = self.system.processes.ports(Service::Edge)[0].main;
        let origin: MetadataValue<Ascii> = format!("https://127.0.0.1:{port}").parse().unwrap();
        let mut login = Request::new(LoginRequest {
            number: FIRST.to_owned(),
            password: PERMANENT.to_owned(),
        });
        login.metadata_mut().insert("origin", origin.clone());
        let opened = client.login(login).await.unwrap();
        let cookie = opened.metadata().get("set-cookie").unwrap();
        let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
        let (_, token) = cookie.split_once('=').unwrap();
        assert!(token.len() > 40 && opened.get_ref().session_token.is_empty());
        self.canaries.add(token);
        let mut look = Request::new(GetSessionRequest { peek: true });
        look.metadata_mut().insert("origin", origin);
        look.metadata_mut()
            .insert("cookie", cookie.parse().unwrap());
        client.get_session(look).await.unwrap();
    }

    /// Makes more wrong attempts than the limits allow. Recovers by a call, and ends sessions as an
    /// operator.
    async fn lock_out(&mut self) {
        let (site, ivr, operator) = (
            self.system.site(),
            self.system.ivr(),
            self.system.operator(),
        );
        for _ in 0..4 {
            self.refused(site.login(SECOND, WRONG_TEMPORARY).await);
        }
        for _ in 0..11 {
            self.refused(site.login(FIRST, WRONG_PERMANENT).await);
        }
        let outcome = ivr
            .set_by_telephone(CONTRACT, "2", FIRST, OTHER_TEMPORARY)
            .await
            .unwrap();
        assert_eq!(outcome, CallOutcome::Set);
        let recovered = site.login(FIRST, OTHER_TEMPORARY).await.unwrap();
        self.saw(&recovered);
        operator.end_sessions(FIRST).await.unwrap();
        self.refused(recovered.session().await);
        operator.line(FIRST).await.unwrap();
        self.look_into_redis().await;
    }

    /// Changes the unit: with accounts that are not ready, with wrong passwords, then with right ones.
    async fn migrate(&mut self) {
        let (site, ivr) = (self.system.site(), self.system.ivr());
        let forced = site.login(FIRST, OTHER_TEMPORARY).await.unwrap();
        self.saw(&forced);
        let changed = forced.change(OTHER_TEMPORARY, OTHER_PERMANENT).await;
        let session = changed.unwrap().unwrap();
        self.saw(&session);
        let wrong = [(FIRST, WRONG_PERMANENT), (SECOND, WRONG_PERMANENT)];
        self.refused(session.migrate(AuthUnit::Line, &wrong).await);
        ivr.set(CONTRACT, AuthUnit::Number, SECOND, TEMPORARY)
            .await
            .unwrap();
        let forced = site.login(SECOND, TEMPORARY).await.unwrap();
        self.saw(&forced);
        forced.change(TEMPORARY, PERMANENT).await.unwrap().unwrap();
        self.refused(session.migrate(AuthUnit::Line, &wrong).await);
        self.refused(session.migrate(AuthUnit::Line, &wrong[..1]).await);
        let right = [(FIRST, OTHER_PERMANENT), (SECOND, PERMANENT)];
        session.migrate(AuthUnit::Line, &right).await.unwrap();
        let after = site.login(CONTRACT, OTHER_PERMANENT).await.unwrap();
        self.saw(&after);
        self.refused(after.preview(AuthUnit::Line).await);
        self.look_into_redis().await;
    }

    /// Checks that no refusal contains a secret or a full number in any part.
    fn look_into_refusals(&self) {
        assert!(self.refusals.len() > 30);
        for status in &self.refusals {
            let headers = format!("{:?}", status.metadata());
            for part in [
                status.message().as_bytes(),
                status.details(),
                headers.as_bytes(),
            ] {
                self.canaries
                    .not_in(part, &format!("a refusal ({:?})", status.code()));
            }
        }
    }
}

/// Plays the story on a system, and checks Redis and the refusals. Returns all secrets, tokens and numbers that occurred.
pub(crate) async fn play(system: &ProcessSystem) -> Canaries {
    let mut canaries = numbers();
    for password in PASSWORDS {
        canaries.add(password);
    }
    let mut story = Story {
        system,
        canaries,
        refusals: Vec::new(),
    };
    story.set_by_telephone().await;
    story.begin().await;
    story.use_the_permanent_password().await;
    story.browse().await;
    story.lock_out().await;
    story.migrate().await;
    story.look_into_refusals();
    story.canaries
}
