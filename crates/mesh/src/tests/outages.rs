//! Tests of the log of outages, with the real interval of the health checks.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aikagi_domain::fault::{Cause, Dependency, Endpoint, ErrorType, Fault, FaultKind, describe};
use aikagi_fixtures::LogLines;
use tracing::Level;

use crate::background::BackgroundTask;
use crate::health::Readiness;
use crate::shutdown::Shutdown;

/// The result of a check. `None` if the dependency does not respond.
type Answer = Option<Result<(), Cause>>;

/// A dependency whose checks have these results, one after another. The last result is repeated.
#[derive(Clone)]
struct Scripted(Arc<Mutex<VecDeque<Answer>>>);

impl Scripted {
    fn new(answers: impl IntoIterator<Item = Answer>) -> Self {
        Self(Arc::new(Mutex::new(answers.into_iter().collect())))
    }
}

#[derive(Debug)]
struct Down(Cause);

impl std::fmt::Display for Down {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        describe(self, f)
    }
}

impl Fault for Down {
    fn kind(&self) -> FaultKind {
        FaultKind::Unavailable
    }

    fn dependency(&self) -> Option<&str> {
        Some("store")
    }

    fn cause(&self) -> Cause {
        self.0
    }

    fn operation(&self) -> &'static str {
        "check"
    }
}

impl Dependency for Scripted {
    type Error = Down;

    fn name(&self) -> &'static str {
        "store"
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint {
            address: "store.example".to_owned(),
            port: Some(5432),
        }
    }

    async fn check(&self) -> Result<(), Down> {
        let answer = {
            let mut answers = self.0.lock().unwrap();
            if answers.len() > 1 {
                answers.pop_front().unwrap()
            } else {
                answers[0]
            }
        };
        match answer {
            Some(answer) => answer.map_err(Down),
            None => std::future::pending().await,
        }
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "all scripted results have this type"
)]
fn down(error_type: ErrorType) -> Answer {
    Some(Err(error_type.into()))
}

/// An outage is logged once for each cause, and its end once, even if two ports report the readiness.
#[tokio::test(start_paused = true)]
async fn an_outage_is_logged_once() {
    let lines = LogLines::record();
    let login = Some(Err(Cause::with_code(ErrorType::Login, "28P01")));
    let connect = down(ErrorType::Connect);
    let up = Some(Ok(()));
    let store = Scripted::new([up, connect, connect, login, connect, login, up, up]);
    let readiness = Readiness::always().and(store);
    let shutdown = Shutdown::new();
    let _public = readiness.clone().serve(Vec::new(), &shutdown).await;
    let _private = readiness.serve(Vec::new(), &shutdown).await;
    tokio::time::sleep(Duration::from_secs(30)).await;

    let unavailable = lines.of("dependency unavailable");
    let logged: Vec<_> = unavailable
        .iter()
        .map(|line| {
            assert_eq!(line.level, Level::WARN);
            assert_eq!(line.field("dependency"), "store");
            assert_eq!(line.field("server.address"), "store.example");
            assert_eq!(line.field("server.port"), "5432");
            (
                line.field("error.type"),
                line.field("db.response.status_code"),
            )
        })
        .collect();
    assert_eq!(logged, [("connect", ""), ("login", "28P01")]);
    let [end] = &lines.of("dependency available")[..] else {
        panic!("{:#?}", lines.all());
    };
    assert_eq!(end.level, Level::INFO);
    // Five failed checks, two seconds apart.
    assert_eq!(end.field("outage_seconds"), "10");
    assert_eq!(lines.all().len(), 3);
}

/// A dependency that does not respond has the cause `timeout`. Its outage is logged again every five minutes.
#[tokio::test(start_paused = true)]
async fn a_long_outage_is_logged_again() {
    let lines = LogLines::record();
    let readiness = Readiness::always().and(Scripted::new([None]));
    let shutdown = Shutdown::new();
    let _health = readiness.serve(Vec::new(), &shutdown).await;
    tokio::time::sleep(Duration::from_secs(250)).await;
    assert_eq!(lines.of("dependency unavailable").len(), 1);
    tokio::time::sleep(Duration::from_secs(100)).await;
    let unavailable = lines.of("dependency unavailable");
    assert_eq!(unavailable.len(), 2);
    for line in unavailable {
        assert_eq!(line.field("error.type"), "timeout");
    }
}

/// The first failure of a background task is logged, and the first success after it.
#[test]
fn a_background_task_is_logged_when_it_changes() {
    let lines = LogLines::record();
    let mut task = BackgroundTask::new("cleanup");
    for result in [
        Ok(()),
        Err(ErrorType::Connect),
        Err(ErrorType::Timeout),
        Ok(()),
        Ok(()),
    ] {
        task.record(result);
    }
    let logged: Vec<_> = lines
        .all()
        .into_iter()
        .map(|line| {
            assert_eq!(line.field("task"), "cleanup");
            (line.level, line.field("error.type").to_owned())
        })
        .collect();
    let expected = [
        (Level::WARN, "connect".to_owned()),
        (Level::INFO, String::new()),
    ];
    assert_eq!(logged, expected);
}
