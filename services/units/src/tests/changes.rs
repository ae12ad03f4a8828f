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

impl World {
    async fn close(&self, number: &str) -> Result<Line, Refusal> {
        let number = number.to_owned();
        let request = CloseLineRequest { number };
        line(
            close_line::close_line(&self.units, ACTOR, request)
                .await
                .map(|answer| answer.line),
        )
    }

    async fn reset(&self, number: &str) -> Result<Line, Refusal> {
        let number = number.to_owned();
        let request = ResetUnitRequest { number };
        line(
            reset_unit::reset_unit(&self.units, ACTOR, request)
                .await
                .map(|answer| answer.line),
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
                .map(|answer| answer.line),
        )
    }

    async fn remove(&self, number: &str) -> Result<Line, Refusal> {
        let number = number.to_owned();
        let request = RemoveNumberRequest { number };
        line(
            remove_number::remove_number(&self.units, ACTOR, request)
                .await
                .map(|answer| answer.line),
        )
    }

    async fn subscribe(&self, number: &str, subscribed: bool) -> Result<Line, Refusal> {
        let number = number.to_owned();
        if subscribed {
            let request = SubscribeNumberRequest { number };
            let answer = subscribe_number::subscribe_number(&self.units, ACTOR, request).await;
            return line(answer.map(|answer| answer.line));
        }
        let request = UnsubscribeNumberRequest { number };
        let answer = unsubscribe_number::unsubscribe_number(&self.units, ACTOR, request).await;
        line(answer.map(|answer| answer.line))
    }

    async fn explain(&self, number: &str) -> (LoginVerdict, Remedy) {
        let number = number.to_owned();
        let request = ExplainLoginRequest { number };
        let answer = explain_login::explain_login(&self.units, request).await;
        let Ok(answer) = answer else {
            panic!("not explained");
        };
        (answer.verdict(), answer.remedy())
    }

    /// Every number of the line has a permanent password.
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

fn line(answer: Result<Option<Line>, Failure>) -> Result<Line, Refusal> {
    Ok(answer?.unwrap())
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

/// OPS-1, SESS-2, INV-1: a closed line has no password left, its epochs are others, and nothing on it changes any
/// more; closing it again is no error and no event.
#[tokio::test]
async fn a_closed_line_has_nothing_left() {
    let world = World::new().await;
    world.add(CONTRACT, &[USER]).await.unwrap();
    world.establish("ADMIN_USER").await;
    let before = world.epoch(USER).await;
    let closed = world.close(USER).await.unwrap();
    assert!(closed.close_time.is_some());
    let none = CredentialKind::None;
    assert_eq!(kinds(&closed), [(CONTRACT, none), (USER, none)]);
    assert!(world.epoch(USER).await > before);
    assert_eq!(world.close(CONTRACT).await.unwrap(), closed);
    for refused in [
        world.add_number(CONTRACT, OTHER).await,
        world.remove(USER).await,
        world.subscribe(USER, false).await,
        world.reset(CONTRACT).await,
    ] {
        assert_eq!(refused.unwrap_err().reason(), ErrorReason::LineClosed);
    }
    assert_eq!(world.get(USER).await.unwrap(), closed);
    let refused = |number, action| event(number, action, "REFUSED", "LINE_CLOSED");
    assert_eq!(
        world.events().await,
        [
            event(CONTRACT, "CLOSE_LINE", "DONE", ""),
            refused(CONTRACT, "ADD_NUMBER"),
            refused(USER, "REMOVE_NUMBER"),
            refused(USER, "UNSUBSCRIBE_NUMBER"),
            refused(CONTRACT, "RESET_UNIT"),
        ]
    );
}

/// OPS-1: a number of a closed line can be used anew: the closed line gives way with all its numbers, and its
/// events stay. If the new line cannot be added all the same, nothing gives way.
#[tokio::test]
async fn a_closed_line_gives_way() {
    let world = World::new().await;
    world.add(CONTRACT, &[USER]).await.unwrap();
    world.close(CONTRACT).await.unwrap();
    world.add(OTHER, &[]).await.unwrap();
    let taken = world.add(USER, &[OTHER]).await.unwrap_err();
    assert_eq!(taken.reason(), ErrorReason::NumberTaken);
    assert_eq!(world.counts().await, (2, 3, 3));

    let line = world.add_number(OTHER, USER).await.unwrap();
    assert_eq!(
        kinds(&line),
        [(OTHER, CredentialKind::None), (USER, CredentialKind::None)]
    );
    assert_eq!(world.counts().await, (1, 2, 2));
    let gone = world.get(CONTRACT).await.unwrap_err();
    assert_eq!(gone.reason(), ErrorReason::LineNotFound);
    let events = world.events().await;
    let [.., removed, added] = events.as_slice() else {
        panic!("{events:?}");
    };
    assert_eq!(*removed, event(CONTRACT, "REMOVE_LINE", "DONE", ""));
    assert_eq!(*added, event(USER, "ADD_NUMBER", "DONE", ""));
}

/// OPS-1, UNIT-1: a number comes to a line without a password and leaves it with its own; the contract number stays.
#[tokio::test]
async fn numbers_come_and_leave() {
    let world = World::new().await;
    world.add(CONTRACT, &[USER]).await.unwrap();
    world.establish("NUMBER").await;
    let first = world.epoch(USER).await;
    let line = world.add_number(USER, "03 3333 0009").await.unwrap();
    assert_eq!(kinds(&line)[2], (OTHER, CredentialKind::None));
    assert_eq!(line.numbers[2].role(), AccountRole::Number);
    assert_eq!(world.add_number(CONTRACT, OTHER).await.unwrap(), line);

    assert_eq!(world.remove(USER).await.unwrap().numbers.len(), 2);
    assert_eq!(world.epoch(USER).await, None);
    let stays = world.remove(CONTRACT).await.unwrap_err();
    assert_eq!(stays.reason(), ErrorReason::ContractNumberStays);
    let gone = world.remove(USER).await.unwrap_err();
    assert_eq!(gone.reason(), ErrorReason::LineNotFound);
    world.add_number(CONTRACT, USER).await.unwrap();
    assert!(
        world.epoch(USER).await > first,
        "INV-1: no session comes back"
    );
}

/// OPS-1: a number that is on another open line, or on this one with another subscription, is taken, and named masked.
#[tokio::test]
async fn a_number_elsewhere_is_taken() {
    let world = World::new().await;
    world.add(CONTRACT, &[PLAIN]).await.unwrap();
    world.add(OTHER, &[USER]).await.unwrap();
    for (number, masked) in [
        (USER, "******0002"),
        (OTHER, "******0009"),
        (PLAIN, "******0003"),
    ] {
        let refusal = world.add_number(CONTRACT, number).await.unwrap_err();
        let expected = Refusal::new(ErrorReason::NumberTaken).with("number", masked);
        assert_eq!(refusal, expected);
    }
    assert_eq!(world.get(CONTRACT).await.unwrap().numbers.len(), 2);
}

/// OPS-1, UNIT-1, INV-1: who loses the option service loses the password where it was an account by it; the contract
/// number under `ADMIN_USER` keeps it.
#[tokio::test]
async fn unsubscribing_voids_who_is_no_account() {
    let world = World::new().await;
    world.add(CONTRACT, &[USER]).await.unwrap();
    world.subscribe(CONTRACT, true).await.unwrap();
    world.establish("ADMIN_USER").await;
    let line = world.subscribe(USER, false).await.unwrap();
    assert_eq!(line.numbers[1].role(), AccountRole::Unspecified);
    let kept = (CONTRACT, CredentialKind::Permanent);
    assert_eq!(kinds(&line), [kept, (USER, CredentialKind::None)]);
    let line = world.subscribe(CONTRACT, false).await.unwrap();
    assert_eq!(kinds(&line)[0], kept);
    assert_eq!(world.subscribe(CONTRACT, false).await.unwrap(), line);
    let line = world.subscribe(USER, true).await.unwrap();
    assert_eq!(line.numbers[1].role(), AccountRole::User);
    assert_eq!(kinds(&line)[1], (USER, CredentialKind::None));
    assert_eq!(
        world.events().await,
        [
            event(CONTRACT, "SUBSCRIBE_NUMBER", "DONE", ""),
            event(USER, "UNSUBSCRIBE_NUMBER", "DONE", ""),
            event(CONTRACT, "UNSUBSCRIBE_NUMBER", "DONE", ""),
            event(USER, "SUBSCRIBE_NUMBER", "DONE", ""),
        ]
    );
}

/// OPS-2, UNIT-2: a reset takes the unit and every password; the numbers stay.
#[tokio::test]
async fn a_reset_takes_unit_and_passwords() {
    let world = World::new().await;
    world.add(CONTRACT, &[USER]).await.unwrap();
    world.establish("LINE").await;
    world
        .prepare("UPDATE credentials SET kind = 'NONE', permanent_hash = NULL, hash_epoch = NULL WHERE number = '0333330002'")
        .await;
    let line = world.reset(USER).await.unwrap();
    assert_eq!(
        (line.unit(), line.unit_established_time),
        (AuthUnit::Unspecified, None)
    );
    let none = CredentialKind::None;
    assert_eq!(kinds(&line), [(CONTRACT, none), (USER, none)]);
    let hashes: i64 = sqlx::query_scalar("SELECT count(permanent_hash) FROM credentials")
        .fetch_one(&world.ledger)
        .await
        .unwrap();
    assert_eq!(hashes, 0);
    assert_eq!(
        world.events().await,
        [event(CONTRACT, "RESET_UNIT", "DONE", "")]
    );
}

/// OPS-1, OPS-3: changes of a number that is on no line are refused, and the event keeps no number.
#[tokio::test]
async fn changes_of_nothing_are_refused() {
    let world = World::new().await;
    world.add(CONTRACT, &[]).await.unwrap();
    for refused in [
        world.close(OTHER).await,
        world.add_number(OTHER, USER).await,
        world.remove(OTHER).await,
        world.subscribe(OTHER, true).await,
        world.reset(OTHER).await,
    ] {
        assert_eq!(refused.unwrap_err().reason(), ErrorReason::LineNotFound);
    }
    let events = world.events().await;
    assert_eq!(events.len(), 5);
    for [number, _, outcome, reason] in events {
        assert_eq!(
            (number.as_str(), outcome.as_str(), reason.as_str()),
            ("", "REFUSED", "LINE_NOT_FOUND")
        );
    }
    let malformed = world.close("x").await.unwrap_err();
    assert_eq!(malformed.reason(), ErrorReason::InvalidField);
}

/// OPS-1, INV-5: of two lines that take one number at once, one has it and the other is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_lines_that_take_a_number_one_has_it() {
    let world = World::new().await;
    world.add(CONTRACT, &[]).await.unwrap();
    world.add(OTHER, &[]).await.unwrap();
    let (one, two) = tokio::join!(
        world.add_number(CONTRACT, USER),
        world.add_number(OTHER, USER)
    );
    let refused = one.as_ref().err().or(two.as_ref().err());
    assert_eq!(refused.map(Refusal::reason), Some(ErrorReason::NumberTaken));
    assert!(one.is_ok() || two.is_ok());
    assert_eq!(world.counts().await, (2, 3, 3));
}

/// OPS-2: why a number cannot log in, and what would help; nothing is changed by asking.
#[tokio::test]
async fn a_login_is_explained() {
    let world = World::new().await;
    world.add(CONTRACT, &[USER, PLAIN]).await.unwrap();
    let unset = world.explain(USER).await;
    assert_eq!(unset, (LoginVerdict::NoUnit, Remedy::Call));
    let nobody = world.explain(OTHER).await;
    assert_eq!(nobody, (LoginVerdict::UnknownNumber, Remedy::Provision));
    world.establish("ADMIN_USER").await;
    assert_eq!(
        world.explain(PLAIN).await,
        (LoginVerdict::NotSubscribed, Remedy::Subscribe)
    );
    assert_eq!(
        world.explain(USER).await,
        (LoginVerdict::Permanent, Remedy::Unspecified)
    );
    world
        .prepare(
            "UPDATE credentials SET failures = 10, killed_time = now() WHERE number = '0333330002'",
        )
        .await;
    assert_eq!(
        world.explain("03-3333-0002").await,
        (LoginVerdict::Killed, Remedy::Call)
    );
    assert!(world.events().await.is_empty());
}
