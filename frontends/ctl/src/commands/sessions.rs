//! `aikagictl sessions` (OPS-2, SESS-2).

use aikagi_api::authentication::v1::{EndSessionsRequest, ListSessionsRequest, OpenSession};
use serde::Serialize;

use crate::cli::Sessions as Command;
use crate::connection::Connection;
use crate::error::CommandError;
use crate::output::{Output, Printable, table};
use crate::views::{Moment, named};

pub(crate) async fn run(
    command: Command,
    connection: &Connection,
    output: &mut Output,
) -> Result<(), CommandError> {
    let mut authentication = connection.authentication();
    match command {
        Command::List { number } => {
            let request = ListSessionsRequest {
                number: number.clone(),
            };
            let mut response = connection
                .call(authentication.list_sessions(request))
                .await?;
            let sessions = std::mem::take(&mut response.sessions);
            output.show(&Sessions {
                number,
                sessions: sessions.into_iter().map(Session::from).collect(),
            })
        }
        Command::End { number } => {
            let request = EndSessionsRequest {
                number: number.clone(),
            };
            connection
                .call(authentication.end_sessions(request))
                .await?;
            output.show(&Ended {
                number,
                ended: true,
            })
        }
    }
}

#[derive(Debug, Serialize)]
struct Sessions {
    number: String,
    sessions: Vec<Session>,
}

#[derive(Debug, Serialize)]
struct Session {
    open_time: Option<Moment>,
    idle_expire_time: Option<Moment>,
    expire_time: Option<Moment>,
    must_change_reason: Option<&'static str>,
}

impl From<OpenSession> for Session {
    fn from(session: OpenSession) -> Self {
        Self {
            open_time: Moment::of(session.open_time),
            idle_expire_time: Moment::of(session.idle_expire_time),
            expire_time: Moment::of(session.expire_time),
            must_change_reason: named(
                session.must_change_reason().as_str_name(),
                "MUST_CHANGE_REASON_",
            ),
        }
    }
}

impl Printable for Sessions {
    fn text(&self) -> String {
        if self.sessions.is_empty() {
            return format!("{} has no live session", self.number);
        }
        let time = |moment: Option<Moment>| {
            moment.map_or_else(|| "-".to_owned(), |moment| moment.to_string())
        };
        let rows = self.sessions.iter().map(|session| {
            vec![
                time(session.open_time),
                time(session.idle_expire_time),
                time(session.expire_time),
                session.must_change_reason.map_or_else(
                    || "everything".to_owned(),
                    |reason| format!("change the password ({reason})"),
                ),
            ]
        });
        table(&["OPENED", "ENDS IF UNUSED", "ENDS", "MAY DO"], rows)
    }
}

#[derive(Debug, Serialize)]
struct Ended {
    number: String,
    ended: bool,
}

impl Printable for Ended {
    fn text(&self) -> String {
        format!("all sessions of {} were ended", self.number)
    }
}
