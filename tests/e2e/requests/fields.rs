//! Fields that are missing, malformed or out of range, at every entrance.

use aikagi_api::edge::v1::GetSessionRequest;
use aikagi_api::issuance::v1::call_service_client::CallServiceClient;
use aikagi_api::issuance::v1::{CallOutcome, SetTemporaryPasswordRequest};
use aikagi_api::units::v1::directory_service_client::DirectoryServiceClient;
use aikagi_api::units::v1::{AddLineRequest, AuthUnit};
use aikagi_tests::world::{
    CONTRACT, FIRST, NOBODY, OTHER_PERMANENT, PERMANENT, SECOND, STRANGER, TEMPORARY, World,
    reason, refused,
};
use tonic::Code;
use tonic_types::StatusExt;

use super::{invalid, kept};

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

/// SESS-3: what is no session is `SESSION_REQUIRED` or `SESSION_ENDED`, whatever it looks like, and a logout with it
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
