//! `aikagictl doctor`: everything on the way to the system, looked at one after another; what is wrong and how to
//! mend it, in words.

mod files;
mod way;

use serde::Serialize;

use crate::fault::{Fault, Kind};
use crate::output::{Output, Shape};
use crate::settings::Settings;

pub(crate) async fn run(settings: &Settings, output: &mut Output) -> Result<(), Fault> {
    let mut checks = vec![Check::well(
        "settings",
        format!("gateway {}", settings.gateways.join(", ")),
    )];
    files::look(settings, &mut checks);
    way::look(settings, &mut checks).await;
    let wrong = checks
        .iter()
        .filter(|check| check.state == State::Wrong)
        .count();
    output.show(&Report {
        healthy: wrong == 0,
        checks,
    })?;
    match wrong {
        0 => Ok(()),
        1 => Err(Fault::new(Kind::NotWhole, "one thing is wrong")),
        many => Err(Fault::new(
            Kind::NotWhole,
            format!("{many} things are wrong"),
        )),
    }
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Well,
    /// It works, and should be seen to.
    Warning,
    Wrong,
    /// It could not be looked at, because of what is wrong before it.
    Skipped,
}

/// Something that was looked at.
#[derive(Debug, Serialize)]
struct Check {
    what: String,
    state: State,
    found: String,
    /// How to mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
}

impl Check {
    fn well(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(what, State::Well, found, None)
    }

    fn skipped(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(what, State::Skipped, found, None)
    }

    fn warning(what: impl Into<String>, found: impl Into<String>, mend: &str) -> Self {
        Self::new(what, State::Warning, found, Some(mend.to_owned()))
    }

    fn wrong(what: impl Into<String>, found: impl Into<String>, mend: &str) -> Self {
        Self::new(what, State::Wrong, found, Some(mend.to_owned()))
    }

    fn new(
        what: impl Into<String>,
        state: State,
        found: impl Into<String>,
        mend: Option<String>,
    ) -> Self {
        Self {
            what: what.into(),
            state,
            found: found.into(),
            mend,
        }
    }
}

#[derive(Debug, Serialize)]
struct Report {
    healthy: bool,
    checks: Vec<Check>,
}

impl Shape for Report {
    fn words(&self) -> String {
        let width = self
            .checks
            .iter()
            .map(|check| check.what.len())
            .max()
            .unwrap_or_default();
        let lines = self.checks.iter().flat_map(|check| {
            let mark = match check.state {
                State::Well => "ok     ",
                State::Warning => "warning",
                State::Wrong => "WRONG  ",
                State::Skipped => "skipped",
            };
            let line = format!("{mark}  {:width$}  {}", check.what, check.found);
            let mend = check
                .mend
                .as_ref()
                .map(|mend| format!("{:9}{:width$}  -> {mend}", "", ""));
            [line].into_iter().chain(mend)
        });
        lines.collect::<Vec<String>>().join("\n")
    }
}
