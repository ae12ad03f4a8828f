//! Logins that a change of their account overtakes.

use aikagi_api::authentication::v1::LoginRequest;
use aikagi_api::authentication::v1::authentication_service_client::AuthenticationServiceClient;
use aikagi_devkit::settings::Service;
use aikagi_tests::world::{CONTRACT, OTHER_PERMANENT, PERMANENT, World, reason};
use tonic::Status;
use tonic_types::StatusExt;

/// A login at authentication itself: at the edge attempts are counted in Redis first (LOGIN-8).
async fn login(world: &World, password: &str) -> Result<(), Status> {
    let channel = world.replica_as(Service::Authentication, 0, "gateway");
    let request = LoginRequest {
        number: CONTRACT.to_owned(),
        password: password.to_owned(),
    };
    let mut client = AuthenticationServiceClient::new(channel);
    client.login(request).await.map(|_| ())
}

async fn redis(world: &World, command: &[&str]) {
    let mut connection = world.redis_connection().await;
    let mut client = redis::cmd("CLIENT");
    client.arg(command);
    client.query_async::<()>(&mut connection).await.unwrap();
}

/// LOGIN-5, SESS-2: the password is right, and its account is voided before the session can begin: a refusal like any
/// other, which does not tell that the password was right.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_ends_before_it_begins_is_a_refusal() {
    let world = World::start().await;
    world.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let wrong = login(&world, OTHER_PERMANENT).await.unwrap_err();
    let ledger = world.ledger().await;
    let settled = "SELECT count(*) FROM audit_events WHERE action = 'LOGIN' AND outcome = 'DONE'";
    let settled = || sqlx::query_scalar::<_, i64>(settled).fetch_one(&ledger);
    let before = settled().await.unwrap();

    redis(&world, &["PAUSE", "10000", "WRITE"]).await;
    let (overtaken, ()) = tokio::join!(login(&world, PERMANENT), async {
        while settled().await.unwrap() == before {}
        world.operator().reset_unit(CONTRACT).await.unwrap();
        redis(&world, &["UNPAUSE"]).await;
    });
    let overtaken = overtaken.unwrap_err();
    assert_eq!(reason(&overtaken), "LOGIN_REFUSED");
    assert_eq!(overtaken.message(), wrong.message());
    assert_eq!(overtaken.details(), wrong.details());
}

/// LOGIN-4, OPS-4: a change holds the account for longer than a login waits: it can be tried again, and is not charged.
#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_waited_in_vain_is_not_charged() {
    let world = World::start().await;
    world.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let ledger = world.ledger().await;
    let mut holding = ledger.begin().await.unwrap();
    sqlx::query("SELECT FROM credentials WHERE number = $1 FOR UPDATE")
        .bind(CONTRACT)
        .execute(&mut *holding)
        .await
        .unwrap();
    let status = login(&world, PERMANENT).await.unwrap_err();
    assert_eq!(reason(&status), "UNAVAILABLE");
    assert!(status.get_details_retry_info().is_some());
    holding.commit().await.unwrap();
    let account = world.operator().number(CONTRACT).await.unwrap();
    assert_eq!(account.failures, 0);
    login(&world, PERMANENT).await.unwrap();
}
