//! The parts of the help that teach by example.

pub(super) const PROGRAM: &str = "\
Examples:
  aikagictl --state target/up/state.json line show 0312345001
  aikagictl line add 0312340001 --subscribed 0312340002,0312340003 --unsubscribed 0312340004
  aikagictl explain 0312340002
  aikagictl audit list --number 0312340002 --since 2h
  aikagictl audit verify --anchor /secure/aikagi-heads
  aikagictl import lines.csv
  aikagictl doctor

Settings file (all of it can be given by flags and variables instead):
  gateway = [\"gateway.internal:8444\"]
  certificate = \"/etc/aikagi/alice.pem\"
  key = \"/etc/aikagi/alice.key\"
  authorities = \"/etc/aikagi/ca.pem\"

Exit codes:
  0    done
  1    a fault, here or in the system
  2    usage: arguments or settings that cannot be, or a number that is none
  3    refused: not allowed to you, or not possible as things stand
  4    not found
  5    unavailable: the system cannot be reached, or is not ready; trying again can help
  6    done, and not all is well: rows rejected, a trail that is not whole, a doctor's finding
  130  stopped by Ctrl-C

Nobody can lift a killed password: a new temporary one by telephone is the way, and it works at once.";

pub(super) const EXPLAIN: &str = "\
Examples:
  aikagictl explain 03-1234-0002
  aikagictl explain 0312340002 --output json

It changes nothing, tells of numbers on no line too, and never tells a secret.";

pub(super) const LINE_ADD: &str = "\
Examples:
  A line whose contract number has the option service, with one more number that has it and one that has not:
    aikagictl line add 0312340001 --subscribed 0312340001,0312340002 --unsubscribed 0312340003
  A line whose contract number has not:
    aikagictl line add 0312340001 --subscribed 0312340002

The line has no unit yet: the first temporary password, set by telephone, chooses it. A closed line that has one of
the numbers gives way to the new one.";

pub(super) const AUDIT_LIST: &str = "\
Examples:
  aikagictl audit list --limit 20
  aikagictl audit list --number 0312340002 --since 2026-11-01
  aikagictl audit list --action LOGIN --outcome refused --since 15m --follow
  aikagictl audit list --all --output json > trail.ndjson

With --follow an event that is committed late appears after events with higher ids; none is left out, none told twice.";

pub(super) const AUDIT_VERIFY: &str = "\
Examples:
  aikagictl audit verify
  aikagictl audit verify 0312340002
  aikagictl audit verify --anchor /secure/aikagi-heads

Every event's hash covers the event before it. The hashes are recomputed on this machine; nothing is believed but the
events themselves. Who can rewrite the whole database can rewrite a whole chain: keep the anchor file where they cannot
reach, and verify against it again and again. Exit code 6: not whole.";

pub(super) const IMPORT: &str = "\
The file is CSV, UTF-8, with this header; each row is a line, lists are separated by `;` or spaces:
  contract_number,subscribed_numbers,unsubscribed_numbers
  0312340001,0312340001;0312340002,0312340003
  0612340001,,

Examples:
  aikagictl import lines.csv --dry-run
  aikagictl import lines.csv
  aikagictl import lines.csv.rejected.csv

A row is added whole or not at all. Bad rows are told with their place in the file (its first line is 1) and the reason,
and written to FILE.rejected.csv, which can be mended and imported by itself; the good ones are kept. FILE.progress
remembers what was answered: after Ctrl-C, a lost connection or a full disk the next run goes on from there. Importing a
file again does no harm: a line that stands already just like its row is counted as unchanged. Exit code 6: rows were
rejected.";

pub(super) const DOCTOR: &str = "\
Looks, one after another, at the settings, the certificate files and how long they last, the gateway's name, port,
certificate and identity, whether it accepts you, its health, the services behind it, and the difference of the clocks.
Each finding says how to mend it. Exit code 6: something is wrong.";

pub(super) const COMPLETIONS: &str = "\
Examples:
  aikagictl completions bash > /etc/bash_completion.d/aikagictl
  aikagictl completions zsh > \"${fpath[1]}/_aikagictl\"
  aikagictl completions fish > ~/.config/fish/completions/aikagictl.fish";
