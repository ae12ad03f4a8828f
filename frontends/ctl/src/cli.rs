//! What can be typed, with help that teaches it.

mod help;

use std::path::PathBuf;
use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveTime, TimeDelta, Utc};
use clap::{Args, Parser, Subcommand, ValueEnum};

/// Provision lines, explain logins, end sessions, read and verify the audit trail.
#[derive(Debug, Parser)]
#[command(name = "aikagictl", version, after_long_help = help::PROGRAM, max_term_width = 100)]
#[command(disable_help_subcommand = true)]
pub struct Arguments {
    /// How to reach the system.
    #[command(flatten)]
    pub reach: ConnectionArguments,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// How to reach the system, and how to print. Each flag wins over its variable of the environment, that over
/// `--state`, and that over the settings file.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Reaching the system")]
pub struct ConnectionArguments {
    /// The gateway's private port, as `host:port`; several are tried one after another
    #[arg(
        long,
        global = true,
        env = "AIKAGICTL_GATEWAY",
        value_name = "HOST:PORT",
        value_delimiter = ','
    )]
    pub gateway: Vec<String>,
    /// Your certificate, PEM; its identity is `spiffe://aikagi/operator` or `.../operator/<name>`
    #[arg(
        long,
        global = true,
        env = "AIKAGICTL_CERTIFICATE",
        value_name = "FILE"
    )]
    pub certificate: Option<PathBuf>,
    /// Your certificate's private key, PEM, mode 600
    #[arg(long, global = true, env = "AIKAGICTL_KEY", value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// The authorities that the gateway's certificate may come from, PEM
    #[arg(
        long,
        global = true,
        env = "AIKAGICTL_AUTHORITIES",
        value_name = "FILE"
    )]
    pub authorities: Option<PathBuf>,
    /// Take all of the above from the file that `cargo xtask up` writes (target/up/state.json)
    #[arg(long, global = true, env = "AIKAGICTL_STATE", value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// The settings file, TOML: gateway, certificate, key, authorities, timeout
    ///
    /// Without it, `$XDG_CONFIG_HOME/aikagi/aikagictl.toml` (`~/.config` if that is not set) and then
    /// `/etc/aikagi/aikagictl.toml` are looked for.
    #[arg(long, global = true, env = "AIKAGICTL_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How long one call may take, such as `10s` [default: 10s]
    #[arg(long, global = true, env = "AIKAGICTL_TIMEOUT", value_parser = humantime::parse_duration)]
    pub timeout: Option<Duration>,
    /// How to print [default: human]
    #[arg(long, global = true, env = "AIKAGICTL_OUTPUT", value_name = "FORMAT")]
    pub output: Option<Format>,
}

/// How to print.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    #[default]
    Human,
    /// One JSON document a line; docs/aikagictl.md says which keys there are
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add, show and close lines, reset their unit
    #[command(subcommand)]
    Line(Line),
    /// Add, remove, subscribe and unsubscribe numbers of a line
    #[command(subcommand)]
    Number(Number),
    /// Say why a number can or cannot log in, and what would help
    #[command(after_long_help = help::EXPLAIN)]
    Explain {
        /// The number, in any form: 0312340001, 03-1234-0001
        number: String,
    },
    /// List and end the sessions of an account
    #[command(subcommand)]
    Sessions(Sessions),
    /// Read the audit trail, and check that it is whole
    #[command(subcommand)]
    Audit(Audit),
    /// Add lines in bulk from a CSV file
    #[command(after_long_help = help::IMPORT)]
    Import(Import),
    /// Ask the gateway whether it is ready; exit 0 if so, 5 if not
    Healthcheck,
    /// Look at everything on the way to the system, and say what is wrong and how to mend it
    #[command(after_long_help = help::DOCTOR)]
    Doctor,
    /// Print a script that completes this command line in a shell
    #[command(after_long_help = help::COMPLETIONS)]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Write man pages into a directory
    Man {
        /// The directory; it is made if it is not there
        directory: PathBuf,
    },
}

/// Lines.
#[derive(Debug, Subcommand)]
pub enum Line {
    /// Add a line with its numbers, all of it or nothing
    #[command(after_long_help = help::LINE_ADD)]
    Add {
        /// The number that names the line
        contract_number: String,
        /// Numbers that have the option service, the contract number too if it has
        #[arg(long, value_name = "NUMBER", value_delimiter = ',')]
        subscribed: Vec<String>,
        /// Further numbers that have not
        #[arg(long, value_name = "NUMBER", value_delimiter = ',')]
        unsubscribed: Vec<String>,
    },
    /// Show the state of the line that a number is on
    Show {
        /// Any number of the line
        number: String,
    },
    /// Close a line: its contract has ended, its passwords are void, its sessions end
    Close {
        /// Any number of the line
        number: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Take a line back to having no unit: all its passwords go, all its sessions end
    ResetUnit {
        /// Any number of the line
        number: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// Numbers.
#[derive(Debug, Subcommand)]
pub enum Number {
    /// Add a number to a line
    Add {
        /// Any number of the line
        line: String,
        /// The new number
        number: String,
        /// It has the option service
        #[arg(long)]
        subscribed: bool,
    },
    /// Take a number off its line: its password goes, its sessions end
    Remove {
        /// The number; not the contract number
        number: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Give a number the option service
    Subscribe {
        /// The number
        number: String,
    },
    /// Take the option service from a number; if it is no account any more, its password is void
    Unsubscribe {
        /// The number
        number: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// Sessions.
#[derive(Debug, Subcommand)]
pub enum Sessions {
    /// List the live sessions of an account; never a token
    List {
        /// The account
        number: String,
    },
    /// End every session of an account
    End {
        /// The account
        number: String,
    },
}

/// The audit trail.
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// List events, oldest first
    #[command(after_long_help = help::AUDIT_LIST)]
    List(AuditList),
    /// Recompute the chains, and find events that were removed, altered, inserted or moved
    #[command(after_long_help = help::AUDIT_VERIFY)]
    Verify {
        /// Only the chain of the line that this number is on
        number: Option<String>,
        /// Compare with the heads in this file, and note the new ones there if all is whole
        #[arg(long, value_name = "FILE")]
        anchor: Option<PathBuf>,
    },
}

/// Which events.
#[derive(Debug, Args)]
pub struct AuditList {
    /// Only events of the line that this number is on, or that name it
    #[arg(long)]
    pub number: Option<String>,
    /// Only this action, such as LOGIN; may be given several times
    #[arg(long, value_name = "ACTION", value_delimiter = ',')]
    pub action: Vec<String>,
    /// Only what ended so
    #[arg(long, ignore_case = true)]
    pub outcome: Option<OutcomeFilter>,
    /// Only events of this moment or later: 2026-11-24T09:30:00+09:00, 2026-11-24 (UTC), or how long ago: 2h
    #[arg(long, value_parser = when)]
    pub since: Option<When>,
    /// Only events before this moment
    #[arg(long, value_parser = when)]
    pub until: Option<When>,
    /// The newest so many
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,
    /// Every event that matches, instead of the newest
    #[arg(long, conflicts_with_all = ["limit", "follow"])]
    pub all: bool,
    /// Go on with new events as they are recorded, until Ctrl-C
    #[arg(long, conflicts_with = "until")]
    pub follow: bool,
    /// How often to look for new events
    #[arg(long, default_value = "2s", value_parser = humantime::parse_duration, requires = "follow")]
    pub interval: Duration,
}

/// How a decision ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutcomeFilter {
    /// It was done
    Done,
    /// It was refused
    Refused,
}

/// What to import.
#[derive(Debug, Args)]
pub struct Import {
    /// The CSV file
    pub file: PathBuf,
    /// Only look: say what would become of each row, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Begin with the first row, whatever an earlier run has done
    #[arg(long)]
    pub from_start: bool,
    /// Rows that are sent, and committed, at once
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    pub batch: u32,
    /// Batches sent before the first of them is answered
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=16))]
    pub in_flight: u8,
}

/// A moment, as typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// This one.
    At(DateTime<Utc>),
    /// So long ago.
    Ago(TimeDelta),
}

impl When {
    /// The moment meant, at this moment.
    pub fn from(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::At(moment) => moment,
            Self::Ago(ago) => now.checked_sub_signed(ago).unwrap_or(DateTime::UNIX_EPOCH),
        }
    }
}

fn when(text: &str) -> Result<When, String> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Ok(When::At(moment.to_utc()));
    }
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Ok(When::At(day.and_time(NaiveTime::MIN).and_utc()));
    }
    humantime::parse_duration(text)
        .ok()
        .and_then(|ago| TimeDelta::from_std(ago).ok())
        .map(When::Ago)
        .ok_or_else(|| {
            "write a moment (2026-11-24T09:30:00+09:00), a day (2026-11-24), or how long ago (2h)"
                .to_owned()
        })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn moments_are_read_as_people_write_them() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let moment = |text| when(text).map(|when| when.from(now).to_rfc3339());
        assert_eq!(
            moment("2026-11-24T09:30:00+09:00").unwrap(),
            "2026-11-24T00:30:00+00:00"
        );
        assert_eq!(moment("2026-11-24").unwrap(), "2026-11-24T00:00:00+00:00");
        assert_eq!(moment("90m").unwrap(), "2027-01-15T06:30:00+00:00");
        assert!(moment("yesterday").is_err());
    }
}
