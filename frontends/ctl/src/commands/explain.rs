//! `aikagictl explain` (OPS-2): explains why a number can or cannot log in, and names the remedy.

use aikagi_api::units::v1::{ExplainLoginRequest, ExplainLoginResponse, LoginVerdict, Remedy};
use serde::Serialize;

use crate::connection::Connection;
use crate::error::CommandError;
use crate::output::{Output, Printable};
use crate::views::{Line, Moment, named};

/// The number of passwords killed in a day that shows a siege (OPS-7). Subscribers seldom kill two passwords in a day.
const SIEGE: i64 = 2;

pub(crate) async fn run(
    number: &str,
    connection: &Connection,
    output: &mut Output,
) -> Result<(), CommandError> {
    let request = ExplainLoginRequest {
        number: number.to_owned(),
    };
    let response = connection
        .call(connection.directory().explain_login(request))
        .await?;
    output.show(&Explanation::new(number, response))
}

#[derive(Debug, Serialize)]
struct Explanation {
    number: String,
    can_log_in: bool,
    verdict: Option<&'static str>,
    remedy: Option<&'static str>,
    /// The verdict and the remedy, as text.
    text: String,
    account_numbers: Vec<String>,
    /// What was refused in the last 24 hours. `None` if the number is on no line.
    recent_refusals: Option<Recent>,
    line: Option<Line>,
}

/// The passwords that were refused at the number in the last 24 hours.
#[derive(Debug, Serialize)]
struct Recent {
    refused_passwords: i64,
    killed_passwords: i64,
}

impl Recent {
    /// What the subscriber and the operator should know; `None` if nothing was refused.
    fn text(&self) -> Option<String> {
        let (refused, killed) = (self.refused_passwords, self.killed_passwords);
        if refused == 0 {
            return None;
        }
        let counts = format!(
            "In the last 24 hours, refused passwords: {refused}. Passwords that wrong attempts killed: {killed}."
        );
        Some(if killed < SIEGE {
            counts
        } else {
            format!(
                "{counts}\nSomebody probably guesses at this number. The subscriber must log in immediately after the call. The alert AikagiSiege in docs/operations.md says what you can do."
            )
        })
    }
}

impl Explanation {
    fn new(number: &str, response: ExplainLoginResponse) -> Self {
        let (verdict, remedy) = (response.verdict(), response.remedy());
        let line = response.line.map(Line::from);
        let recent_refusals = response.recent_refusals.map(|recent| Recent {
            refused_passwords: recent.refused_passwords,
            killed_passwords: recent.killed_passwords,
        });
        let why = verdict_text(verdict, number, line.as_ref());
        let remedy_text = remedy_text(remedy, number, &response.account_numbers);
        let recent_text = recent_refusals.as_ref().and_then(Recent::text);
        let parts = [Some(why), remedy_text, recent_text];
        let text = parts.into_iter().flatten().collect::<Vec<_>>().join("\n");
        Self {
            number: number.to_owned(),
            can_log_in: matches!(
                verdict,
                LoginVerdict::Temporary | LoginVerdict::MustChange | LoginVerdict::Permanent
            ),
            verdict: named(verdict.as_str_name(), "LOGIN_VERDICT_"),
            remedy: named(remedy.as_str_name(), "REMEDY_"),
            text,
            account_numbers: response.account_numbers,
            recent_refusals,
            line,
        }
    }
}

impl Printable for Explanation {
    fn text(&self) -> String {
        match &self.line {
            Some(line) => format!("{}\n\n{}", self.text, line.text()),
            None => self.text.clone(),
        }
    }
}

fn verdict_text(verdict: LoginVerdict, number: &str, line: Option<&Line>) -> String {
    let own = line.and_then(|line| {
        let mut numbers = line.numbers.iter();
        numbers.find(|own| is_same(&own.number, number))
    });
    let at = |moment: Option<Moment>, word: &str| {
        moment.map_or_else(String::new, |moment| format!(" {word} {moment}"))
    };
    match verdict {
        LoginVerdict::Unspecified => {
            format!("{number}: the system returned a verdict that this aikagictl does not know.")
        }
        LoginVerdict::UnknownNumber => format!("{number} cannot log in: it is on no line."),
        LoginVerdict::LineClosed => format!(
            "{number} cannot log in: its line was closed{}.",
            at(line.and_then(|line| line.close_time), "on")
        ),
        LoginVerdict::NoUnit => format!(
            "{number} cannot log in: its line has no unit. No temporary password was set since the line was added or its unit was reset."
        ),
        LoginVerdict::NotSubscribed => format!(
            "{number} cannot log in: it does not have the option service. With the service it becomes an account."
        ),
        LoginVerdict::NotAnAccount => format!(
            "{number} cannot log in: under unit {} another number logs in for it.",
            line.and_then(|line| line.unit).unwrap_or("?")
        ),
        LoginVerdict::NoPassword => format!(
            "{number} cannot log in: it has no password. None was set, or a change of the line voided it."
        ),
        LoginVerdict::Killed
            if own.is_some_and(|own| own.kill_time.is_none() && own.open_charges > 0) =>
        {
            format!(
                "{number} cannot log in: no attempt is left, and {} of the charged attempts are open. An open attempt is running now, or a crash ended it before it was settled. If this does not change within a minute, this password never works again.",
                own.map_or(0, |own| own.open_charges)
            )
        }
        LoginVerdict::Killed => format!(
            "{number} cannot log in: wrong attempts killed its password{}. This password never works again.",
            at(own.and_then(|own| own.kill_time), "on")
        ),
        LoginVerdict::TemporaryExpired => format!(
            "{number} cannot log in: its temporary password expired{}.",
            at(own.and_then(|own| own.temporary_expire_time), "on")
        ),
        LoginVerdict::Temporary => format!(
            "{number} can log in with its temporary password{} and must then set a permanent password.",
            at(own.and_then(|own| own.temporary_expire_time), "until")
        ),
        LoginVerdict::MustChange => format!(
            "{number} can log in with its permanent password. The password is expired and must be changed after the login."
        ),
        LoginVerdict::Permanent => format!("{number} can log in with its permanent password."),
    }
}

fn remedy_text(remedy: Remedy, number: &str, accounts: &[String]) -> Option<String> {
    Some(match remedy {
        Remedy::Unspecified => return None,
        Remedy::Call => {
            "Remedy: set a temporary password with a call from the line. The password works immediately. There is no other remedy.".to_owned()
        }
        Remedy::Subscribe => format!(
            "Remedy: run `aikagictl number subscribe {number}`, then set a temporary password with a call from the line."
        ),
        Remedy::UseAccount => format!("Remedy: log in with {}.", accounts.join(" or ")),
        Remedy::Provision => format!(
            "Remedy: run `aikagictl line add {number} ...` or `aikagictl number add LINE {number}`, then set a temporary password with a call from the line."
        ),
        Remedy::LogInOrCall => {
            "Remedy: log in with this password. If the correct password is refused, Redis has lost it. Then set a new password by telephone.".to_owned()
        }
    })
}

fn is_same(one: &str, other: &str) -> bool {
    use aikagi_domain::telephone::TelephoneNumber;
    one == other || TelephoneNumber::parse(other).is_ok_and(|other| other.as_str() == one)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explanation(verdict: LoginVerdict, remedy: Remedy) -> Explanation {
        let response = ExplainLoginResponse {
            verdict: verdict.into(),
            remedy: remedy.into(),
            line: None,
            account_numbers: vec!["0312340001".into()],
            recent_refusals: None,
        };
        Explanation::new("0312340002", response)
    }

    /// OPS-2: every verdict and every remedy has its own text. The text agrees with `can_log_in`.
    #[test]
    fn every_verdict_and_remedy_has_its_own_text() {
        let mut seen = std::collections::BTreeSet::new();
        for verdict in (1..).map_while(|value| LoginVerdict::try_from(value).ok()) {
            let explanation = explanation(verdict, Remedy::Unspecified);
            let text = explanation.text();
            let can_log_in = text.contains("can log in") && !text.contains("cannot");
            assert_eq!(can_log_in, explanation.can_log_in, "{text}");
            assert!(seen.insert(text));
        }
        assert_eq!(seen.len(), 11);
        for remedy in (1..).map_while(|value| Remedy::try_from(value).ok()) {
            assert!(seen.insert(explanation(LoginVerdict::Killed, remedy).text()));
        }
        assert_eq!(seen.len(), 16);
    }

    /// OPS-2: a line without a unit is new, or its unit was reset. The text is true for both.
    #[test]
    fn a_line_without_a_unit_is_explained() {
        let text = explanation(LoginVerdict::NoUnit, Remedy::Call).text();
        assert!(text.contains("since the line was added or its unit was reset"));
        assert!(text.contains("a call from the line"));
    }

    /// OPS-7: refusals are reported, and several killed passwords are reported as a siege.
    #[test]
    fn a_siege_is_reported() {
        let text = |refused_passwords, killed_passwords| {
            let response = ExplainLoginResponse {
                recent_refusals: Some(aikagi_api::units::v1::RecentRefusals {
                    refused_passwords,
                    killed_passwords,
                }),
                ..ExplainLoginResponse::default()
            };
            Explanation::new("0312340002", response).text()
        };
        assert!(!text(0, 0).contains("24 hours"));
        assert!(text(4, 1).contains("refused passwords: 4"));
        assert!(!text(4, 1).contains("AikagiSiege"));
        assert!(text(37, 2).contains("killed: 2"));
        assert!(text(37, 2).contains("AikagiSiege"));
    }

    #[test]
    fn json_has_stable_names() {
        let explanation = explanation(LoginVerdict::NotAnAccount, Remedy::UseAccount);
        let json = serde_json::to_value(&explanation).unwrap();
        assert_eq!(json["verdict"], "NOT_AN_ACCOUNT");
        assert_eq!(json["remedy"], "USE_ACCOUNT");
        assert_eq!(json["can_log_in"], false);
        assert!(explanation.text().contains("0312340001"));
    }
}
