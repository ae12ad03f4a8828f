//! The arguments of `aikagictl`, with their help texts.

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
    /// The connection to the system, and the output format.
    #[command(flatten)]
    pub connection: ConnectionArguments,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The connection to the system, and the output format.
///
/// A flag overrides its environment variable, the variable overrides `--state`, and `--state` overrides the settings
/// file.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Connection")]
pub struct ConnectionArguments {
    /// The gateway's private port; if several are given, they are tried in order
    #[arg(
        long,
        global = true,
        env = "AIKAGICTL_GATEWAY",
        value_name = "HOST:PORT",
        value_delimiter = ','
    )]
    pub gateway: Vec<String>,
    /// Your certificate (PEM) with the identity `spiffe://aikagi/operator` or `spiffe://aikagi/operator/<name>`
    #[arg(
        long,
        global = true,
        env = "AIKAGICTL_CERTIFICATE",
        value_name = "FILE"
    )]
    pub certificate: Option<PathBuf>,
    /// The private key of your certificate (PEM, file mode 600)
    #[arg(long, global = true, env = "AIKAGICTL_KEY", value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// The certificate authorities that may issue the gateway's certificate (PEM)
    #[arg(
        long,
        global = true,
        env = "AIKAGICTL_AUTHORITIES",
        value_name = "FILE"
    )]
    pub authorities: Option<PathBuf>,
    /// The deny list: gateways that must not be trusted, by serial number or identity; `doctor` checks it
    #[arg(long, global = true, env = "AIKAGICTL_DENY_LIST", value_name = "FILE")]
    pub deny_list: Option<PathBuf>,
    /// Read gateway, certificate, key and authorities from the file that `cargo xtask up` writes (target/up/state.json)
    #[arg(long, global = true, env = "AIKAGICTL_STATE", value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// The settings file (TOML) with the keys gateway, certificate, key, authorities, `deny_list` and timeout
    ///
    /// Default: `$XDG_CONFIG_HOME/aikagi/aikagictl.toml` (`~/.config` if the variable is not set), and then
    /// `/etc/aikagi/aikagictl.toml`.
    #[arg(long, global = true, env = "AIKAGICTL_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The maximum time of one request, such as `10s` [default: 10s]
    #[arg(long, global = true, env = "AIKAGICTL_TIMEOUT", value_parser = humantime::parse_duration)]
    pub timeout: Option<Duration>,
    /// The output format [default: human]
    #[arg(long, global = true, env = "AIKAGICTL_OUTPUT", value_name = "FORMAT")]
    pub output: Option<Format>,
}

/// The output format.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text for people
    #[default]
    Human,
    /// One JSON document per line, with the keys listed in docs/aikagictl.md
    Json,
}

/// The command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add, show and close lines, and reset their unit
    #[command(subcommand)]
    Line(Line),
    /// Add, remove, subscribe and unsubscribe numbers of a line
    #[command(subcommand)]
    Number(Number),
    /// Explain why a number can or cannot log in, and show the remedy
    #[command(after_long_help = help::EXPLAIN)]
    Explain {
        /// The number, with or without hyphens: 0312340001, 03-1234-0001
        number: String,
    },
    /// List and end the sessions of an account
    #[command(subcommand)]
    Sessions(Sessions),
    /// Read the audit trail, and verify that nobody has changed it
    #[command(subcommand)]
    Audit(Audit),
    /// Add lines in bulk from a CSV file
    #[command(after_long_help = help::IMPORT)]
    Import(Import),
    /// Check that the gateway is ready: exit code 0 if it is ready, 5 if not
    Healthcheck,
    /// Check settings, certificates and the connection to the system, and show the remedy for each problem
    #[command(after_long_help = help::DOCTOR)]
    Doctor,
    /// Print a completion script for a shell
    #[command(after_long_help = help::COMPLETIONS)]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write man pages into a directory
    Man {
        /// The directory; it is created if it does not exist
        directory: PathBuf,
    },
}

/// Lines.
#[derive(Debug, Subcommand)]
pub enum Line {
    /// Add a line with all its numbers; if one number is refused, nothing is added
    #[command(after_long_help = help::LINE_ADD)]
    Add {
        /// The contract number, which identifies the line
        contract_number: String,
        /// Numbers with the option service; list the contract number here if it has the service
        #[arg(long, value_name = "NUMBER", value_delimiter = ',')]
        subscribed: Vec<String>,
        /// Additional numbers without the option service
        #[arg(long, value_name = "NUMBER", value_delimiter = ',')]
        unsubscribed: Vec<String>,
    },
    /// Show the line of a number
    Show {
        /// Any number of the line
        number: String,
    },
    /// Close a line whose contract has ended; this voids its passwords and ends its sessions
    Close {
        /// Any number of the line
        number: String,
        /// Do not ask for confirmation
        #[arg(long)]
        yes: bool,
    },
    /// Remove the unit of a line; this voids all its passwords and ends all its sessions
    ResetUnit {
        /// Any number of the line
        number: String,
        /// Do not ask for confirmation
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
        /// The number has the option service
        #[arg(long)]
        subscribed: bool,
    },
    /// Remove a number from its line; this voids its password and ends its sessions
    Remove {
        /// The number, which must not be the contract number
        number: String,
        /// Do not ask for confirmation
        #[arg(long)]
        yes: bool,
    },
    /// Subscribe a number to the option service
    Subscribe {
        /// The number
        number: String,
    },
    /// Unsubscribe a number from the option service; this voids its password if the number stops being an account
    Unsubscribe {
        /// The number
        number: String,
        /// Do not ask for confirmation
        #[arg(long)]
        yes: bool,
    },
}

/// Sessions.
#[derive(Debug, Subcommand)]
pub enum Sessions {
    /// List the live sessions of an account, without their tokens
    List {
        /// The account
        number: String,
    },
    /// End all sessions of an account
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
    /// Recompute the hash chains, and find events that were removed, altered, inserted or moved
    #[command(after_long_help = help::AUDIT_VERIFY)]
    Verify {
        /// Only the chain of this number's line
        number: Option<String>,
        /// Compare the chains with the heads in this file, and write the new heads to it if no flaw is found
        #[arg(long, value_name = "FILE")]
        anchor: Option<PathBuf>,
    },
}

/// The events to list.
#[derive(Debug, Args)]
pub struct AuditList {
    /// Only events of this number's line, or events that name this number
    #[arg(long)]
    pub number: Option<String>,
    /// Only events with this action, such as LOGIN; may be repeated
    #[arg(long, value_name = "ACTION", value_delimiter = ',')]
    pub action: Vec<String>,
    /// Only events with this outcome
    #[arg(long, ignore_case = true)]
    pub outcome: Option<OutcomeFilter>,
    /// Only events at or after this time: 2026-11-24T09:30:00+09:00, 2026-11-24 (UTC), or 2h for two hours ago
    #[arg(long, value_parser = time_argument)]
    pub since: Option<TimeArgument>,
    /// Only events before this time
    #[arg(long, value_parser = time_argument)]
    pub until: Option<TimeArgument>,
    /// The maximum number of events; the newest are listed
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,
    /// List all matching events, not only the newest
    #[arg(long, conflicts_with_all = ["limit", "follow"])]
    pub all: bool,
    /// Continue to list new events until Ctrl-C
    #[arg(long, conflicts_with = "until")]
    pub follow: bool,
    /// The time between two queries for new events
    #[arg(long, default_value = "2s", value_parser = humantime::parse_duration, requires = "follow")]
    pub interval: Duration,
}

/// The outcome of the events to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OutcomeFilter {
    /// The action was done
    Done,
    /// The action was refused
    Refused,
}

/// The file to import, and the options of the import.
#[derive(Debug, Args)]
pub struct Import {
    /// The CSV file
    pub file: PathBuf,
    /// Check each row and report what the import would do, but change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Start with the first row, even if an earlier run was stopped later in the file
    #[arg(long)]
    pub from_start: bool,
    /// The number of rows in a batch, which is sent and committed as a whole
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=5_000))]
    pub batch: u32,
    /// The maximum number of batches that wait for their responses at the same time
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=16))]
    pub in_flight: u8,
}

/// A time in an argument, either a moment or a duration before now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeArgument {
    /// A moment.
    At(DateTime<Utc>),
    /// A duration before now.
    Ago(TimeDelta),
}

impl TimeArgument {
    /// Converts the argument to a moment. `now` is the present time.
    pub fn resolve(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::At(moment) => moment,
            Self::Ago(ago) => now.checked_sub_signed(ago).unwrap_or(DateTime::UNIX_EPOCH),
        }
    }
}

fn time_argument(text: &str) -> Result<TimeArgument, String> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Ok(TimeArgument::At(moment.to_utc()));
    }
    if let Ok(day) = text.parse::<NaiveDate>() {
        return Ok(TimeArgument::At(day.and_time(NaiveTime::MIN).and_utc()));
    }
    humantime::parse_duration(text)
        .ok()
        .and_then(|ago| TimeDelta::from_std(ago).ok())
        .map(TimeArgument::Ago)
        .ok_or_else(|| {
            "expected a time (2026-11-24T09:30:00+09:00), a day (2026-11-24) or a duration before now (2h)"
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
    fn times_days_and_durations_are_parsed() {
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let moment = |text| time_argument(text).map(|time| time.resolve(now).to_rfc3339());
        assert_eq!(
            moment("2026-11-24T09:30:00+09:00").unwrap(),
            "2026-11-24T00:30:00+00:00"
        );
        assert_eq!(moment("2026-11-24").unwrap(), "2026-11-24T00:00:00+00:00");
        assert_eq!(moment("90m").unwrap(), "2027-01-15T06:30:00+00:00");
        assert!(moment("yesterday").is_err());
    }
}
