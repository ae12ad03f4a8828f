//! Outages of every store, while RPCs with the unique numbers and passwords of [`super::canaries`]
//! fail. No log contains a secret. Each service that needs the store logs one warning for each cause
//! of the outage, and one line at the end of the outage.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use aikagi_api::units::v1::AuthUnit;
use aikagi_client::Backend;
use aikagi_devkit::installation::workloads::Service;
use aikagi_devkit::system::Database;
use aikagi_devkit::{ports, postgres, process};
use aikagi_e2e::processes::{ProcessSystem, light};
use serde_json::Value;
use tonic::Status;

use super::canaries::{
    CONTRACT, Canaries, FIRST, OTHER_PERMANENT, PASSWORDS, PERMANENT, SECOND, TEMPORARY,
    WRONG_PERMANENT, numbers,
};
use super::look_into_files;

/// The role of authentication, whose password is changed.
const ROLE: &str = "aikagi_authentication";
/// The password that the test gives to this role. It is a secret, too.
const STORE_PASSWORD: &str = "Mejiro31Pt";
/// How long a service may take to log an outage or its end.
const PATIENCE: Duration = Duration::from_mins(1);

const UNAVAILABLE: &str = "dependency unavailable";
const AVAILABLE: &str = "dependency available";

/// The lines of a service's log about outages of a dependency, in order.
fn outage_lines(logs: &Path, service: Service, dependency: &str) -> Vec<Value> {
    let mut found = Vec::new();
    for file in std::fs::read_dir(logs).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !name.starts_with(service.name()) {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let all = text
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok());
        found.extend(all.filter(|line| {
            (line["message"] == UNAVAILABLE || line["message"] == AVAILABLE)
                && line["dependency"] == dependency
        }));
    }
    found
}

/// The number of lines in a service's log with this message and this dependency.
fn count(logs: &Path, service: Service, message: &str, dependency: &str) -> usize {
    let lines = outage_lines(logs, service, dependency);
    let counted = lines.iter().filter(|line| line["message"] == message);
    counted.count()
}

/// Waits until each of these services has logged at least `least` lines with this message and this
/// dependency.
fn wait_for(logs: &Path, services: &[Service], message: &str, dependency: &str, least: usize) {
    let limit = Instant::now() + PATIENCE;
    for service in services {
        while count(logs, *service, message, dependency) < least {
            assert!(
                Instant::now() < limit,
                "{}: no `{message}` of {dependency}",
                service.name()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Makes RPCs that need the stores, with unique numbers and passwords. Returns the statuses of those that fail.
async fn fail(system: &ProcessSystem, token: &str) -> Vec<Status> {
    let site = system.site();
    let mut statuses = Vec::new();
    statuses.extend(site.login(FIRST, PERMANENT).await.err());
    statuses.extend(site.login(SECOND, WRONG_PERMANENT).await.err());
    let backend = Backend::new(system.private_as("backend"));
    statuses.extend(backend.check_access(token, FIRST).await.err());
    let ivr = system.ivr();
    statuses.extend(ivr.dial(CONTRACT).await.err());
    let set = ivr.set(CONTRACT, AuthUnit::Number, SECOND, TEMPORARY).await;
    statuses.extend(set.err());
    statuses.extend(system.operator().line(CONTRACT).await.err());
    statuses
}

/// INV-8, INV-3: during outages of Redis and PostgreSQL, no log and no refusal contains a secret.
/// Each cause of an outage is logged once, and so is the end of the outage. An outage can have
/// several causes: while a store starts or stops, the checks find different ones.
#[tokio::test(flavor = "multi_thread")]
async fn outages_leave_no_secret_behind() {
    let environment = vec![("RUST_LOG".to_owned(), "trace".to_owned())];
    let database = Database::Own(postgres::Options {
        port: Some(ports::free().unwrap()),
        passwords: true,
        ..postgres::Options::default()
    });
    let mut system = ProcessSystem::start_with(&[], light, database, environment);
    let logs = system.processes.logs();
    let mut canaries = numbers();
    for password in PASSWORDS {
        canaries.add(password);
    }
    canaries.add(STORE_PASSWORD);
    let operator = system.operator();
    let numbers = [(CONTRACT, false), (FIRST, true), (SECOND, true)];
    operator.add_line(&numbers).await.unwrap();
    let ivr = system.ivr();
    ivr.set_by_telephone(CONTRACT, "2", FIRST, TEMPORARY)
        .await
        .unwrap();
    let forced = system.site().login(FIRST, TEMPORARY).await.unwrap();
    let session = forced.change(TEMPORARY, PERMANENT).await.unwrap().unwrap();
    canaries.add(&forced.token);
    canaries.add(&session.token);

    let of_redis = [Service::Edge, Service::Issuance, Service::Authentication];
    let of_postgresql = [
        Service::Issuance,
        Service::Authentication,
        Service::Password,
        Service::Units,
    ];
    let mut statuses = Vec::new();

    system.processes.redis.stop();
    wait_for(&logs, &of_redis, UNAVAILABLE, "redis", 1);
    statuses.extend(fail(&system, &session.token).await);
    system.processes.redis.restart().unwrap();
    wait_for(&logs, &of_redis, AVAILABLE, "redis", 1);

    let frozen = of_redis.map(|service| count(&logs, service, UNAVAILABLE, "redis"));
    system.processes.redis.freeze();
    for (service, before) in of_redis.iter().zip(frozen) {
        wait_for(&logs, &[*service], UNAVAILABLE, "redis", before + 1);
    }
    statuses.extend(fail(&system, &session.token).await);
    system.processes.redis.thaw();
    wait_for(&logs, &of_redis, AVAILABLE, "redis", 2);

    let cluster = system.processes.cluster.as_mut().unwrap();
    cluster.stop();
    wait_for(&logs, &of_postgresql, UNAVAILABLE, "postgresql", 1);
    statuses.extend(fail(&system, &session.token).await);
    let cluster = system.processes.cluster.as_mut().unwrap();
    cluster.restart().unwrap();
    wait_for(&logs, &of_postgresql, AVAILABLE, "postgresql", 1);

    let authentication = [Service::Authentication];
    let password = std::fs::read_to_string(
        logs.parent()
            .unwrap()
            .join(format!("secrets/postgres/{ROLE}.password")),
    )
    .unwrap();
    let password = password.trim_end();
    canaries.add(password);
    let before = count(&logs, Service::Authentication, UNAVAILABLE, "postgresql");
    let cut =
        format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{ROLE}'");
    let cluster = system.processes.cluster.as_ref().unwrap();
    for statement in [
        &format!("ALTER ROLE {ROLE} PASSWORD '{STORE_PASSWORD}'"),
        &cut,
    ] {
        cluster.run_statement("postgres", statement).unwrap();
    }
    wait_for(
        &logs,
        &authentication,
        UNAVAILABLE,
        "postgresql",
        before + 1,
    );
    statuses.extend(fail(&system, &session.token).await);
    let cluster = system.processes.cluster.as_ref().unwrap();
    let right = format!("ALTER ROLE {ROLE} PASSWORD '{password}'");
    cluster.run_statement("postgres", &right).unwrap();
    wait_for(&logs, &authentication, AVAILABLE, "postgresql", 2);

    // The first session was lost when Redis stopped (INV-3).
    let session = system.site().login(FIRST, PERMANENT).await.unwrap();
    canaries.add(&session.token);
    let last = session.change(PERMANENT, OTHER_PERMANENT).await.unwrap();
    canaries.add(&last.unwrap().token);
    system
        .processes
        .processes()
        .for_each(process::Process::ask_to_stop);
    let ended = |process: &mut process::Process| process.wait_end(Duration::from_mins(1));
    assert!(system.processes.processes().all(ended));

    assert_no_secret(&canaries, &logs, &statuses);
    assert_each_outage_is_logged_once(&logs, &of_redis, &of_postgresql);
}

fn assert_no_secret(canaries: &Canaries, logs: &Path, statuses: &[Status]) {
    look_into_files(logs, canaries);
    assert!(statuses.len() > 15, "only {} RPCs failed", statuses.len());
    for status in statuses {
        let text = format!("{status:?}");
        canaries.not_in(text.as_bytes(), "a status");
        canaries.not_in(status.details(), "the details of a status");
    }
}

/// The causes in a service's warnings about a dependency, for each outage that has ended.
fn outages(logs: &Path, service: Service, dependency: &str) -> Vec<Vec<String>> {
    let mut outages = Vec::new();
    let mut causes = Vec::new();
    for line in outage_lines(logs, service, dependency) {
        if line["message"] == UNAVAILABLE {
            assert_eq!(line["level"], "WARN");
            causes.push(line["error.type"].as_str().unwrap().to_owned());
        } else {
            assert_eq!(line["level"], "INFO");
            assert!(line["outage_seconds"].is_number());
            outages.push(std::mem::take(&mut causes));
        }
    }
    assert_eq!(
        causes,
        [""; 0],
        "{}: the log has no end of an outage",
        service.name()
    );
    outages
}

fn assert_each_outage_is_logged_once(logs: &Path, of_redis: &[Service], of_postgresql: &[Service]) {
    for service in of_redis {
        has_causes(&outages(logs, *service, "redis"), &["connect", "timeout"]);
    }
    for service in of_postgresql {
        let expected: &[&str] = match service {
            Service::Authentication => &["connect", "login"],
            _ => &["connect"],
        };
        has_causes(&outages(logs, *service, "postgresql"), expected);
    }
}

/// Checks that each outage has the cause at the same index in `expected`, and that no cause was
/// logged twice in one outage.
#[track_caller]
fn has_causes(outages: &[Vec<String>], expected: &[&str]) {
    assert_eq!(outages.len(), expected.len(), "{outages:?}");
    for (causes, expected) in outages.iter().zip(expected) {
        assert!(causes.iter().any(|cause| cause == expected), "{outages:?}");
        let different: BTreeSet<&String> = causes.iter().collect();
        assert_eq!(different.len(), causes.len(), "{outages:?}");
    }
}
