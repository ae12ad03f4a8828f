//! Responses as text for people. The Debug of a message hides secrets (INV-8), but a failing test
//! must show them.

use aikagi_api::authentication::v1::{OpenSession, Session};
use aikagi_api::edge::v1::PreviewMigrationResponse;
use aikagi_api::issuance::v1::SetTemporaryPasswordResponse;
use aikagi_api::units::v1::{Line, Login};

use crate::rules::{Answer, Heard};

/// A response that can be printed in full.
pub trait Readable {
    /// The response as text.
    fn readable(&self) -> String;
}

impl<T: Readable> Readable for Answer<T> {
    fn readable(&self) -> String {
        match self {
            Ok(answer) => answer.readable(),
            Err(refused) => format!("{refused:?}"),
        }
    }
}

impl Readable for () {
    fn readable(&self) -> String {
        "done".to_owned()
    }
}

impl Readable for String {
    fn readable(&self) -> String {
        self.clone()
    }
}

impl Readable for Heard {
    fn readable(&self) -> String {
        format!("{self:?}")
    }
}

impl Readable for Line {
    fn readable(&self) -> String {
        format!("{self:#?}")
    }
}

impl Readable for Session {
    fn readable(&self) -> String {
        let (account, scope) = (&self.account_number, &self.scope_numbers);
        format!("{self:#?} of {account}, scope {scope:?}")
    }
}

impl Readable for Vec<OpenSession> {
    fn readable(&self) -> String {
        format!("{self:#?}")
    }
}

impl Readable for SetTemporaryPasswordResponse {
    fn readable(&self) -> String {
        format!("{self:?} of {}", self.account_number)
    }
}

impl Readable for Vec<Login> {
    fn readable(&self) -> String {
        let login = |login: &Login| {
            let (role, scope) = (login.role(), &login.scope_numbers);
            format!("{} as {role:?}, scope {scope:?}\n", login.number)
        };
        self.iter().map(login).collect()
    }
}

impl Readable for PreviewMigrationResponse {
    fn readable(&self) -> String {
        let (asked, unready) = (&self.required_numbers, &self.unready_numbers);
        format!(
            "asked for {asked:?}, unready {unready:?}, then\n{}",
            self.logins.readable()
        )
    }
}
