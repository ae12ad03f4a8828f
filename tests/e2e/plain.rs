//! Answers for people: what is blind in a message's Debug (INV-8) is what a failing test has to show.

use aikagi_api::authentication::v1::{OpenSession, Session};
use aikagi_api::edge::v1::PreviewMigrationResponse;
use aikagi_api::issuance::v1::SetTemporaryPasswordResponse;
use aikagi_api::units::v1::{Line, Login};

use crate::model::{Answer, Heard};

/// An answer that can be shown as it is.
pub(crate) trait Plain {
    fn plain(&self) -> String;
}

impl<T: Plain> Plain for Answer<T> {
    fn plain(&self) -> String {
        match self {
            Ok(answer) => answer.plain(),
            Err(refused) => format!("{refused:?}"),
        }
    }
}

impl Plain for () {
    fn plain(&self) -> String {
        "done".to_owned()
    }
}

impl Plain for String {
    fn plain(&self) -> String {
        self.clone()
    }
}

impl Plain for Heard {
    fn plain(&self) -> String {
        format!("{self:?}")
    }
}

impl Plain for Line {
    fn plain(&self) -> String {
        format!("{self:#?}")
    }
}

impl Plain for Session {
    fn plain(&self) -> String {
        let (account, scope) = (&self.account_number, &self.scope_numbers);
        format!("{self:#?} of {account}, scope {scope:?}")
    }
}

impl Plain for Vec<OpenSession> {
    fn plain(&self) -> String {
        format!("{self:#?}")
    }
}

impl Plain for SetTemporaryPasswordResponse {
    fn plain(&self) -> String {
        format!("{self:?} of {}", self.account_number)
    }
}

impl Plain for Vec<Login> {
    fn plain(&self) -> String {
        let login = |login: &Login| {
            let (role, scope) = (login.role(), &login.scope_numbers);
            format!("{} as {role:?}, scope {scope:?}\n", login.number)
        };
        self.iter().map(login).collect()
    }
}

impl Plain for PreviewMigrationResponse {
    fn plain(&self) -> String {
        let (asked, unready) = (&self.required_numbers, &self.unready_numbers);
        format!(
            "asked for {asked:?}, unready {unready:?}, then\n{}",
            self.logins.plain()
        )
    }
}
