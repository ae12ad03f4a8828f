//! Changes of lines by operators, and explanations of logins.

use aikagi_api::units::v1::{
    AddNumberRequest, CloseLineRequest, ExplainLoginRequest, LoginVerdict, Remedy,
    RemoveNumberRequest, ResetUnitRequest, SubscribeNumberRequest, UnsubscribeNumberRequest,
};
use aikagi_refusal::Failure;

use super::*;
use crate::directory::{
    add_number, close_line, explain_login, remove_number, reset_unit, subscribe_number,
    unsubscribe_number,
};

const ACTOR: &str = "operator/alice";

impl Fixture {
    async fn close(&self, number: &str) -> Result<Line, Refusal> {
        let number = number.to_owned();
        let request = CloseLineRequest { number };
        line(
            close_line::close_line(&self.units, ACTOR, request)
                .await
                .map(|response| response.line),
        )
    }

    async fn reset(&self, number: &str) -> Result<Line, Refusal> {
        let number = number.to_owned();
        let request = ResetUnitRequest { number };
        line(
            reset_unit::reset_unit(&self.units, ACTOR, request)
                .await
                .map(|response| response.line),
        )
    }

    async fn add_number(&self, line_number: &str, number: &str) -> Result<Line, Refusal> {
        let request = AddNumberRequest {
            line_number: line_number.to_owned(),
            number: Some(NewNumber {
                number: number.to_owned(),
                subscribed: true,
            }),
        };
        line(
            add_number::add_number(&self.units, ACTOR, request)
                .await
                .map(|response| response.line),
        )
    }

    async fn remove(&self, number: &str) -> Result<Line, Refusal> {
        let number = number.to_owned();
        let request = RemoveNumberRequest { number };
        line(
            remove_number::remove_number(&self.units, ACTOR, request)
                .await
                .map(|response| response.line),
        )
    }

    async fn subscribe(&self, number: &str, subscribed: bool) -> Result<Line, Refusal> {
        let number = number.to_owned();
        if subscribed {
            let request = SubscribeNumberRequest { number };
            let response = subscribe_number::subscribe_number(&self.units, ACTOR, request).await;
            return line(response.map(|response| response.line));
        }
        let request = UnsubscribeNumberRequest { number };
        let response = unsubscribe_number::unsubscribe_number(&self.units, ACTOR, request).await;
        line(response.map(|response| response.line))
    }

    async fn explain(&self, number: &str) -> (LoginVerdict, Remedy) {
        let number = number.to_owned();
        let request = ExplainLoginRequest { number };
        let response = explain_login::explain_login(&self.units, request).await;
        let Ok(response) = response else {
            panic!("expected an explanation, got a failure");
        };
        (response.verdict(), response.remedy())
    }

    /// Establishes the unit, and gives each number of the line a permanent password.
    async fn establish(&self, unit: &'static str) {
        let statement = format!(
            "UPDATE lines SET unit = '{unit}', unit_established_time = '2027-01-01';
             UPDATE credentials SET kind = 'PERMANENT', permanent_hash = 'x', hash_epoch = epoch,
                 changed_time = '2027-01-01', failures = 2;"
        );
        self.prepare(statement.leak()).await;
    }

    async fn epoch(&self, number: &str) -> Option<i64> {
        sqlx::query_scalar("SELECT epoch FROM credentials WHERE number = $1")
            .bind(number)
            .fetch_optional(&self.ledger)
            .await
            .unwrap()
    }

    /// Number, action, outcome and reason of the events since the line was added.
    async fn events(&self) -> Vec<[String; 4]> {
        let statement = "SELECT ARRAY[coalesce(number, ''), action, outcome, coalesce(reason, '')] \
                         FROM audit_events ORDER BY event_id OFFSET 1";
        let events: Vec<Vec<String>> = sqlx::query_scalar(statement)
            .fetch_all(&self.ledger)
            .await
            .unwrap();
        events
            .into_iter()
            .map(|event| event.try_into().unwrap())
            .collect()
    }
}

fn line(response: Result<Option<Line>, Failure>) -> Result<Line, Refusal> {
    Ok(response?.unwrap())
}

fn kinds(line: &Line) -> Vec<(&str, CredentialKind)> {
    line.numbers
        .iter()
        .map(|number| (number.number.as_str(), number.credential_kind()))
        .collect()
}

fn event(number: &str, action: &str, outcome: &str, reason: &str) -> [String; 4] {
    [number, action, outcome, reason].map(str::to_owned)
}

/// OPS-1, SESS-2, INV-1: closing a line voids its passwords and starts new epochs. No later change is allowed. Closing
/// the line again succeeds and writes no event.
#[tokio::test]
async fn a_closed_line_has_no_passwords() {
    let fixture = Fixture::new().await;
    fixture.add(CONTRACT, &[USER]).await.unwrap();
    fixture.establish("ADMIN_USER").await;
    let before = fixture.epoch(USER).await;
    let closed = fixture.close(USER).await.unwrap();
    assert!(closed.close_time.is_some());
    let none = CredentialKind::None;
    assert_eq!(kinds(&closed), [(CONTRACT, none), (USER, none)]);
    assert!(fixture.epoch(USER).await > before);
    assert_eq!(fixture.close(CONTRACT).await.unwrap(), closed);
    for refused in [
        fixture.add_number(CONTRACT, OTHER).await,
        fixture.remove(USER).await,
        fixture.subscribe(USER, false).await,
        fixture.reset(CONTRACT).await,
    ] {
        assert_eq!(refused.unwrap_err().reason(), ErrorReason::LineClosed);
    }
    assert_eq!(fixture.get(USER).await.unwrap(), closed);
    let refused = |number, action| event(number, action, "REFUSED", "LINE_CLOSED");
    assert_eq!(
        fixture.events().await,
        [
            event(CONTRACT, "CLOSE_LINE", "DONE", ""),
            refused(CONTRACT, "ADD_NUMBER"),
            refused(USER, "REMOVE_NUMBER"),
            refused(USER, "UNSUBSCRIBE_NUMBER"),
            refused(CONTRACT, "RESET_UNIT"),
        ]
    );
}

/// OPS-1: a number of a closed line can be used again. This removes the closed line with all its numbers, but not its
/// events. If the new line cannot be added, the closed line is not removed.
#[tokio::test]
async fn a_closed_line_is_removed_for_a_new_one() {
    let fixture = Fixture::new().await;
    fixture.add(CONTRACT, &[USER]).await.unwrap();
    fixture.close(CONTRACT).await.unwrap();
    fixture.add(OTHER, &[]).await.unwrap();
    let taken = fixture.add(USER, &[OTHER]).await.unwrap_err();
    assert_eq!(taken.reason(), ErrorReason::NumberTaken);
    assert_eq!(fixture.counts().await, (2, 3, 3));

    let line = fixture.add_number(OTHER, USER).await.unwrap();
    assert_eq!(
        kinds(&line),
        [(OTHER, CredentialKind::None), (USER, CredentialKind::None)]
    );
    assert_eq!(fixture.counts().await, (1, 2, 2));
    let removed_line = fixture.get(CONTRACT).await.unwrap_err();
    assert_eq!(removed_line.reason(), ErrorReason::LineNotFound);
    let events = fixture.events().await;
    let [.., removed, added] = events.as_slice() else {
        panic!("{events:?}");
    };
    assert_eq!(*removed, event(CONTRACT, "REMOVE_LINE", "DONE", ""));
    assert_eq!(*added, event(USER, "ADD_NUMBER", "DONE", ""));
}

/// OPS-1, UNIT-1: a new number has no password, and a removed number loses its password. The contract number cannot be
/// removed.
#[tokio::test]
async fn numbers_are_added_and_removed() {
    let fixture = Fixture::new().await;
    fixture.add(CONTRACT, &[USER]).await.unwrap();
    fixture.establish("NUMBER").await;
    let first = fixture.epoch(USER).await;
    let line = fixture.add_number(USER, "03 3333 0009").await.unwrap();
    assert_eq!(kinds(&line)[2], (OTHER, CredentialKind::None));
    assert_eq!(line.numbers[2].role(), AccountRole::Number);
    assert_eq!(fixture.add_number(CONTRACT, OTHER).await.unwrap(), line);

    assert_eq!(fixture.remove(USER).await.unwrap().numbers.len(), 2);
    assert_eq!(fixture.epoch(USER).await, None);
    let stays = fixture.remove(CONTRACT).await.unwrap_err();
    assert_eq!(stays.reason(), ErrorReason::ContractNumberStays);
    let removed = fixture.remove(USER).await.unwrap_err();
    assert_eq!(removed.reason(), ErrorReason::LineNotFound);
    fixture.add_number(CONTRACT, USER).await.unwrap();
    assert!(
        fixture.epoch(USER).await > first,
        "INV-1: no old session becomes valid"
    );
}

/// OPS-1: a number is taken if it is on another open line. It is also taken on its own line, if only one of the two,
/// the line or the request, has it as subscribed. The refusal shows the masked number.
#[tokio::test]
async fn a_number_of_another_line_is_taken() {
    let fixture = Fixture::new().await;
    fixture.add(CONTRACT, &[PLAIN]).await.unwrap();
    fixture.add(OTHER, &[USER]).await.unwrap();
    for (number, masked) in [
        (USER, "******0002"),
        (OTHER, "******0009"),
        (PLAIN, "******0003"),
    ] {
        let refusal = fixture.add_number(CONTRACT, number).await.unwrap_err();
        let expected = Refusal::new(ErrorReason::NumberTaken).with("number", masked);
        assert_eq!(refusal, expected);
    }
    assert_eq!(fixture.get(CONTRACT).await.unwrap().numbers.len(), 2);
}

/// OPS-1, UNIT-1, INV-1: a number that loses the option service loses its password, unless it is still an account. In
/// `ADMIN_USER` the contract number is still an account.
#[tokio::test]
async fn unsubscribing_voids_the_password_unless_the_number_is_still_an_account() {
    let fixture = Fixture::new().await;
    fixture.add(CONTRACT, &[USER]).await.unwrap();
    fixture.subscribe(CONTRACT, true).await.unwrap();
    fixture.establish("ADMIN_USER").await;
    let line = fixture.subscribe(USER, false).await.unwrap();
    assert_eq!(line.numbers[1].role(), AccountRole::Unspecified);
    let kept = (CONTRACT, CredentialKind::Permanent);
    assert_eq!(kinds(&line), [kept, (USER, CredentialKind::None)]);
    let line = fixture.subscribe(CONTRACT, false).await.unwrap();
    assert_eq!(kinds(&line)[0], kept);
    assert_eq!(fixture.subscribe(CONTRACT, false).await.unwrap(), line);
    let line = fixture.subscribe(USER, true).await.unwrap();
    assert_eq!(line.numbers[1].role(), AccountRole::User);
    assert_eq!(kinds(&line)[1], (USER, CredentialKind::None));
    assert_eq!(
        fixture.events().await,
        [
            event(CONTRACT, "SUBSCRIBE_NUMBER", "DONE", ""),
            event(USER, "UNSUBSCRIBE_NUMBER", "DONE", ""),
            event(CONTRACT, "UNSUBSCRIBE_NUMBER", "DONE", ""),
            event(USER, "SUBSCRIBE_NUMBER", "DONE", ""),
        ]
    );
}

/// OPS-2, UNIT-2: a reset removes the unit and all passwords. The numbers stay.
#[tokio::test]
async fn a_reset_removes_unit_and_passwords() {
    let fixture = Fixture::new().await;
    fixture.add(CONTRACT, &[USER]).await.unwrap();
    fixture.establish("LINE").await;
    fixture
        .prepare("UPDATE credentials SET kind = 'NONE', permanent_hash = NULL, hash_epoch = NULL WHERE number = '0333330002'")
        .await;
    let line = fixture.reset(USER).await.unwrap();
    assert_eq!(
        (line.unit(), line.unit_established_time),
        (AuthUnit::Unspecified, None)
    );
    let none = CredentialKind::None;
    assert_eq!(kinds(&line), [(CONTRACT, none), (USER, none)]);
    let hashes: i64 = sqlx::query_scalar("SELECT count(permanent_hash) FROM credentials")
        .fetch_one(&fixture.ledger)
        .await
        .unwrap();
    assert_eq!(hashes, 0);
    assert_eq!(
        fixture.events().await,
        [event(CONTRACT, "RESET_UNIT", "DONE", "")]
    );
}

/// OPS-1, OPS-3: changes of a number that is on no line are refused. The audit event does not store the number.
#[tokio::test]
async fn changes_of_an_unknown_number_are_refused() {
    let fixture = Fixture::new().await;
    fixture.add(CONTRACT, &[]).await.unwrap();
    for refused in [
        fixture.close(OTHER).await,
        fixture.add_number(OTHER, USER).await,
        fixture.remove(OTHER).await,
        fixture.subscribe(OTHER, true).await,
        fixture.reset(OTHER).await,
    ] {
        assert_eq!(refused.unwrap_err().reason(), ErrorReason::LineNotFound);
    }
    let events = fixture.events().await;
    assert_eq!(events.len(), 5);
    for [number, _, outcome, reason] in events {
        assert_eq!(
            (number.as_str(), outcome.as_str(), reason.as_str()),
            ("", "REFUSED", "LINE_NOT_FOUND")
        );
    }
    let malformed = fixture.close("x").await.unwrap_err();
    assert_eq!(malformed.reason(), ErrorReason::InvalidField);
}

/// OPS-1, INV-5: if the same number is added to two lines in parallel, one change succeeds and the other is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_two_parallel_changes_gets_the_number() {
    let fixture = Fixture::new().await;
    fixture.add(CONTRACT, &[]).await.unwrap();
    fixture.add(OTHER, &[]).await.unwrap();
    let (one, two) = tokio::join!(
        fixture.add_number(CONTRACT, USER),
        fixture.add_number(OTHER, USER)
    );
    let refused = one.as_ref().err().or(two.as_ref().err());
    assert_eq!(refused.map(Refusal::reason), Some(ErrorReason::NumberTaken));
    assert!(one.is_ok() || two.is_ok());
    assert_eq!(fixture.counts().await, (2, 3, 3));
}

/// OPS-2: an explanation has the reason and the remedy, and changes nothing.
#[tokio::test]
async fn a_login_is_explained() {
    let fixture = Fixture::new().await;
    fixture.add(CONTRACT, &[USER, PLAIN]).await.unwrap();
    let unset = fixture.explain(USER).await;
    assert_eq!(unset, (LoginVerdict::NoUnit, Remedy::Call));
    let nobody = fixture.explain(OTHER).await;
    assert_eq!(nobody, (LoginVerdict::UnknownNumber, Remedy::Provision));
    fixture.establish("ADMIN_USER").await;
    assert_eq!(
        fixture.explain(PLAIN).await,
        (LoginVerdict::NotSubscribed, Remedy::Subscribe)
    );
    assert_eq!(
        fixture.explain(USER).await,
        (LoginVerdict::Permanent, Remedy::Unspecified)
    );
    fixture
        .prepare(
            "UPDATE credentials SET failures = 10, killed_time = now() WHERE number = '0333330002'",
        )
        .await;
    assert_eq!(
        fixture.explain("03-3333-0002").await,
        (LoginVerdict::Killed, Remedy::Call)
    );
    assert!(fixture.events().await.is_empty());
}
