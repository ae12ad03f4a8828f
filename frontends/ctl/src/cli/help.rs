//! The long parts of the help, with examples.

pub(super) const PROGRAM: &str = "\
Examples:
  aikagictl --state target/up/state.json line show 0312345001
  aikagictl line add 0312340001 --subscribed 0312340002,0312340003 --unsubscribed 0312340004
  aikagictl explain 0312340002
  aikagictl audit list --number 0312340002 --since 2h
  aikagictl audit verify --anchor /secure/aikagi-heads
  aikagictl import lines.csv
  aikagictl doctor

Settings file (flags and environment variables override it):
  gateway = [\"gateway.internal:8444\"]
  certificate = \"/etc/aikagi/alice.pem\"
  key = \"/etc/aikagi/alice.key\"
  authorities = \"/etc/aikagi/ca.pem\"

Exit codes:
  0    done
  1    fault: an error in aikagictl or in the system
  2    usage: invalid arguments or settings, or not a telephone number
  3    refused: you have no permission, or the present state does not allow it
  4    not found
  5    unavailable: the system cannot be reached or is not ready; try again later
  6    finished, with problems found: rejected rows, flaws in the audit trail, failed checks of doctor
  130  stopped by Ctrl-C

A killed password cannot be unlocked. Set a new temporary password by telephone; it works immediately.";

pub(super) const EXPLAIN: &str = "\
Examples:
  aikagictl explain 03-1234-0002
  aikagictl explain 0312340002 --output json

This command changes nothing and never shows a secret. It also explains numbers that are on no line.";

pub(super) const LINE_ADD: &str = "\
Examples:
  The contract number and one additional number have the option service, another additional number does not:
    aikagictl line add 0312340001 --subscribed 0312340001,0312340002 --unsubscribed 0312340003
  The contract number does not have the option service:
    aikagictl line add 0312340001 --subscribed 0312340002

A new line has no unit. The first temporary password, set by telephone, chooses the unit. Numbers of a closed line can
be added to a new line.";

pub(super) const AUDIT_LIST: &str = "\
Examples:
  aikagictl audit list --limit 20
  aikagictl audit list --number 0312340002 --since 2026-11-01
  aikagictl audit list --action LOGIN --outcome refused --since 15m --follow
  aikagictl audit list --all --output json > trail.ndjson

With --follow, an event that is committed late is listed after events with higher ids. Each event is listed exactly
once.";

pub(super) const AUDIT_VERIFY: &str = "\
Examples:
  aikagictl audit verify
  aikagictl audit verify 0312340002
  aikagictl audit verify --anchor /secure/aikagi-heads

The hash of each event covers the event before it. This command recomputes all hashes on this machine from the events.
A person who can rewrite the whole database can rewrite a whole chain. Therefore keep the anchor file in a place where
this person cannot change it, and verify against it regularly. Exit code 6: flaws were found.";

pub(super) const IMPORT: &str = "\
The file is CSV in UTF-8 with this header. Each row adds one line. Separate the numbers in a list with `;` or spaces:
  contract_number,subscribed_numbers,unsubscribed_numbers
  0312340001,0312340001;0312340002,0312340003
  0612340001,,

Examples:
  aikagictl import lines.csv --dry-run
  aikagictl import lines.csv
  aikagictl import lines.csv.rejected.csv

A row is added completely or not at all. A bad row does not prevent the import of other rows. It is reported with its
row number (the header is row 1) and the reason, and written to FILE.rejected.csv. Correct that file and import it.
FILE.progress records the rows that the system has processed. After Ctrl-C, a lost connection or a full disk the next
run continues after these rows. Importing a file again is safe: if a line already exists with the same numbers and
subscriptions, its row is counted as unchanged. Exit code 6: rows were rejected.";

pub(super) const DOCTOR: &str = "\
Checks, in this order: the settings; the certificate files and their expiry; the gateway's name, port, certificate and
identity; whether the gateway accepts your certificate; the gateway's health; the clocks of this machine and the
gateway; the services behind the gateway. It also shows your deny list, that of each gateway, and how long connections
live. Each problem is reported with its remedy. Exit code 6: a check failed.";

pub(super) const COMPLETIONS: &str = "\
Examples:
  aikagictl completions bash > /etc/bash_completion.d/aikagictl
  aikagictl completions zsh > \"${fpath[1]}/_aikagictl\"
  aikagictl completions fish > ~/.config/fish/completions/aikagictl.fish";
