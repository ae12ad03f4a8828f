//! Secrets do not print (INV-8): the whole story runs with passwords, tokens and numbers that occur nowhere else,
//! and they are looked for in everything that the system leaves behind.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use aikagi_api::issuance::v1::CallOutcome;
use aikagi_api::units::v1::AuthUnit;
use aikagi_devkit::settings::Service;
use aikagi_devkit::system::Database;
use aikagi_devkit::{postgres, process};
use aikagi_tests::edge::{Asked, asked};
use sqlx::{AssertSqlSafe, PgPool};
use tonic::Status;

use super::collector::Collector;
use super::live::{Live, light};

const CONTRACT: &str = "0977531864";
const FIRST: &str = "09775318652";
const SECOND: &str = "09775318663";
const STRANGER: &str = "0588642097";
const NOBODY: &str = "0588642198";
const TEMPORARY: &str = "73914628";
const OTHER_TEMPORARY: &str = "64820517";
const WRONG_TEMPORARY: &str = "90817263";
const PERMANENT: &str = "Kanaria7Xq";
const OTHER_PERMANENT: &str = "Uguisu42Wz";
const WRONG_PERMANENT: &str = "Hibari85Vk";
const REFUSED_PERMANENT: &str = "tsubame";

const NUMBERS: [&str; 5] = [CONTRACT, FIRST, SECOND, STRANGER, NOBODY];
const PASSWORDS: [&str; 7] = [
    TEMPORARY,
    OTHER_TEMPORARY,
    WRONG_TEMPORARY,
    PERMANENT,
    OTHER_PERMANENT,
    WRONG_PERMANENT,
    REFUSED_PERMANENT,
];

/// The columns that hold numbers, and may.
const NUMBER_COLUMNS: [(&str, &str); 4] = [
    ("lines", "contract_number"),
    ("numbers", "number"),
    ("credentials", "number"),
    ("audit_events", "number"),
];

/// What must not be found, in the forms in which a program prints text.
#[derive(Default)]
struct Canaries(Vec<(String, Vec<u8>)>);

impl Canaries {
    fn add(&mut self, secret: &str) {
        let bytes = secret.as_bytes();
        let hexadecimal: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let list: Vec<String> = bytes.iter().map(u8::to_string).collect();
        for form in [
            secret.to_owned(),
            hexadecimal.to_uppercase(),
            hexadecimal,
            list.join(", "),
        ] {
            self.0.push((secret.to_owned(), form.into_bytes()));
        }
    }

    fn found(&self, text: &[u8]) -> Option<&str> {
        let found = self.0.iter().find(|(_, form)| {
            text.windows(form.len())
                .any(|window| window == form.as_slice())
        });
        found.map(|(secret, _)| secret.as_str())
    }

    #[track_caller]
    fn not_in(&self, text: &[u8], place: &str) {
        if let Some(secret) = self.found(text) {
            let lines = text.split(|byte| *byte == b'\n');
            let line = lines
                .map(String::from_utf8_lossy)
                .find(|line| self.found(line.as_bytes()).is_some());
            panic!("{secret} is in {place}: {}", line.unwrap_or_default());
        }
    }
}

/// Plays the story and looks on as it goes.
struct Story<'a> {
    live: &'a Live,
    canaries: Canaries,
    refusals: Vec<Status>,
}

impl Story<'_> {
    /// Takes a refusal down.
    #[track_caller]
    fn refused<T: std::fmt::Debug>(&mut self, answer: Result<T, Status>) {
        self.refusals.push(answer.expect_err("refused"));
    }

    fn saw(&mut self, session: &aikagi_tests::edge::LoggedIn) {
        self.canaries.add(&session.token);
    }

    /// Whatever is in Redis now holds no secret and no number, but for the keys of temporary passwords.
    async fn look_into_redis(&mut self) {
        let client = redis::Client::open(self.live.system.redis.administrator_url()).unwrap();
        let mut redis = client.get_multiplexed_async_connection().await.unwrap();
        let keys: Vec<Vec<u8>> = redis::cmd("KEYS")
            .arg("*")
            .query_async(&mut redis)
            .await
            .unwrap();
        assert!(!keys.is_empty());
        for key in keys {
            let name = String::from_utf8_lossy(&key).into_owned();
            let kind: String = redis::cmd("TYPE")
                .arg(&key)
                .query_async(&mut redis)
                .await
                .unwrap();
            let values: Vec<Vec<u8>> = match kind.as_str() {
                "hash" => redis::cmd("HGETALL")
                    .arg(&key)
                    .query_async(&mut redis)
                    .await
                    .unwrap(),
                "string" => vec![
                    redis::cmd("GET")
                        .arg(&key)
                        .query_async(&mut redis)
                        .await
                        .unwrap(),
                ],
                other => panic!("{name} is a {other}: look into it too"),
            };
            for value in values {
                self.canaries
                    .not_in(&value, &format!("the value of {name}"));
            }
            if !name.starts_with("temp:") {
                self.canaries.not_in(&key, "a key of Redis");
            }
        }
    }

    async fn play(&mut self) {
        let live = self.live;
        let (site, ivr, operator) = (live.site(), live.ivr(), live.operator());
        operator
            .add_line(&[(CONTRACT, false), (FIRST, true), (SECOND, true)])
            .await
            .unwrap();
        operator.add_line(&[(STRANGER, true)]).await.unwrap();
        self.refused(operator.add_line(&[(NOBODY, true), (FIRST, true)]).await);
        self.refused(operator.line(NOBODY).await);

        // By telephone: an invalid entry, a target of another line, a mismatch, a retry, a set, a withheld number.
        let (mut call, _) = ivr.dial(CONTRACT).await.unwrap();
        for keys in [
            "7",
            "2",
            &format!("{STRANGER}#"),
            &format!("{FIRST}#"),
            TEMPORARY,
            WRONG_TEMPORARY,
        ] {
            call.keys(keys).await.unwrap();
            self.look_into_redis().await;
        }
        self.refused(call.keys(PERMANENT).await);
        assert_eq!(
            asked(&call.keys(TEMPORARY).await.unwrap()),
            Asked::Ended(CallOutcome::Set)
        );
        self.look_into_redis().await;
        ivr.dial("").await.unwrap();
        ivr.dial(NOBODY).await.unwrap();
        ivr.set(CONTRACT, AuthUnit::Number, SECOND, OTHER_TEMPORARY)
            .await
            .unwrap();
        self.refused(
            ivr.set(CONTRACT, AuthUnit::Number, STRANGER, TEMPORARY)
                .await,
        );
        self.refused(ivr.set(NOBODY, AuthUnit::Number, NOBODY, TEMPORARY).await);
        self.refused(
            ivr.set(CONTRACT, AuthUnit::Number, &format!("{FIRST}9"), PERMANENT)
                .await,
        );

        // Login, wrong and right, and the forced change.
        self.refused(site.login(NOBODY, PERMANENT).await);
        self.refused(site.login(FIRST, WRONG_TEMPORARY).await);
        self.refused(site.login(&format!("{FIRST}9"), WRONG_PERMANENT).await);
        let forced = site.login(FIRST, TEMPORARY).await.unwrap();
        self.saw(&forced);
        self.refused(forced.change(WRONG_TEMPORARY, PERMANENT).await);
        self.refused(forced.change(TEMPORARY, REFUSED_PERMANENT).await);
        self.refused(
            forced
                .change_with(
                    TEMPORARY,
                    PERMANENT,
                    OTHER_PERMANENT,
                    &forced.session.revision,
                )
                .await,
        );
        self.refused(
            forced
                .change_with(TEMPORARY, PERMANENT, PERMANENT, "stale")
                .await,
        );
        let full = forced.change(TEMPORARY, PERMANENT).await.unwrap().unwrap();
        self.saw(&full);
        self.refused(forced.session().await);
        self.look_into_redis().await;

        // Login with the permanent one, a settings back end, a change, a logout, a dead session.
        let session = site.login(FIRST, PERMANENT).await.unwrap();
        self.saw(&session);
        let backend = aikagi_tests::edge::Backend::new(live.private_as("backend"));
        backend.check_access(&session.token, FIRST).await.unwrap();
        self.refused(backend.check_access(&session.token, SECOND).await);
        self.refused(session.change(WRONG_PERMANENT, OTHER_PERMANENT).await);
        self.refused(session.change(PERMANENT, PERMANENT).await);
        let changed = session
            .change(PERMANENT, OTHER_PERMANENT)
            .await
            .unwrap()
            .unwrap();
        self.saw(&changed);
        self.refused(
            changed
                .change(OTHER_PERMANENT, PERMANENT)
                .await
                .map(|_| ())
                .and(changed.peek().await),
        );
        let last = site.login(FIRST, PERMANENT).await.unwrap();
        self.saw(&last);
        last.logout().await.unwrap();
        self.refused(last.session().await);

        // Three and ten wrong attempts, recovery, an operator's word.
        for _ in 0..4 {
            self.refused(site.login(SECOND, WRONG_TEMPORARY).await);
        }
        for _ in 0..11 {
            self.refused(site.login(FIRST, WRONG_PERMANENT).await);
        }
        let outcome = ivr
            .set_by_telephone(CONTRACT, "2", FIRST, OTHER_TEMPORARY)
            .await
            .unwrap();
        assert_eq!(outcome, CallOutcome::Set);
        let recovered = site.login(FIRST, OTHER_TEMPORARY).await.unwrap();
        self.saw(&recovered);
        operator.end_sessions(FIRST).await.unwrap();
        self.refused(recovered.session().await);
        operator.line(FIRST).await.unwrap();
        self.look_into_redis().await;
    }

    /// No refusal tells a secret or a whole number, in whatever it carries.
    fn look_into_refusals(&self) {
        assert!(self.refusals.len() > 30);
        for status in &self.refusals {
            let headers = format!("{:?}", status.metadata());
            for part in [
                status.message().as_bytes(),
                status.details(),
                headers.as_bytes(),
            ] {
                self.canaries
                    .not_in(part, &format!("a refusal ({:?})", status.code()));
            }
        }
    }
}

/// No column of any table holds a secret, and only the columns for numbers hold numbers.
async fn look_into_postgresql(ledger: &PgPool, secrets: &Canaries, numbers: &Canaries) {
    let columns: Vec<(String, String, String)> = sqlx::query_as(
        "SELECT table_name::text, column_name::text, data_type::text FROM information_schema.columns
         WHERE table_schema = 'public'",
    )
    .fetch_all(ledger)
    .await
    .unwrap();
    let mut number_columns = 0;
    let mut values = BTreeMap::new();
    for (table, column, kind) in columns {
        let text = if kind == "bytea" {
            format!("encode({column}, 'escape')")
        } else {
            format!("{column}::text")
        };
        let select = format!("SELECT {text} FROM {table} WHERE {column} IS NOT NULL");
        let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(select))
            .fetch_all(ledger)
            .await
            .unwrap();
        let all = rows.join("\n").into_bytes();
        let place = format!("{table}.{column}");
        secrets.not_in(&all, &place);
        if NUMBER_COLUMNS.contains(&(&table, &column)) {
            number_columns += 1;
            assert!(
                numbers.found(&all).is_some(),
                "{place} is no longer a column of numbers"
            );
        } else {
            numbers.not_in(&all, &place);
        }
        values.insert(place, all);
    }
    assert_eq!(number_columns, NUMBER_COLUMNS.len());
    assert!(!values["credentials.permanent_hash"].is_empty());
}

fn look_into_files(dir: &Path, canaries: &Canaries) -> usize {
    let mut size = 0;
    for file in std::fs::read_dir(dir).unwrap() {
        let path = file.unwrap().path();
        let text = std::fs::read(&path).unwrap();
        canaries.not_in(&text, &path.display().to_string());
        size += text.len();
    }
    size
}

fn numbers() -> Canaries {
    let mut canaries = Canaries::default();
    NUMBERS.iter().for_each(|number| canaries.add(number));
    canaries
}

/// Plays the story on processes with this environment, and looks into Redis and into what was refused. The secrets
/// and tokens that occurred; the numbers are among them.
async fn play(live: &Live) -> Canaries {
    let mut canaries = numbers();
    PASSWORDS.iter().for_each(|password| canaries.add(password));
    let mut story = Story {
        live,
        canaries,
        refusals: Vec::new(),
    };
    story.play().await;
    story.look_into_refusals();
    story.canaries
}

/// INV-8: no log of any service, at any level, with all that its libraries say, nor one of the stores, holds a
/// password, a token or a whole number; nor does a refusal, a value in Redis, or a column that is not for numbers.
/// OPS-3: nor does an audit event.
#[tokio::test(flavor = "multi_thread")]
async fn the_whole_story_leaves_no_secret_behind() {
    let environment = vec![("RUST_LOG".to_owned(), "trace".to_owned())];
    let database = Database::Own(postgres::Options::default());
    let mut live = Live::start(
        &[(Service::Authentication, 2)],
        light,
        database,
        environment,
    )
    .await;
    let canaries = play(&live).await;

    let ledger = PgPool::connect(&live.system.superuser_url().unwrap())
        .await
        .unwrap();
    let numbers = numbers();
    let secrets = Canaries(
        canaries
            .0
            .iter()
            .filter(|(secret, _)| !NUMBERS.contains(&secret.as_str()))
            .cloned()
            .collect(),
    );
    look_into_postgresql(&ledger, &secrets, &numbers).await;
    ledger.close().await;

    live.system
        .processes()
        .for_each(process::Process::ask_to_stop);
    assert!(
        live.system
            .processes()
            .all(|process| process.wait_end(Duration::from_secs(60)))
    );
    let size = look_into_files(&live.system.logs(), &canaries);
    assert!(
        size > 1_000_000,
        "the logs have only {size} bytes: do they still tell everything?"
    );
    for log in [
        live.system.redis.log(),
        live.system.cluster.as_ref().unwrap().log(),
    ] {
        canaries.not_in(&std::fs::read(&log).unwrap(), &log.display().to_string());
    }
}

/// INV-8: no span that is sent to a collector, with its attributes and events, holds a password, a token or a whole
/// number.
#[tokio::test(flavor = "multi_thread")]
async fn no_span_tells_a_secret() {
    let collector = Collector::start().await;
    let environment = [
        ("RUST_LOG", "aikagi=trace,info"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint()),
        ("OTEL_BSP_SCHEDULE_DELAY", "200"),
    ];
    let environment = environment
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec();
    let database = Database::Own(postgres::Options::default());
    let mut live = Live::start(&[], light, database, environment).await;
    let canaries = play(&live).await;
    // What is left is sent before a service ends.
    live.system
        .processes()
        .for_each(process::Process::ask_to_stop);
    assert!(
        live.system
            .processes()
            .all(|process| process.wait_end(Duration::from_secs(60)))
    );

    let spans = collector.received();
    for service in Service::ALL {
        let name = format!("aikagi-{}", service.name());
        let heard = spans
            .windows(name.len())
            .any(|window| window == name.as_bytes());
        assert!(heard, "{name} sent no spans");
    }
    for method in [
        "Login",
        "TakeTurn",
        "ChangePassword",
        "VerifyPassword",
        "AddLine",
    ] {
        assert!(
            spans
                .windows(method.len())
                .any(|window| window == method.as_bytes()),
            "{method}"
        );
    }
    canaries.not_in(&spans, "a span");
}
