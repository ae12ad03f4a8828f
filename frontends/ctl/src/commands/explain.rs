//! `aikagictl explain` (OPS-2): why a number can or cannot log in, in words that help.

use aikagi_api::units::v1::{ExplainLoginRequest, ExplainLoginResponse, LoginVerdict, Remedy};
use serde::Serialize;

use crate::connection::Connection;
use crate::error::CommandError;
use crate::output::{Output, Printable};
use crate::views::{Line, named};

pub(crate) async fn run(
    number: &str,
    connection: &Connection,
    output: &mut Output,
) -> Result<(), CommandError> {
    let request = ExplainLoginRequest {
        number: number.to_owned(),
    };
    let answer = connection
        .call(connection.directory().explain_login(request))
        .await?;
    output.show(&Explanation::new(number, answer))
}

#[derive(Debug, Serialize)]
struct Explanation {
    number: String,
    can_log_in: bool,
    verdict: Option<&'static str>,
    remedy: Option<&'static str>,
    /// Both in words.
    text: String,
    account_numbers: Vec<String>,
    line: Option<Line>,
}

impl Explanation {
    fn new(number: &str, answer: ExplainLoginResponse) -> Self {
        let (verdict, remedy) = (answer.verdict(), answer.remedy());
        let line = answer.line.map(Line::from);
        let why = because(verdict, number, line.as_ref());
        let text = match helps(remedy, number, &answer.account_numbers) {
            Some(help) => format!("{why}\n{help}"),
            None => why,
        };
        Self {
            number: number.to_owned(),
            can_log_in: matches!(
                verdict,
                LoginVerdict::Temporary | LoginVerdict::MustChange | LoginVerdict::Permanent
            ),
            verdict: named(verdict.as_str_name(), "LOGIN_VERDICT_"),
            remedy: named(remedy.as_str_name(), "REMEDY_"),
            text,
            account_numbers: answer.account_numbers,
            line,
        }
    }
}

impl Printable for Explanation {
    fn words(&self) -> String {
        match &self.line {
            Some(line) => format!("{}\n\n{}", self.text, line.words()),
            None => self.text.clone(),
        }
    }
}

fn because(verdict: LoginVerdict, number: &str, line: Option<&Line>) -> String {
    let own = line.and_then(|line| line.numbers.iter().find(|own| same(&own.number, number)));
    let at = |moment: Option<crate::views::Moment>, word: &str| {
        moment.map_or_else(String::new, |moment| format!(" {word} {moment}"))
    };
    match verdict {
        LoginVerdict::Unspecified => {
            format!("{number}: the system says something that this aikagictl does not know.")
        }
        LoginVerdict::UnknownNumber => format!("{number} cannot log in: it is on no line."),
        LoginVerdict::LineClosed => format!(
            "{number} cannot log in: its line was closed{}.",
            at(line.and_then(|line| line.close_time), "on")
        ),
        LoginVerdict::NoUnit => format!(
            "{number} cannot log in: nobody on its line has set a temporary password yet, so it is open who logs in there."
        ),
        LoginVerdict::NotSubscribed => format!(
            "{number} cannot log in: it does not have the option service. With it, it would log in for itself."
        ),
        LoginVerdict::NotAnAccount => format!(
            "{number} cannot log in: under unit {} another number logs in for it.",
            line.and_then(|line| line.unit).unwrap_or("?")
        ),
        LoginVerdict::NoPassword => format!(
            "{number} cannot log in: it has no password. None was set yet, or it was voided by a change of the line."
        ),
        LoginVerdict::Killed => format!(
            "{number} cannot log in: wrong attempts killed its password{}. It never works again.",
            at(own.and_then(|own| own.kill_time), "on")
        ),
        LoginVerdict::TemporaryExpired => format!(
            "{number} cannot log in: its temporary password ended{}.",
            at(own.and_then(|own| own.temporary_expire_time), "on")
        ),
        LoginVerdict::Temporary => format!(
            "{number} can log in with its temporary password{}, and sets a permanent one then.",
            at(own.and_then(|own| own.temporary_expire_time), "until")
        ),
        LoginVerdict::MustChange => format!(
            "{number} can log in with its permanent password. That is old: it has to be changed before anything else."
        ),
        LoginVerdict::Permanent => format!("{number} can log in with its permanent password."),
    }
}

fn helps(remedy: Remedy, number: &str, accounts: &[String]) -> Option<String> {
    Some(match remedy {
        Remedy::Unspecified => return None,
        Remedy::Call => {
            "What helps: a call from the line that sets a temporary password; it works at once. Nothing else does.".to_owned()
        }
        Remedy::Subscribe => format!(
            "What helps: `aikagictl number subscribe {number}`, then a call from the line that sets a temporary password."
        ),
        Remedy::UseAccount => format!("What helps: log in with {}.", accounts.join(" or ")),
        Remedy::Provision => format!(
            "What helps: `aikagictl line add {number} ...`, or `aikagictl number add LINE {number}`; then a call."
        ),
        Remedy::LogInOrCall => {
            "What helps: log in with it. If it is refused though it is right, it was lost with the cache: call again.".to_owned()
        }
    })
}

fn same(one: &str, other: &str) -> bool {
    use aikagi_domain::telephone::TelephoneNumber;
    one == other || TelephoneNumber::parse(other).is_ok_and(|other| other.as_str() == one)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explanation(verdict: LoginVerdict, remedy: Remedy) -> Explanation {
        let answer = ExplainLoginResponse {
            verdict: verdict.into(),
            remedy: remedy.into(),
            line: None,
            account_numbers: vec!["0312340001".into()],
        };
        Explanation::new("0312340002", answer)
    }

    /// OPS-2: every verdict and every remedy has words of its own, and what can log in is told from what cannot.
    #[test]
    fn every_verdict_and_remedy_has_words_that_help() {
        let mut seen = std::collections::BTreeSet::new();
        for verdict in (1..).map_while(|value| LoginVerdict::try_from(value).ok()) {
            let told = explanation(verdict, Remedy::Unspecified);
            let words = told.words();
            let says = words.contains("can log in") && !words.contains("cannot");
            assert_eq!(says, told.can_log_in, "{words}");
            assert!(seen.insert(words));
        }
        assert_eq!(seen.len(), 11);
        for remedy in (1..).map_while(|value| Remedy::try_from(value).ok()) {
            assert!(seen.insert(explanation(LoginVerdict::Killed, remedy).words()));
        }
        assert_eq!(seen.len(), 16);
    }

    #[test]
    fn scripts_get_names() {
        let told = explanation(LoginVerdict::NotAnAccount, Remedy::UseAccount);
        let json = serde_json::to_value(&told).unwrap();
        assert_eq!(json["verdict"], "NOT_AN_ACCOUNT");
        assert_eq!(json["remedy"], "USE_ACCOUNT");
        assert_eq!(json["can_log_in"], false);
        assert!(told.words().contains("0312340001"));
    }
}
