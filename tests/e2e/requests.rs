//! Bad input over the wire: each is answered with a stable reason, and nothing is changed.

use std::collections::BTreeMap;

use aikagi_api::authentication::v1::LoginRequest;
use aikagi_api::authentication::v1::authentication_service_client::AuthenticationServiceClient;
use aikagi_api::edge::v1::GetSessionRequest;
use aikagi_api::issuance::v1::call_service_client::CallServiceClient;
use aikagi_api::issuance::v1::take_turn_request::Event;
use aikagi_api::issuance::v1::{
    CallOutcome, CallStarted, HungUp, SetTemporaryPasswordRequest, Silence, TakeTurnRequest,
};
use aikagi_api::units::v1::directory_service_client::DirectoryServiceClient;
use aikagi_api::units::v1::{AddLineRequest, AuthUnit};
use aikagi_devkit::settings::Service;
use aikagi_tests::edge::{Asked, asked, call_id};
use aikagi_tests::world::{
    CONTRACT, FIRST, NOBODY, OTHER_PERMANENT, PERMANENT, SECOND, STRANGER, TEMPORARY, World,
    reason, refused,
};
use http::uri::PathAndQuery;
use sqlx::AssertSqlSafe;
use tonic::client::Grpc;
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;
use tonic_types::StatusExt;

/// Texts that are no telephone number in any form of UNIT-3.
const NO_NUMBERS: [&str; 13] = [
    "0",
    "031234000",
    "031234000123",
    "1312340001",
    "+81312340001",
    "03_1234_0001",
    "03.1234.0001",
    "0312340001;",
    "０３１２３４",
    "٠٣١٢٣٤٠٠٠١",
    "〇三一二三四〇〇〇一",
    "number",
    "0312340001\u{0}",
];

/// Everything that is kept: a checksum of each table, and Redis but for the limits of LOGIN-8.
async fn kept(world: &World) -> BTreeMap<String, Vec<u8>> {
    let ledger = world.ledger().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT table_name::text FROM information_schema.tables WHERE table_schema = 'public'",
    )
    .fetch_all(&ledger)
    .await
    .unwrap();
    assert!(tables.len() >= 5);
    let mut all = BTreeMap::new();
    for table in tables {
        let rows = format!(
            "SELECT md5(coalesce(string_agg(t::text, '|' ORDER BY t::text), '')) FROM {table} AS t"
        );
        let sum: String = sqlx::query_scalar(AssertSqlSafe(rows))
            .fetch_one(&ledger)
            .await
            .unwrap();
        all.insert(table, sum.into_bytes());
    }
    let redis = super::sessions::dump(world).await;
    all.extend(
        redis
            .into_iter()
            .filter(|(key, _)| !key.starts_with("rate:")),
    );
    all
}

/// INVALID_FIELD, which names fields and repeats nothing of what was sent.
#[track_caller]
fn invalid<T: std::fmt::Debug>(answer: Result<T, Status>, sent: &str) {
    let status = answer.expect_err(sent);
    assert_eq!(
        (status.code(), reason(&status)),
        (Code::InvalidArgument, "INVALID_FIELD"),
        "{sent}"
    );
    let fields = status
        .get_details_bad_request()
        .expect("BadRequest")
        .field_violations;
    assert!(!fields.is_empty(), "{sent}");
    let said = format!("{} {fields:?}", status.message());
    let telling = sent.len() > 3 && sent.contains(char::is_numeric);
    assert!(
        !telling || !said.contains(sent),
        "{sent} is repeated: {said}"
    );
}

/// UNIT-3: at every entrance what is no telephone number is an invalid argument, and changes nothing.
#[tokio::test]
async fn malformed_numbers_are_refused_at_every_entrance() {
    let world = World::start().await;
    world.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let token = world.site().login(CONTRACT, PERMANENT).await.unwrap().token;
    let (site, ivr, operator, backend) =
        (world.site(), world.ivr(), world.operator(), world.backend());
    let before = kept(&world).await;
    for number in NO_NUMBERS.into_iter().chain([""]) {
        invalid(site.login(number, PERMANENT).await, number);
        invalid(backend.check_access(&token, number).await, number);
        invalid(operator.line(number).await, number);
        invalid(operator.end_sessions(number).await, number);
        invalid(operator.add_line(&[(number, true)]).await, number);
        invalid(
            operator.add_line(&[(NOBODY, true), (number, true)]).await,
            number,
        );
        if !number.is_empty() {
            invalid(ivr.dial(number).await, number);
            invalid(ivr.set(number, AuthUnit::Line, "", TEMPORARY).await, number);
            invalid(
                ivr.set(CONTRACT, AuthUnit::Number, number, TEMPORARY).await,
                number,
            );
        }
    }
    assert_eq!(kept(&world).await, before);
}

/// UNIT-3: at every entrance hyphens, spaces and full-width digits are accepted and normalised.
#[tokio::test]
async fn numbers_are_normalised_at_every_entrance() {
    let world = World::start().await;
    let (full, spaced) = ("０３－１２３４－０００２", " 03 1234 0002 ");
    let set = world
        .ivr()
        .set(full, AuthUnit::Number, spaced, TEMPORARY)
        .await
        .unwrap();
    assert_eq!(set.account_number, FIRST);
    let outcome = world
        .ivr()
        .set_by_telephone(full, "2", FIRST, TEMPORARY)
        .await
        .unwrap();
    assert_eq!(outcome, CallOutcome::Set);
    let session = world.site().login(spaced, TEMPORARY).await.unwrap();
    assert_eq!(session.session.account_number, FIRST);
    let session = session.change(TEMPORARY, PERMANENT).await.unwrap().unwrap();
    assert_eq!(
        world
            .backend()
            .check_access(&session.token, full)
            .await
            .unwrap(),
        FIRST
    );
    assert_eq!(
        world.operator().line(full).await.unwrap().contract_number,
        CONTRACT
    );
    world.operator().end_sessions(full).await.unwrap();
    assert_eq!(refused(session.session().await), "SESSION_ENDED");
    let line = world
        .operator()
        .add_line(&[("０６６９９９００００", true)])
        .await
        .unwrap();
    assert_eq!(line.contract_number, NOBODY);
}

/// Passwords that are missing or longer than any are refused before anything is charged; what could be one is an
/// attempt.
/// IVR-5: a temporary password is exactly eight half-width digits.
#[tokio::test]
async fn passwords_that_cannot_be_any_are_refused() {
    let world = World::start().await;
    world.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let session = world.site().login(CONTRACT, PERMANENT).await.unwrap();
    let before = kept(&world).await;
    let (long, longer) = ("x".repeat(65), "長".repeat(1000));
    for password in ["", &long, &longer] {
        invalid(world.site().login(CONTRACT, password).await, password);
        invalid(session.change(password, OTHER_PERMANENT).await, password);
    }
    for keyed in [
        "",
        "1234567",
        "123456789",
        "1234567a",
        "１２３４５６７８",
        "1234 5678",
        "-1234567",
    ] {
        invalid(
            world.ivr().set(CONTRACT, AuthUnit::Line, "", keyed).await,
            keyed,
        );
    }
    assert_eq!(kept(&world).await, before);
    assert_eq!(
        refused(world.site().login(CONTRACT, &"x".repeat(64)).await),
        "LOGIN_REFUSED"
    );
    assert_eq!(world.operator().number(CONTRACT).await.unwrap().failures, 1);
}

/// SESS-3: what is no session is SESSION_REQUIRED or SESSION_ENDED, whatever it looks like, and a logout with it
/// is no error.
#[tokio::test]
async fn tokens_that_cannot_be_any_open_nothing() {
    let world = World::start().await;
    world.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let real = world.site().login(CONTRACT, PERMANENT).await.unwrap();
    let before = kept(&world).await;
    let (short, long, huge) = (
        &real.token[1..],
        format!("{}A", real.token),
        "A".repeat(8000),
    );
    let unknown = "A".repeat(43);
    for token in [
        "x",
        short,
        &long,
        &huge,
        &unknown,
        "../../../../../../../../etc/passwd",
        "*",
    ] {
        let nobody = world.site().with_token(token, real.session.clone());
        assert_eq!(refused(nobody.session().await), "SESSION_ENDED", "{token}");
        assert_eq!(refused(nobody.peek().await), "SESSION_ENDED", "{token}");
        assert_eq!(
            refused(nobody.change(PERMANENT, OTHER_PERMANENT).await),
            "SESSION_ENDED",
            "{token}"
        );
        assert_eq!(
            refused(world.backend().check_access(token, FIRST).await),
            "SESSION_ENDED",
            "{token}"
        );
        nobody.logout().await.unwrap();
    }
    let mut client = world.site().client();
    assert_eq!(
        refused(client.get_session(GetSessionRequest { peek: false }).await),
        "SESSION_REQUIRED"
    );
    assert_eq!(kept(&world).await, before);
    real.session().await.unwrap();
}

/// IVR-13: a unit that is not said or unknown is refused, and so is a request without anything.
#[tokio::test]
async fn unknown_units_are_refused() {
    let world = World::start().await;
    let mut ivr = CallServiceClient::new(world.private_as("ivr"));
    let before = kept(&world).await;
    for unit in [0, 4, 99, -1, i32::MAX, i32::MIN] {
        let request = SetTemporaryPasswordRequest {
            caller_number: CONTRACT.to_owned(),
            unit,
            target_number: String::new(),
            temporary_password: TEMPORARY.to_owned(),
        };
        invalid(ivr.set_temporary_password(request).await, "unit");
    }
    invalid(
        ivr.set_temporary_password(SetTemporaryPasswordRequest::default())
            .await,
        "nothing",
    );
    assert_eq!(kept(&world).await, before);
}

/// IVR-12: a turn that is malformed is refused before it counts: call ids of other characters or lengths, no
/// event, a start that is not the first turn, another event that is, keys that no telephone has.
#[tokio::test]
async fn malformed_turns_are_refused() {
    let world = World::start().await;
    let (mut call, _) = world.ivr().dial(CONTRACT).await.unwrap();
    call.keys("1").await.unwrap();
    let ivr = world.ivr();
    let started = |number: &str| {
        Some(Event::Started(CallStarted {
            caller_number: number.to_owned(),
        }))
    };
    let keys = |keys: &str| Some(Event::Keys(keys.to_owned()));
    let (mine, other) = (call.call_id.clone(), call_id());
    let (long, longer) = ("c".repeat(65), "1".repeat(33));
    let before = kept(&world).await;
    for (call_id, sequence, event) in [
        ("", 0, started(CONTRACT)),
        ("short", 0, started(CONTRACT)),
        (&long, 0, started(CONTRACT)),
        ("call 0001", 0, started(CONTRACT)),
        ("call:0001", 0, started(CONTRACT)),
        ("call/0001", 0, started(CONTRACT)),
        ("call*0001", 0, started(CONTRACT)),
        ("call\n0001", 0, started(CONTRACT)),
        ("通話の番号は八文字", 0, started(CONTRACT)),
        (&other, 0, None),
        (&other, 0, keys("1")),
        (&other, 0, Some(Event::Silence(Silence {}))),
        (&other, 0, Some(Event::HungUp(HungUp {}))),
        (&other, 1, started(CONTRACT)),
        (&mine, 2, None),
        (&mine, 2, started(CONTRACT)),
        (&mine, 2, keys("12a")),
        (&mine, 2, keys("１２３４５６７８")),
        (&mine, 2, keys("1 2")),
        (&mine, 2, keys(&longer)),
    ] {
        let turn = TakeTurnRequest {
            call_id: call_id.to_owned(),
            sequence,
            event,
        };
        let case = format!("{call_id:?} {sequence}");
        invalid(ivr.take_turn(turn).await, &case);
    }
    assert_eq!(kept(&world).await, before);
    call.keys(TEMPORARY).await.unwrap();
    assert_eq!(
        asked(&call.keys(TEMPORARY).await.unwrap()),
        Asked::Ended(CallOutcome::Set)
    );
}

/// IVR-12: a call that never began, has expired or is over takes no turn; one in progress takes only the next; the
/// same turn sent again is answered alike, with other content it is refused; and nothing of that changes anything.
#[tokio::test]
async fn turns_out_of_place_are_refused() {
    let world = World::start().await;
    let ivr = world.ivr();
    let (mut call, first) = ivr.dial(CONTRACT).await.unwrap();
    let mine = call.call_id.clone();
    let turn = |call_id: &str, sequence: u32, event: Event| {
        let request = TakeTurnRequest {
            call_id: call_id.to_owned(),
            sequence,
            event: Some(event),
        };
        let ivr = ivr.clone();
        async move { ivr.take_turn(request).await }
    };
    let keys = |keys: &str| Event::Keys(keys.to_owned());
    let started = |number: &str| {
        Event::Started(CallStarted {
            caller_number: number.to_owned(),
        })
    };
    let second = call.keys("1").await.unwrap();

    let before = kept(&world).await;
    for event in [
        keys("1"),
        Event::Silence(Silence {}),
        Event::HungUp(HungUp {}),
    ] {
        assert_eq!(refused(turn(&call_id(), 1, event).await), "CALL_UNKNOWN");
    }
    assert_eq!(turn(&mine, 1, keys("1")).await.unwrap(), second, "a retry");
    for (sequence, event) in [
        (0, started(CONTRACT)),
        (0, started(STRANGER)),
        (1, keys("2")),
        (1, Event::Silence(Silence {})),
        (3, keys(TEMPORARY)),
        (u32::MAX, keys(TEMPORARY)),
    ] {
        let status = turn(&mine, sequence, event).await.unwrap_err();
        assert_eq!(
            (status.code(), reason(&status)),
            (Code::FailedPrecondition, "CALL_OUT_OF_ORDER")
        );
        assert_eq!(
            status.get_details_error_info().unwrap().metadata["expected"],
            "2"
        );
    }
    assert_eq!(kept(&world).await, before);
    assert_ne!(first, second);

    // The hour of oblivion has come.
    let mut redis = world.redis_connection().await;
    let gone: i64 = redis::cmd("DEL")
        .arg(format!("call:{mine}"))
        .query_async(&mut redis)
        .await
        .unwrap();
    assert_eq!(gone, 1);
    let before = kept(&world).await;
    assert_eq!(
        refused(turn(&mine, 2, keys(TEMPORARY)).await),
        "CALL_UNKNOWN"
    );
    assert_eq!(refused(turn(&mine, 1, keys("1")).await), "CALL_UNKNOWN");
    assert_eq!(kept(&world).await, before);
}

/// A line that names no number, one twice, or one that another line has is refused, and nothing of it is added.
#[tokio::test]
async fn lines_that_cannot_be_are_refused() {
    let world = World::start().await;
    let operator = world.operator();
    let before = kept(&world).await;
    let mut directory = DirectoryServiceClient::new(world.private_as("operator"));
    invalid(
        directory.add_line(AddLineRequest::default()).await,
        "nothing",
    );
    invalid(
        operator.add_line(&[(NOBODY, true), (NOBODY, true)]).await,
        NOBODY,
    );
    invalid(
        operator
            .add_line(&[(NOBODY, true), (SECOND, true), ("03-1234-0003", true)])
            .await,
        SECOND,
    );
    for taken in [CONTRACT, FIRST, STRANGER] {
        let status = operator
            .add_line(&[(NOBODY, true), (taken, true)])
            .await
            .unwrap_err();
        assert_eq!(
            (status.code(), reason(&status)),
            (Code::AlreadyExists, "NUMBER_TAKEN")
        );
        let told = &status.get_details_error_info().unwrap().metadata["number"];
        assert_eq!(told, &format!("******{}", &taken[6..]), "masked (UNIT-3)");
    }
    let now = kept(&world).await;
    for table in ["lines", "numbers", "credentials"] {
        assert_eq!(now[table], before[table], "{table}");
    }
    assert_eq!(refused(operator.line(NOBODY).await), "LINE_NOT_FOUND");
    assert_eq!(
        refused(operator.end_sessions(NOBODY).await),
        "LINE_NOT_FOUND"
    );
}

/// Messages that are too large are refused with a reason at each port, those of the public one beyond 64 KiB.
#[tokio::test]
async fn oversized_messages_are_refused() {
    let world = World::start().await;
    let (site, ivr) = (world.site(), world.ivr());
    let replica = world.replica_as(Service::Authentication, 0, "gateway");
    let mut authentication = AuthenticationServiceClient::new(replica);
    let before = kept(&world).await;
    for kib in [65, 1025, 4097, 8192] {
        let huge = "1".repeat(kib * 1024);
        assert_eq!(
            refused(site.login(CONTRACT, &huge).await),
            "INVALID_FIELD",
            "{kib} KiB"
        );
        assert_eq!(
            refused(site.login(&huge, PERMANENT).await),
            "INVALID_FIELD",
            "{kib} KiB"
        );
        assert_eq!(
            refused(ivr.set(CONTRACT, AuthUnit::Line, "", &huge).await),
            "INVALID_FIELD",
            "{kib} KiB"
        );
        let request = LoginRequest {
            number: huge.clone(),
            password: huge,
        };
        assert_eq!(
            refused(authentication.login(request).await),
            "INVALID_FIELD",
            "{kib} KiB"
        );
    }
    assert_eq!(kept(&world).await, before);
    assert_eq!(
        refused(site.login(CONTRACT, PERMANENT).await),
        "LOGIN_REFUSED",
        "the connection still serves"
    );
}

/// OPS-4: bytes that are no message of the RPC are refused with a reason too.
#[tokio::test]
async fn what_is_no_message_is_refused() {
    let world = World::start().await;
    let before = kept(&world).await;
    // Field 1 as a number, where every RPC below has a text or a message.
    let wrong = || Request::new(GetSessionRequest { peek: true });
    let codec = ProstCodec::<GetSessionRequest, ()>::default;
    let public = aikagi_tests::edge::connect(
        &format!("https://{}", world.addresses[&Service::Gateway][0]),
        &world.authority.certificate(),
        None,
    );
    for (channel, path) in [
        (public.unwrap(), "/aikagi.edge.v1.SubscriberService/Login"),
        (
            world.private_as("ivr"),
            "/aikagi.issuance.v1.CallService/TakeTurn",
        ),
        (
            world.private_as("operator"),
            "/aikagi.units.v1.DirectoryService/AddLine",
        ),
        (
            world.replica_as(Service::Password, 0, "gateway"),
            "/aikagi.password.v1.PasswordService/ChangePassword",
        ),
    ] {
        let mut client = Grpc::new(channel);
        client.ready().await.unwrap();
        let answer = client
            .unary(wrong(), PathAndQuery::from_static(path), codec())
            .await;
        assert_eq!(refused(answer), "INVALID_FIELD", "{path}");
    }
    assert_eq!(kept(&world).await, before);
}
