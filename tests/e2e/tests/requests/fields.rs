//! Fields that are missing, malformed or out of range, at every RPC that takes them.

use aikagi_api::edge::v1::GetSessionRequest;
use aikagi_api::issuance::v1::call_service_client::CallServiceClient;
use aikagi_api::issuance::v1::{CallOutcome, SetTemporaryPasswordRequest};
use aikagi_api::units::v1::directory_service_client::DirectoryServiceClient;
use aikagi_api::units::v1::{AddLineRequest, AuthUnit};
use aikagi_client::samples::{
    CONTRACT, FIRST, NOBODY, OTHER_PERMANENT, PERMANENT, SECOND, STRANGER, TEMPORARY,
};
use aikagi_client::{reason, refused};
use aikagi_e2e::in_process::InProcessSystem;
use tonic::Code;
use tonic_types::StatusExt;

use super::{invalid, kept};

/// Texts that are not a telephone number in any form of UNIT-3.
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

/// UNIT-3: every RPC refuses a text that is not a telephone number as an invalid argument, and changes nothing.
#[tokio::test]
async fn malformed_numbers_are_refused_everywhere() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let token = system
        .site()
        .login(CONTRACT, PERMANENT)
        .await
        .unwrap()
        .token;
    let (site, ivr, operator, backend) = (
        system.site(),
        system.ivr(),
        system.operator(),
        system.backend(),
    );
    let before = kept(&system).await;
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
    assert_eq!(kept(&system).await, before);
}

/// UNIT-3: every RPC accepts and normalises hyphens, spaces and full-width digits.
#[tokio::test]
async fn every_form_of_a_number_is_accepted_everywhere() {
    let system = InProcessSystem::start().await;
    let (full, spaced) = ("０３－１２３４－０００２", " 03 1234 0002 ");
    let set = system
        .ivr()
        .set(full, AuthUnit::Number, spaced, TEMPORARY)
        .await
        .unwrap();
    assert_eq!(set.account_number, FIRST);
    let outcome = system
        .ivr()
        .set_by_telephone(full, "2", FIRST, TEMPORARY)
        .await
        .unwrap();
    assert_eq!(outcome, CallOutcome::Set);
    let session = system.site().login(spaced, TEMPORARY).await.unwrap();
    assert_eq!(session.session.account_number, FIRST);
    let session = session.change(TEMPORARY, PERMANENT).await.unwrap().unwrap();
    assert_eq!(
        system
            .backend()
            .check_access(&session.token, full)
            .await
            .unwrap(),
        FIRST
    );
    assert_eq!(
        system.operator().line(full).await.unwrap().contract_number,
        CONTRACT
    );
    system.operator().end_sessions(full).await.unwrap();
    assert_eq!(refused(session.session().await), "SESSION_ENDED");
    let line = system
        .operator()
        .add_line(&[("０６６９９９００００", true)])
        .await
        .unwrap();
    assert_eq!(line.contract_number, NOBODY);
}

/// A password that is missing or too long is refused before anything is charged. Any other password
/// is an attempt.
/// IVR-5: a temporary password is exactly eight half-width digits.
#[tokio::test]
async fn impossible_passwords_are_refused() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let session = system.site().login(CONTRACT, PERMANENT).await.unwrap();
    let before = kept(&system).await;
    let (long, longer) = ("x".repeat(65), "長".repeat(1000));
    for password in ["", &long, &longer] {
        invalid(system.site().login(CONTRACT, password).await, password);
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
            system.ivr().set(CONTRACT, AuthUnit::Line, "", keyed).await,
            keyed,
        );
    }
    assert_eq!(kept(&system).await, before);
    assert_eq!(
        refused(system.site().login(CONTRACT, &"x".repeat(64)).await),
        "LOGIN_REFUSED"
    );
    assert_eq!(
        system.operator().number(CONTRACT).await.unwrap().failures,
        1
    );
}

/// SESS-3: a token of any form that names no session is refused with `SESSION_ENDED`. Only a logout
/// with such a token succeeds. A missing token is refused with `SESSION_REQUIRED`.
#[tokio::test]
async fn impossible_tokens_are_refused() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let real = system.site().login(CONTRACT, PERMANENT).await.unwrap();
    let before = kept(&system).await;
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
        let nobody = system.site().with_token(token, real.session.clone());
        assert_eq!(refused(nobody.session().await), "SESSION_ENDED", "{token}");
        assert_eq!(refused(nobody.peek().await), "SESSION_ENDED", "{token}");
        assert_eq!(
            refused(nobody.change(PERMANENT, OTHER_PERMANENT).await),
            "SESSION_ENDED",
            "{token}"
        );
        let id = "A".repeat(22);
        for answer in [
            nobody.own_sessions().await.map(drop),
            nobody.own_events().await.map(drop),
            nobody.end_own_session(&id).await,
            nobody.end_other_sessions().await,
        ] {
            assert_eq!(refused(answer), "SESSION_ENDED", "{token}");
        }
        assert_eq!(
            refused(system.backend().check_access(token, FIRST).await),
            "SESSION_ENDED",
            "{token}"
        );
        nobody.logout().await.unwrap();
    }
    let mut client = system.site().client();
    assert_eq!(
        refused(client.get_session(GetSessionRequest { peek: false }).await),
        "SESSION_REQUIRED"
    );
    assert_eq!(kept(&system).await, before);
    real.session().await.unwrap();
}

/// IVR-13: a request with a missing or unknown unit is refused, and so is an empty request.
#[tokio::test]
async fn unknown_units_are_refused() {
    let system = InProcessSystem::start().await;
    let mut ivr = CallServiceClient::new(system.private_as("ivr"));
    let before = kept(&system).await;
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
    assert_eq!(kept(&system).await, before);
}

/// A new line without a number, with a number twice, or with a number of another line is refused as a whole.
#[tokio::test]
async fn impossible_lines_are_refused() {
    let system = InProcessSystem::start().await;
    let operator = system.operator();
    let before = kept(&system).await;
    let mut directory = DirectoryServiceClient::new(system.private_as("operator"));
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
        let text = &status.get_details_error_info().unwrap().metadata["number"];
        assert_eq!(text, &format!("******{}", &taken[6..]), "masked (UNIT-3)");
    }
    let now = kept(&system).await;
    for table in ["lines", "numbers", "credentials"] {
        assert_eq!(now[table], before[table], "{table}");
    }
    assert_eq!(refused(operator.line(NOBODY).await), "LINE_NOT_FOUND");
    assert_eq!(
        refused(operator.end_sessions(NOBODY).await),
        "LINE_NOT_FOUND"
    );
}
