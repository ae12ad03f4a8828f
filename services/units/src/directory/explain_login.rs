//! `ExplainLogin`: explains why a number can or cannot log in, and names the remedy (OPS-2).

use aikagi_api::units::v1::{
    ExplainLoginRequest, ExplainLoginResponse, LoginVerdict, RecentRefusals, Remedy,
};
use aikagi_domain::explanation::Verdict;
use aikagi_refusal::{Failure, fields};

use chrono::TimeDelta;

use crate::Units;
use crate::store::texts;
use crate::view::view;

/// The period before now whose refusals are counted (OPS-7).
const RECENT: TimeDelta = TimeDelta::hours(24);

pub(crate) async fn explain_login(
    service: &Units,
    request: ExplainLoginRequest,
) -> Result<ExplainLoginResponse, Failure> {
    let number = fields::number("number", &request.number)?;
    let line_now = service.store.line_of(&number).await?;
    let on = line_now
        .as_ref()
        .and_then(|line_now| Some((&line_now.stored.line, line_now.credential(&number)?)));
    let now = service.clock.now();
    let verdict = Verdict::of(&number, on, now, &service.credential_rules);
    let recent = match &line_now {
        Some(_) => Some(
            service
                .store
                .refused_passwords(&number, now - RECENT)
                .await?,
        ),
        None => None,
    };
    let accounts = on.and_then(|(line, _)| Some(line.accounts(line.state.unit()?)));
    Ok(ExplainLoginResponse {
        verdict: LoginVerdict::from(verdict).into(),
        remedy: verdict
            .remedy()
            .map_or(Remedy::Unspecified, Remedy::from)
            .into(),
        line: line_now.as_ref().map(view),
        account_numbers: texts(&accounts.unwrap_or_default()),
        recent_refusals: recent.map(|recent| RecentRefusals {
            refused_passwords: recent.refused,
            killed_passwords: recent.killed,
        }),
    })
}
