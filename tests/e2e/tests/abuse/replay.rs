//! Tokens and turns that are sent again, and previews and passwords that are used for another line.

use aikagi_api::edge::v1::LoginRequest;
use aikagi_api::issuance::v1::TakeTurnRequest;
use aikagi_api::issuance::v1::take_turn_request::Event;
use aikagi_api::units::v1::AuthUnit;
use aikagi_client::samples::{
    CONTRACT, FIRST, OTHER_PERMANENT, PERMANENT, SECOND, STRANGER, TEMPORARY,
};
use aikagi_client::{asked, bearing, refused};
use aikagi_e2e::in_process::InProcessSystem;

use super::rows;

/// SESS-3: a login never uses a token that the client sends with the request. After the login, that
/// token names no session.
#[tokio::test]
async fn no_token_can_be_fixed_before_the_login() {
    let system = InProcessSystem::start().await;
    system.establish(CONTRACT, "1", CONTRACT, PERMANENT).await;
    let ended = system.site().login(CONTRACT, PERMANENT).await.unwrap();
    ended.logout().await.unwrap();
    for planted in [ended.token.as_str(), &"A".repeat(43)] {
        let login = LoginRequest {
            number: CONTRACT.to_owned(),
            password: PERMANENT.to_owned(),
        };
        let request = bearing(planted, login);
        let mut answer = system
            .site()
            .client()
            .login(request)
            .await
            .unwrap()
            .into_inner();
        let token = std::mem::take(&mut answer.session_token);
        assert_ne!(token, planted);
        let session = answer.session.take().unwrap();
        let planted = system.site().with_token(planted, session.clone());
        assert_eq!(refused(planted.session().await), "SESSION_ENDED");
        system
            .site()
            .with_token(&token, session)
            .session()
            .await
            .unwrap();
    }
}

/// IVR-10, LOGIN-7: the turns of an ended call set nothing if they are sent again after the
/// permanent password was set. With the id of another call, they are turns of that call and change
/// only the line of its caller.
/// IVR-12: the latest turn sent again gets the same response. An earlier one is out of order.
#[tokio::test]
async fn turns_sent_again_set_nothing() {
    let system = InProcessSystem::start().await;
    let ledger = system.ledger().await;
    let ivr = system.ivr();
    let (mut call, _) = ivr.dial(CONTRACT).await.unwrap();
    let mut turns = Vec::new();
    for keys in ["1", TEMPORARY, TEMPORARY] {
        let turn = TakeTurnRequest {
            call_id: call.call_id.clone(),
            sequence: call.sequence,
            event: Some(Event::Keys(keys.to_owned())),
        };
        let response = call.keys(keys).await.unwrap();
        let repeated = ivr.take_turn(turn.clone()).await.unwrap();
        assert_eq!(repeated, response, "{}", turn.sequence);
        turns.push((turn, response));
    }
    let forced = system.site().login(CONTRACT, TEMPORARY).await.unwrap();
    forced.change(TEMPORARY, PERMANENT).await.unwrap().unwrap();
    let before = rows(&ledger).await;

    let (other, _) = ivr.dial(STRANGER).await.unwrap();
    let (latest, _) = turns.last().unwrap();
    for (turn, response) in &turns {
        let repeated = ivr.take_turn(turn.clone()).await;
        if turn == latest {
            assert_eq!(&repeated.unwrap(), response);
        } else {
            assert_eq!(refused(repeated), "CALL_OUT_OF_ORDER");
        }
        let elsewhere = TakeTurnRequest {
            call_id: other.call_id.clone(),
            ..turn.clone()
        };
        let elsewhere = ivr.take_turn(elsewhere).await.unwrap();
        assert_eq!(asked(&elsewhere), asked(response));
    }
    let own = |rows: Vec<String>| -> Vec<String> {
        let is_own = |row: &String| !row.contains(STRANGER);
        rows.into_iter().filter(is_own).collect()
    };
    assert_eq!(own(rows(&ledger).await), own(before));
    system.site().login(CONTRACT, PERMANENT).await.unwrap();
    assert_eq!(
        refused(system.site().login(CONTRACT, TEMPORARY).await),
        "LOGIN_REFUSED"
    );
}

/// SESS-5, MIG-2: the preview and the passwords of one line are not accepted for another line. A preview of one unit is not
/// accepted for another unit.
#[tokio::test]
async fn proofs_of_one_line_are_refused_for_another() {
    let system = InProcessSystem::start().await;
    let ledger = system.ledger().await;
    system.establish(FIRST, "2", FIRST, PERMANENT).await;
    system.establish(SECOND, "2", SECOND, OTHER_PERMANENT).await;
    system.establish(STRANGER, "2", STRANGER, PERMANENT).await;
    let ours = system.site().login(FIRST, PERMANENT).await.unwrap();
    let theirs = system.site().login(STRANGER, PERMANENT).await.unwrap();
    let our_view = ours.preview(AuthUnit::Line).await.unwrap();
    let their_view = theirs.preview(AuthUnit::Line).await.unwrap();
    let before = rows(&ledger).await;

    let our_proofs = [(FIRST, PERMANENT), (SECOND, OTHER_PERMANENT)];
    let their_proofs = [(STRANGER, PERMANENT)];
    let line = AuthUnit::Line;
    let cases = [
        (
            "our line with their preview",
            ours.migrate_with(line, &our_proofs, &their_view.revision)
                .await,
            "STALE_VIEW",
        ),
        (
            "their line with our preview",
            theirs
                .migrate_with(line, &their_proofs, &our_view.revision)
                .await,
            "STALE_VIEW",
        ),
        (
            "our line with their passwords",
            ours.migrate_with(line, &their_proofs, &our_view.revision)
                .await,
            "INVALID_FIELD",
        ),
        (
            "their line with our passwords",
            theirs
                .migrate_with(line, &our_proofs, &their_view.revision)
                .await,
            "INVALID_FIELD",
        ),
    ];
    for (case, answer, reason) in cases {
        assert_eq!(refused(answer), reason, "{case}");
    }
    assert_eq!(rows(&ledger).await, before);
    assert_eq!(
        refused(system.backend().check_access(&theirs.token, FIRST).await),
        "OUT_OF_SCOPE"
    );
    ours.migrate_with(line, &our_proofs, &our_view.revision)
        .await
        .unwrap();
}
