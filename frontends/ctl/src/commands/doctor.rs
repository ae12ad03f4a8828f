//! `aikagictl doctor`: checks the settings, the certificates and the connection to the system. It explains each problem
//! and its remedy.

mod files;
mod gateways;

use serde::Serialize;

use crate::error::{CommandError, ExitKind};
use crate::output::{Output, Printable};
use crate::settings::Settings;

pub(crate) async fn run(settings: &Settings, output: &mut Output) -> Result<(), CommandError> {
    let mut checks = vec![Check::well(
        "settings",
        format!("gateway {}", settings.gateways.join(", ")),
    )];
    files::check(settings, &mut checks);
    gateways::check(settings, &mut checks).await;
    let wrong = checks
        .iter()
        .filter(|check| check.state == CheckState::Wrong)
        .count();
    output.show(&Report {
        healthy: wrong == 0,
        checks,
    })?;
    match wrong {
        0 => Ok(()),
        1 => Err(CommandError::new(ExitKind::ProblemsFound, "1 check failed")),
        many => Err(CommandError::new(
            ExitKind::ProblemsFound,
            format!("{many} checks failed"),
        )),
    }
}

/// The result of a check. The names of the variants are part of the JSON output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum CheckState {
    Well,
    /// The checked item works, but needs attention.
    Warning,
    Wrong,
    /// The check was not possible.
    Skipped,
}

/// A check. The field names are part of the JSON output.
#[derive(Debug, Serialize)]
struct Check {
    what: String,
    state: CheckState,
    found: String,
    /// What the operator can do.
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
}

impl Check {
    fn well(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(what, CheckState::Well, found, None)
    }

    fn skipped(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(what, CheckState::Skipped, found, None)
    }

    fn warning(what: impl Into<String>, found: impl Into<String>, mend: &str) -> Self {
        Self::new(what, CheckState::Warning, found, Some(mend.to_owned()))
    }

    fn wrong(what: impl Into<String>, found: impl Into<String>, mend: &str) -> Self {
        Self::new(what, CheckState::Wrong, found, Some(mend.to_owned()))
    }

    fn new(
        what: impl Into<String>,
        state: CheckState,
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

impl Printable for Report {
    fn text(&self) -> String {
        let width = self
            .checks
            .iter()
            .map(|check| check.what.len())
            .max()
            .unwrap_or_default();
        let lines = self.checks.iter().flat_map(|check| {
            let mark = match check.state {
                CheckState::Well => "ok     ",
                CheckState::Warning => "warning",
                CheckState::Wrong => "WRONG  ",
                CheckState::Skipped => "skipped",
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
