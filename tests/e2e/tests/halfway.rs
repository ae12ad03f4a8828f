//! Changes of a line during which the service that makes the change is killed (-9), before or
//! during the commit. The change is made completely or not at all, and no client sees a state in
//! between (MIG-4, INV-5).

mod hold;

use std::time::Duration;

use aikagi_api::issuance::v1::CallOutcome;
use aikagi_api::units::v1::{AuthUnit, Line};
use aikagi_client::samples::{CONTRACT, FIRST, OTHER_PERMANENT, PERMANENT, SECOND, TEMPORARY};
use aikagi_client::{LoggedIn, refused};
use aikagi_devkit::installation::workloads::Service;
use aikagi_e2e::processes::{ProcessSystem, light};
use sqlx::PgPool;
use tokio::task::JoinHandle;
use tonic::Status;

use hold::{Hold, HoldPoint};

const READY: Duration = Duration::from_mins(1);
/// The new password of SECOND.
const THIRD: &str = "Third1234";
/// The passwords of the line under NUMBER.
const BY_NUMBER: [(&str, &str); 2] = [(FIRST, PERMANENT), (SECOND, OTHER_PERMANENT)];

/// A running system with a line under NUMBER, and a session of each of its accounts.
struct Scene {
    system: ProcessSystem,
    ledger: PgPool,
    first: LoggedIn,
    second: LoggedIn,
}

impl Scene {
    async fn set() -> Self {
        let system = ProcessSystem::start(&[], light, Vec::new()).await;
        system
            .operator()
            .add_line(&[(CONTRACT, false), (FIRST, true), (SECOND, true)])
            .await
            .unwrap();
        let ledger = system.ledger().await;
        for (number, password) in BY_NUMBER {
            let ivr = system.ivr();
            let called = ivr.set_by_telephone(number, "2", number, TEMPORARY).await;
            assert_eq!(called.unwrap(), CallOutcome::Set);
            let session = system.site().login(number, TEMPORARY).await.unwrap();
            session.change(TEMPORARY, password).await.unwrap();
        }
        let site = system.site();
        Self {
            first: site.login(FIRST, PERMANENT).await.unwrap(),
            second: site.login(SECOND, OTHER_PERMANENT).await.unwrap(),
            system,
            ledger,
        }
    }

    async fn line(&self) -> Line {
        self.system.operator().line(CONTRACT).await.unwrap()
    }

    /// Checks that the line, the sessions and the passwords have not changed, and that no attempt
    /// is charged.
    async fn is_as_before(&self, before: &Line) {
        assert_eq!(&self.line().await, before);
        for (session, (number, password)) in [&self.first, &self.second].into_iter().zip(BY_NUMBER)
        {
            assert_eq!(session.peek().await.unwrap().unit(), AuthUnit::Number);
            self.system.site().login(number, password).await.unwrap();
        }
        assert_eq!(&self.line().await, before);
    }

    /// Starts a login during the change, and returns when the login waits for the end of the
    /// change.
    async fn waiting_login(
        &self,
        number: &'static str,
        password: &'static str,
    ) -> JoinHandle<Result<LoggedIn, Status>> {
        let site = self.system.site();
        let login = tokio::spawn(async move { site.login(number, password).await });
        hold::until_waiting(&self.ledger, "aikagi_authentication").await;
        login
    }

    fn kill(&mut self, service: Service) {
        self.system.processes.replicas(service)[0].kill9();
    }

    fn revive(&mut self, service: Service) {
        let replica = &mut self.system.processes.replicas(service)[0];
        replica.restart().unwrap();
        replica.wait_ready(READY).unwrap();
    }

    /// The number of completed changes of this kind in the audit trail.
    async fn done(&self, action: &str) -> i64 {
        let statement = "SELECT count(*) FROM audit_events WHERE action = $1 AND outcome = 'DONE'";
        let count = sqlx::query_scalar(statement).bind(action);
        count.fetch_one(&self.ledger).await.unwrap()
    }
}

/// MIG-4, INV-5: the service is killed after a unit migration has written all credentials and
/// before it writes the unit. No client ever sees a part of the unit migration. The old passwords
/// work, no attempt is charged, and the sessions continue. The same migration succeeds when it is
/// sent again.
/// LOGIN-4: a login during the migration waits for its end and succeeds.
#[tokio::test(flavor = "multi_thread")]
async fn a_unit_migration_killed_halfway_has_not_happened() {
    let mut scene = Scene::set().await;
    let before = scene.line().await;
    let hold = Hold::at(&scene.ledger, HoldPoint::Halfway).await;
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
        scene.system.site().login(number, PERMANENT).await.unwrap();
    }
    let old = scene.system.site().login(SECOND, OTHER_PERMANENT).await;
    assert_eq!(refused(old), "LOGIN_REFUSED");
    assert_eq!(scene.done("MIGRATE").await, 1);
}

/// MIG-4, INV-5: a unit migration whose service is killed during the commit has happened completely
/// and once, although no client got a response. The sessions have ended, and every account of the
/// new unit has the new password.
/// LOGIN-4, MIG-3: logins during the migration wait for its end. Then the new state of the line
/// decides if they succeed. No attempt is charged for a right password, or for an account that has
/// ended.
#[tokio::test(flavor = "multi_thread")]
async fn a_unit_migration_killed_in_its_commit_has_happened() {
    let mut scene = Scene::set().await;
    let before = scene.line().await;
    let hold = Hold::at(&scene.ledger, HoldPoint::Commit).await;
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
    let site = scene.system.site();
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
        "an attempt is charged"
    );
    assert_eq!(scene.done("MIGRATE").await, 1);

    // In this second migration, the account that logs in stays an account with the same password.
    let hold = Hold::at(&scene.ledger, HoldPoint::Commit).await;
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

/// PW-5, INV-5, LOGIN-7: if the service is killed after a password change has written the
/// credential, the change has not happened. If the service is killed during the commit, the change
/// has happened. At any moment exactly one of the old and the new password logs in.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_password_change_is_made_or_not() {
    let mut scene = Scene::set().await;
    let before = scene.line().await;
    for point in [HoldPoint::Halfway, HoldPoint::Commit] {
        let hold = Hold::at(&scene.ledger, point).await;
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
        let site = scene.system.site();
        match point {
            HoldPoint::Halfway => {
                login.await.unwrap().unwrap();
                assert_eq!(refused(site.login(SECOND, THIRD).await), "LOGIN_REFUSED");
                site.login(SECOND, OTHER_PERMANENT).await.unwrap();
                scene.is_as_before(&before).await;
            }
            HoldPoint::Commit => {
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

/// OPS-1, INV-5: if the service is killed during a directory change, the change is made completely
/// or not at all. An operator can send it again.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_directory_change_is_made_or_not() {
    let mut scene = Scene::set().await;
    let before = scene.line().await;
    for point in [HoldPoint::Halfway, HoldPoint::Commit] {
        let hold = Hold::at(&scene.ledger, point).await;
        let operator = scene.system.operator();
        let change = tokio::spawn(async move { operator.unsubscribe(SECOND).await });
        hold.reached(&scene.ledger, "aikagi_units").await;
        assert_eq!(scene.line().await, before);
        scene.second.peek().await.unwrap();
        scene.kill(Service::Units);
        assert_eq!(refused(change.await.unwrap()), "UNAVAILABLE");
        hold.release(&scene.ledger).await;
        scene.revive(Service::Units);
        match point {
            HoldPoint::Halfway => scene.is_as_before(&before).await,
            HoldPoint::Commit => {
                assert!(
                    !scene
                        .system
                        .operator()
                        .number(SECOND)
                        .await
                        .unwrap()
                        .subscribed
                );
                assert_eq!(refused(scene.second.peek().await), "SESSION_ENDED");
                let old = scene.system.site().login(SECOND, OTHER_PERMANENT).await;
                assert_eq!(refused(old), "LOGIN_REFUSED");
            }
        }
    }
    scene.first.peek().await.unwrap();
    scene.system.operator().unsubscribe(SECOND).await.unwrap();
    assert_eq!(scene.done("UNSUBSCRIBE_NUMBER").await, 1);
}
