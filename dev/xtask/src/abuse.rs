//! `cargo xtask abuse`: the attacks that have hit systems of this kind, one after another, each with its verdict.
//! All of them are tests that `cargo xtask test` runs, too.

use std::collections::BTreeSet;
use std::process::Stdio;

use aikagi_devkit::cargo::build_with_tests;
use aikagi_devkit::console::Console;
use aikagi_devkit::install::{self, Tool};
use aikagi_devkit::postgres::{self, Cluster, SUPERUSER, TEST_POSTGRES};
use aikagi_devkit::repo::Repo;
use anyhow::{Context, Result, bail};
use serde::Deserialize;

use crate::tools::{self, Subcommand};

/// What somebody tries, and the tests that try it.
struct Attack {
    tries: &'static str,
    tests: &'static [&'static str],
}

const ATTACKS: [Attack; 18] = [
    Attack {
        tries: "guess at one number from everywhere at once, over one, two, three and five replicas, with Redis emptied or one killed midway",
        tests: &[
            "a_storm_gets_exactly_three_looks_at_a_temporary_password",
            "a_storm_gets_exactly_ten_looks_at_a_permanent_password",
            "a_storm_over_processes_is_counted_exactly",
            "a_replica_killed_in_a_storm_gives_no_attempt",
        ],
    },
    Attack {
        tries: "set the count back: by another form, a right password elsewhere, a loss of Redis, a fault between",
        tests: &[
            "only_a_login_sets_the_count_to_zero",
            "one_count_for_every_form",
            "a_permanent_password_is_guarded_without_redis",
            "trouble_between_charge_and_settlement_gives_no_attempt",
        ],
    },
    Attack {
        tries: "give a guess up at every step of it",
        tests: &[
            "a_guess_given_up_is_counted",
            "a_change_given_up_is_counted",
            "an_attempt_is_settled_though_its_caller_has_gone",
            "work_past_its_deadline_is_dropped_before_hashing",
        ],
    },
    Attack {
        tries: "write one number in many ways",
        tests: &["numbers_are_normalised_at_every_entrance"],
    },
    Attack {
        tries: "use the forms of the change and the migration as oracles",
        tests: &[
            "each_wrong_password_is_named_and_charged",
            "the_tenth_wrong_attempt_kills",
            "guesses_elsewhere_end_no_session",
        ],
    },
    Attack {
        tries: "go on with a form whose credential has died",
        tests: &[
            "no_form_outlives_its_credential",
            "a_change_ends_every_other_session",
        ],
    },
    Attack {
        tries: "do more in a must-change session, at the services themselves too",
        tests: &["a_must_change_session_may_do_nothing_else"],
    },
    Attack {
        tries: "plant a token before the login, use one after its rotation, bring one back with a stale Redis",
        tests: &[
            "no_token_can_be_fixed_before_the_login",
            "what_ends_a_session",
            "a_stale_replica_of_redis_revives_nothing",
        ],
    },
    Attack {
        tries: "send again: turns of a call, proofs of another line, a preview of another unit, a stale view",
        tests: &[
            "turns_sent_again_set_nothing",
            "proofs_of_one_line_are_none_for_another",
            "a_stale_view_changes_nothing",
            "turns_out_of_place_are_refused",
        ],
    },
    Attack {
        tries: "forge a client's address, or spray from one",
        tests: &[
            "clients_behind_a_proxy_are_told_apart",
            "an_address_that_tries_too_often_waits",
        ],
    },
    Attack {
        tries: "forge an identity: no certificate, one that has ended, of another authority, with another name",
        tests: &[
            "a_certificate_that_proves_nothing_lets_nobody_in",
            "a_service_lets_in_whom_the_contract_names",
            "the_private_port_lets_in_whom_the_contract_names",
            "a_forged_caller_changes_nothing",
        ],
    },
    Attack {
        tries: "tell numbers apart by a refusal's words, size, status, headers and work",
        tests: &["every_refusal_looks_and_costs_the_same"],
    },
    Attack {
        tries: "act in a subscriber's browser from another site",
        tests: &["other_origins_are_refused"],
    },
    Attack {
        tries: "lock people out by load",
        tests: &[
            "what_is_refused_for_load_is_not_charged",
            "too_many_calls_at_once_are_refused",
        ],
    },
    Attack {
        tries: "send what is too large, too slow or no message at all",
        tests: &[
            "oversized_messages_are_refused",
            "what_is_no_message_is_refused",
            "the_silent_and_the_slow_keep_nobody_out",
            "broken_frames_end_their_connection_alone",
            "headers_beyond_the_limit_are_refused",
        ],
    },
    Attack {
        tries: "speak for another telephone: lines smuggled into a call, garbage, more calls than may be",
        tests: &[
            "smuggled_lines_take_no_turn",
            "garbage_changes_nothing",
            "calls_beyond_the_most_are_turned_away",
        ],
    },
    Attack {
        tries: "steal a table: copy a hash onto another row, read what Redis holds",
        tests: &[
            "a_hash_copied_onto_another_row_does_not_work",
            "the_store_knows_only_digests",
        ],
    },
    Attack {
        tries: "find a secret in logs, spans and answers",
        tests: &[
            "the_whole_story_leaves_no_secret_behind",
            "no_span_tells_a_secret",
        ],
    },
];

/// Tries every attack; fails when one gets through, or its test is gone.
pub(crate) fn run(repo: &Repo, console: Console) -> Result<()> {
    let tools = [Tool::CCompiler, Tool::PostgreSql, Tool::Redis];
    install::ensure(&tools, console)?;
    build_with_tests(repo)?;
    let dir = repo.target.join("abuse-postgres");
    let _ = std::fs::remove_dir_all(&dir);
    let cluster = Cluster::start(&dir, postgres::Options::default())?;
    let passed = passed(repo, console, &cluster)?;
    drop(cluster);
    let _ = std::fs::remove_dir_all(&dir);
    let mut through = Vec::new();
    for attack in &ATTACKS {
        let failed: Vec<&str> = attack
            .tests
            .iter()
            .copied()
            .filter(|test| !passed.contains(*test))
            .collect();
        if failed.is_empty() {
            console.line(&format!("  stopped  {}", attack.tries));
        } else {
            console.line(&format!(
                "  THROUGH  {}: {}",
                attack.tries,
                failed.join(", ")
            ));
            through.push(attack.tries);
        }
    }
    if !through.is_empty() {
        bail!(
            "{} of {} attacks were not stopped",
            through.len(),
            ATTACKS.len()
        );
    }
    console.success(&format!("all {} attacks were stopped", ATTACKS.len()));
    Ok(())
}

/// The names of the tests of all attacks that have passed.
fn passed(repo: &Repo, console: Console, cluster: &Cluster) -> Result<BTreeSet<String>> {
    let filter: Vec<String> = ATTACKS
        .iter()
        .flat_map(|attack| attack.tests)
        .map(|test| format!("test(/(^|::){test}$/)"))
        .collect();
    console.step("trying every attack");
    let mut nextest = tools::subcommand(repo, console, Subcommand::Nextest)?;
    nextest
        .args([
            "run",
            "--workspace",
            "--no-fail-fast",
            "--status-level",
            "fail",
        ])
        .args(["--message-format", "libtest-json"])
        .args(["--filterset", &filter.join(" | ")])
        .env("NEXTEST_EXPERIMENTAL_LIBTEST_JSON", "1")
        .env(TEST_POSTGRES, cluster.url("postgres", SUPERUSER))
        .stdout(Stdio::piped());
    let told = nextest
        .spawn()
        .and_then(std::process::Child::wait_with_output)
        .context("the tests cannot be run")?;
    Ok(names_of_passed(&String::from_utf8_lossy(&told.stdout)))
}

/// One of libtest's lines of JSON.
#[derive(Debug, Deserialize)]
struct Told {
    #[serde(rename = "type")]
    of: String,
    event: String,
    #[serde(default)]
    name: String,
}

/// The tests that libtest's lines of JSON call passed, without what is before their names. Of several tests with one
/// name all have to pass.
fn names_of_passed(lines: &str) -> BTreeSet<String> {
    let events: Vec<Told> = lines
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(|event: &Told| event.of == "test")
        .collect();
    let names = |what: &str| -> BTreeSet<String> {
        let told = events.iter().filter(|event| event.event == what);
        told.filter_map(|event| event.name.rsplit(['$', ':']).next())
            .map(str::to_owned)
            .collect()
    };
    &names("ok") - &names("failed")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passed_is_read_by_name() {
        let lines = r#"{"type":"suite","event":"started","test_count":2}
            {"type":"test","event":"ok","name":"aikagi-tests::e2e$login::one","exec_time":0.1}
            {"type":"test","event":"failed","name":"aikagi-tests::e2e$login::other"}
            {"type":"test","event":"ok","name":"aikagi-tests::e2e$login::twice"}
            {"type":"test","event":"failed","name":"aikagi-tests::e2e$password::twice"}"#;
        assert_eq!(names_of_passed(lines), BTreeSet::from(["one".to_owned()]));
    }

    #[test]
    fn every_test_of_an_attack_is_in_the_tree() {
        let repo = Repo::here().unwrap();
        let sources = repo
            .git(&["grep", "-hoE", "fn [a-z_0-9]+\\(", "--", "*.rs"])
            .unwrap();
        let known: BTreeSet<&str> = sources
            .lines()
            .filter_map(|line| line.strip_prefix("fn ")?.strip_suffix('('))
            .collect();
        for test in ATTACKS.iter().flat_map(|attack| attack.tests) {
            assert!(known.contains(test), "{test}");
        }
    }
}
