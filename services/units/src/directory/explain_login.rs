//! `ExplainLogin`: explains why a number can or cannot log in, and names the remedy (OPS-2).

use aikagi_api::units::v1::{ExplainLoginRequest, ExplainLoginResponse, LoginVerdict, Remedy};
use aikagi_domain::explanation::Verdict;
use aikagi_refusal::{Failure, fields};

use crate::Units;
use crate::store::texts;
use crate::view::view;

pub(crate) async fn explain_login(
    service: &Units,
    request: ExplainLoginRequest,
) -> Result<ExplainLoginResponse, Failure> {
    let number = fields::number("number", &request.number)?;
    let line_now = service.store.line_of(&number).await?;
    let on = line_now
        .as_ref()
        .and_then(|line_now| Some((&line_now.stored.line, line_now.credential(&number)?)));
    let verdict = Verdict::of(&number, on, service.clock.now(), &service.credential_rules);
    let accounts = on.and_then(|(line, _)| Some(line.accounts(line.state.unit()?)));
    Ok(ExplainLoginResponse {
        verdict: LoginVerdict::from(verdict).into(),
        remedy: verdict
            .remedy()
            .map_or(Remedy::Unspecified, Remedy::from)
            .into(),
        line: line_now.as_ref().map(view),
        account_numbers: texts(&accounts.unwrap_or_default()),
    })
}
