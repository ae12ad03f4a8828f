//! A change of a line whose service is killed (-9) before or in its commit: it is done or it is not, and nobody sees
//! anything between (MIG-4, INV-5).

mod hold;

use std::time::Duration;

use aikagi_api::issuance::v1::CallOutcome;
use aikagi_api::units::v1::{AuthUnit, Line};
use aikagi_devkit::installation::workloads::Service;
use aikagi_tests::edge::LoggedIn;
use aikagi_tests::world::{
    CONTRACT, FIRST, OTHER_PERMANENT, PERMANENT, SECOND, TEMPORARY, refused,
};
use sqlx::PgPool;
use tokio::task::JoinHandle;
use tonic::Status;

use super::live::{Live, light};
use hold::{Hold, Place};

const READY: Duration = Duration::from_mins(1);
/// What SECOND changes its password to.
const THIRD: &str = "Third1234";
/// The passwords of the line under NUMBER.
const BY_NUMBER: [(&str, &str); 2] = [(FIRST, PERMANENT), (SECOND, OTHER_PERMANENT)];

/// A running system with a line under NUMBER, and a session of each of its accounts.
struct Scene {
    live: Live,
    ledger: PgPool,
    first: LoggedIn,
    second: LoggedIn,
}

impl Scene {
    async fn set() -> Self {
        let live = Live::start(&[], light, Vec::new()).await;
        live.operator()
            .add_line(&[(CONTRACT, false), (FIRST, true), (SECOND, true)])
            .await
            .unwrap();
        let ledger = live.ledger().await;
        for (number, password) in BY_NUMBER {
            let ivr = live.ivr();
            let called = ivr.set_by_telephone(number, "2", number, TEMPORARY).await;
            assert_eq!(called.unwrap(), CallOutcome::Set);
            let session = live.site().login(number, TEMPORARY).await.unwrap();
            session.change(TEMPORARY, password).await.unwrap();
        }
        let site = live.site();
        Self {
            first: site.login(FIRST, PERMANENT).await.unwrap(),
            second: site.login(SECOND, OTHER_PERMANENT).await.unwrap(),
            live,
            ledger,
        }
    }

    async fn line(&self) -> Line {
        self.live.operator().line(CONTRACT).await.unwrap()
    }

    /// Nothing has changed: not the line, not the sessions, not a password, and no attempt is charged.
    async fn is_as_before(&self, before: &Line) {
        assert_eq!(&self.line().await, before);
        for (session, (number, password)) in [&self.first, &self.second].into_iter().zip(BY_NUMBER)
        {
            assert_eq!(session.peek().await.unwrap().unit(), AuthUnit::Number);
            self.live.site().login(number, password).await.unwrap();
        }
        assert_eq!(&self.line().await, before);
    }

    /// A login that comes while the change is under way, and has to wait for it.
    async fn waiting_login(
        &self,
        number: &'static str,
        password: &'static str,
    ) -> JoinHandle<Result<LoggedIn, Status>> {
        let site = self.live.site();
        let login = tokio::spawn(async move { site.login(number, password).await });
        hold::until_waiting(&self.ledger, "aikagi_authentication").await;
        login
    }

    fn kill(&mut self, service: Service) {
        self.live.system.replicas(service)[0].kill9();
    }

    fn revive(&mut self, service: Service) {
        let replica = &mut self.live.system.replicas(service)[0];
        replica.restart().unwrap();
        replica.wait_ready(READY).unwrap();
    }

    /// Done decisions of this kind in the audit trail.
    async fn done(&self, action: &str) -> i64 {
        let statement = "SELECT count(*) FROM audit_events WHERE action = $1 AND outcome = 'DONE'";
        let count = sqlx::query_scalar(statement).bind(action);
        count.fetch_one(&self.ledger).await.unwrap()
    }
}

/// MIG-4, INV-5: a migration whose service is killed with all credentials written and the unit not yet: nothing of it
/// is seen, before and after; the old passwords work, none is charged, the sessions go on, and the same migration
/// succeeds when it is sent again.
/// LOGIN-4: a login that came meanwhile waits for it, and is answered.
#[tokio::test(flavor = "multi_thread")]
async fn a_migration_killed_halfway_has_not_happened() {
    let mut scene = Scene::set().await;
    let before = scene.line().await;
    let hold = Hold::at(&scene.ledger, Place::Halfway).await;
    let session = scene.first.clone();
    let migration =
        tokio::spawn(async move { session.migrate(AuthUnit::AdminUser, &BY_NUMBER).await });
    hold.reached(&scene.ledger, "aikagi_units").await;
    assert_eq!(scene.line().await, before);
    assert_eq!(scene.second.peek().await.unwrap().unit(), AuthUnit::Number);
    let login = scene.waiting_login(SECOND, OTHER_PERMANENT).await;

    scene.kill(Service::Units);
    assert_eq!(refused(migration.await.unwrap()), "UNAVAILABLE");
    hold.release(&scene.ledger).await;
    login.await.unwrap().unwrap();
    scene.revive(Service::Units);
    scene.is_as_before(&before).await;
    assert_eq!(scene.done("MIGRATE").await, 0);

    let migration = scene.first.migrate(AuthUnit::AdminUser, &BY_NUMBER).await;
    migration.unwrap();
    for number in [CONTRACT, FIRST, SECOND] {
        scene.live.site().login(number, PERMANENT).await.unwrap();
    }
    let old = scene.live.site().login(SECOND, OTHER_PERMANENT).await;
    assert_eq!(refused(old), "LOGIN_REFUSED");
    assert_eq!(scene.done("MIGRATE").await, 1);
}

/// MIG-4, INV-5: a migration whose service is killed in the commit has happened, all of it and once, though nobody
/// could be told: the sessions have ended, and every account of the new unit has the new password.
/// LOGIN-4, MIG-3: logins that came meanwhile wait for it, and are judged by what is then: nobody is charged for a
/// password that is right, nor for one that went with its account.
#[tokio::test(flavor = "multi_thread")]
async fn a_migration_killed_in_its_commit_has_happened() {
    let mut scene = Scene::set().await;
    let before = scene.line().await;
    let hold = Hold::at(&scene.ledger, Place::Commit).await;
    let session = scene.first.clone();
    let migration = tokio::spawn(async move { session.migrate(AuthUnit::Line, &BY_NUMBER).await });
    hold.reached(&scene.ledger, "aikagi_units").await;
    assert_eq!(scene.line().await, before);
    assert_eq!(scene.second.peek().await.unwrap().unit(), AuthUnit::Number);
    let login = scene.waiting_login(SECOND, OTHER_PERMANENT).await;

    scene.kill(Service::Units);
    assert_eq!(refused(migration.await.unwrap()), "UNAVAILABLE");
    hold.release(&scene.ledger).await;
    assert_eq!(refused(login.await.unwrap()), "LOGIN_REFUSED");
    scene.revive(Service::Units);
    assert_eq!(scene.line().await.unit(), AuthUnit::Line);
    for ended in [&scene.first, &scene.second] {
        assert_eq!(refused(ended.peek().await), "SESSION_ENDED");
    }
    let site = scene.live.site();
    for (number, password) in BY_NUMBER {
        let old = site.login(number, password).await;
        assert_eq!(refused(old), "LOGIN_REFUSED");
    }
    let session = site.login(CONTRACT, PERMANENT).await.unwrap();
    assert_eq!(session.session.wrong_attempts, 0);
    assert!(
        scene
            .line()
            .await
            .numbers
            .iter()
            .all(|number| number.failures == 0),
        "nobody is charged"
    );
    assert_eq!(scene.done("MIGRATE").await, 1);

    // The other way about the login's account stays one, with the same password.
    let hold = Hold::at(&scene.ledger, Place::Commit).await;
    let migration = tokio::spawn(async move {
        let passwords = [(CONTRACT, PERMANENT)];
        session.migrate(AuthUnit::AdminUser, &passwords).await
    });
    hold.reached(&scene.ledger, "aikagi_units").await;
    let login = scene.waiting_login(CONTRACT, PERMANENT).await;
    hold.release(&scene.ledger).await;
    migration.await.unwrap().unwrap();
    login.await.unwrap().unwrap();
    assert_eq!(scene.line().await.unit(), AuthUnit::AdminUser);
    assert!(
        scene
            .line()
            .await
            .numbers
            .iter()
            .all(|number| number.failures == 0)
    );
}

/// PW-5, INV-5, LOGIN-7: the same of a permanent password: killed with the credential written it has not changed, and
/// killed in the commit it has; at any moment exactly one of the old and the new one opens.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_password_killed_is_done_or_not() {
    let mut scene = Scene::set().await;
    let before = scene.line().await;
    for place in [Place::Halfway, Place::Commit] {
        let hold = Hold::at(&scene.ledger, place).await;
        let session = scene.second.clone();
        let change = tokio::spawn(async move { session.change(OTHER_PERMANENT, THIRD).await });
        hold.reached(&scene.ledger, "aikagi_password").await;
        assert_eq!(scene.line().await, before);
        scene.second.peek().await.unwrap();
        let login = scene.waiting_login(SECOND, OTHER_PERMANENT).await;
        scene.kill(Service::Password);
        assert_eq!(refused(change.await.unwrap()), "UNAVAILABLE");
        hold.release(&scene.ledger).await;
        scene.revive(Service::Password);
        let site = scene.live.site();
        match place {
            Place::Halfway => {
                login.await.unwrap().unwrap();
                assert_eq!(refused(site.login(SECOND, THIRD).await), "LOGIN_REFUSED");
                site.login(SECOND, OTHER_PERMANENT).await.unwrap();
                scene.is_as_before(&before).await;
            }
            Place::Commit => {
                assert_eq!(refused(login.await.unwrap()), "LOGIN_REFUSED");
                assert_eq!(refused(scene.second.peek().await), "SESSION_ENDED");
                let old = site.login(SECOND, OTHER_PERMANENT).await;
                assert_eq!(refused(old), "LOGIN_REFUSED");
                site.login(SECOND, THIRD).await.unwrap();
            }
        }
    }
    assert_eq!(scene.first.peek().await.unwrap().unit(), AuthUnit::Number);
    assert_eq!(scene.done("CHANGE_PASSWORD").await, 3);
}

/// OPS-1, INV-5: the same of a change of the directory, which an operator sends again.
#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_directory_killed_is_done_or_not() {
    let mut scene = Scene::set().await;
    let before = scene.line().await;
    for place in [Place::Halfway, Place::Commit] {
        let hold = Hold::at(&scene.ledger, place).await;
        let operator = scene.live.operator();
        let change = tokio::spawn(async move { operator.unsubscribe(SECOND).await });
        hold.reached(&scene.ledger, "aikagi_units").await;
        assert_eq!(scene.line().await, before);
        scene.second.peek().await.unwrap();
        scene.kill(Service::Units);
        assert_eq!(refused(change.await.unwrap()), "UNAVAILABLE");
        hold.release(&scene.ledger).await;
        scene.revive(Service::Units);
        match place {
            Place::Halfway => scene.is_as_before(&before).await,
            Place::Commit => {
                assert!(
                    !scene
                        .live
                        .operator()
                        .number(SECOND)
                        .await
                        .unwrap()
                        .subscribed
                );
                assert_eq!(refused(scene.second.peek().await), "SESSION_ENDED");
                let old = scene.live.site().login(SECOND, OTHER_PERMANENT).await;
                assert_eq!(refused(old), "LOGIN_REFUSED");
            }
        }
    }
    scene.first.peek().await.unwrap();
    scene.live.operator().unsubscribe(SECOND).await.unwrap();
    assert_eq!(scene.done("UNSUBSCRIBE_NUMBER").await, 1);
}
