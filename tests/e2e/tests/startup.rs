//! The real executables with one wrong setting. Each service refuses to start before it binds a
//! port, and names the setting.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use aikagi_devkit::installation::certificates::Authority;
use aikagi_devkit::installation::key_files::{KeyFile, ensure_key_files};
use aikagi_devkit::installation::workloads::Service;
use aikagi_devkit::ports::free_ports;
use aikagi_devkit::process::executable;
use aikagi_devkit::settings::{Login, ServiceEnvironment, settings};
use aikagi_e2e::processes::binaries;
use aikagi_fixtures::TestDatabase;
use toml::{Table, Value};

/// How long a service may take to exit. If a service starts instead, the test fails after this
/// time.
const LIMIT: Duration = Duration::from_mins(1);

/// Valid settings of every service, and the files that they need.
struct Workshop {
    database: TestDatabase,
    dir: tempfile::TempDir,
    services: BTreeMap<Service, Table>,
}

impl Workshop {
    async fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let database = TestDatabase::new().await.unwrap();
        let authority = Authority::open(&dir.path().join("certificates")).unwrap();
        ensure_key_files(dir.path()).unwrap();
        let somewhere = vec!["127.0.0.1:1".to_owned()];
        let mut services = BTreeMap::new();
        for service in Service::ALL {
            let environment = ServiceEnvironment {
                identity: authority.issue(service.name(), &["localhost"]).unwrap(),
                postgres: service.postgres_role().map(|role| Login {
                    url: database.url_as(role),
                    password_file: None,
                }),
                redis: service.redis_user().map(|user| Login {
                    url: format!("redis://{}@127.0.0.1:1", user.name()),
                    password_file: None,
                }),
                key_files: dir.path().to_owned(),
                addresses: Service::ALL
                    .map(|service| (service, somewhere.clone()))
                    .into(),
                pretty_logs: true,
            };
            let ports = free_ports(service).unwrap();
            services.insert(service, settings(service, ports, &environment).unwrap());
        }
        Self {
            database,
            dir,
            services,
        }
    }

    /// Starts a service with changed settings. It must exit by itself. Returns its output.
    async fn refuses(&self, service: Service, change: impl FnOnce(&mut Table)) -> String {
        let mut table = self.services[&service].clone();
        change(&mut table);
        let config = self.dir.path().join(format!("{}.toml", service.name()));
        std::fs::write(&config, table.to_string()).unwrap();
        run(service, &config, &[]).await
    }

    fn path(&self, service: Service, section: &str, key: &str) -> PathBuf {
        self.services[&service][section][key]
            .as_str()
            .unwrap()
            .into()
    }
}

async fn run(service: Service, config: &Path, environment: &[(&str, &str)]) -> String {
    let binary = executable(&binaries(), &service.binary()).unwrap();
    let child = tokio::process::Command::new(binary)
        .arg("--config")
        .arg(config)
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let ended = tokio::time::timeout(LIMIT, child.wait_with_output()).await;
    let output = ended
        .unwrap_or_else(|_| panic!("{} started", service.name()))
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success(),
        "{} exited with success: {printed}",
        service.name()
    );
    assert!(
        printed.starts_with(&format!("{}: ", service.binary())),
        "{printed}"
    );
    printed
}

fn set(table: &mut Table, section: &str, key: &str, value: impl Into<Value>) {
    table[section]
        .as_table_mut()
        .unwrap()
        .insert(key.to_owned(), value.into());
}

#[track_caller]
fn names(printed: &str, parts: &[&str]) {
    for part in parts {
        assert!(printed.contains(part), "{part} is not in: {printed}");
    }
}

/// Every service refuses an unknown setting at any level, and names it.
#[tokio::test]
async fn unknown_settings_are_refused() {
    let workshop = Workshop::open().await;
    for service in Service::ALL {
        let printed = workshop
            .refuses(service, |table| {
                table.insert("colour".into(), "red".into());
            })
            .await;
        names(&printed, &["colour"]);
        let sections: Vec<String> = workshop.services[&service].keys().cloned().collect();
        for section in sections {
            let printed = workshop
                .refuses(service, |table| set(table, &section, "colour", "red"))
                .await;
            names(&printed, &[&section, "colour"]);
        }
    }
}

/// If a required setting is missing or a setting has the wrong type, every service refuses to
/// start, and names the setting.
#[tokio::test]
async fn missing_settings_are_refused() {
    const OPTIONAL: [(&str, &str); 3] = [
        ("telemetry", "log_format"),
        ("limits", "overrides"),
        ("public", "bounds"),
    ];
    let workshop = Workshop::open().await;
    let mut tried = 0;
    for service in Service::ALL {
        let sections = workshop.services[&service].clone();
        for (section, keys) in &sections {
            for key in keys.as_table().unwrap().keys() {
                if OPTIONAL.contains(&(section.as_str(), key.as_str())) {
                    continue;
                }
                let printed = workshop
                    .refuses(service, |table| {
                        table[section].as_table_mut().unwrap().remove(key);
                    })
                    .await;
                names(&printed, &[section, key]);
                let printed = workshop
                    .refuses(service, |table| set(table, section, key, Table::new()))
                    .await;
                names(&printed, &[&format!("{section}.{key}")]);
                tried += 1;
            }
        }
    }
    assert!(tried > 30, "{tried}");
}

/// Settings from the environment are checked like those in a file: unknown ones are refused and
/// named.
#[tokio::test]
async fn the_environment_is_read_as_strictly() {
    let workshop = Workshop::open().await;
    let config = workshop.dir.path().join("settings.toml");
    for service in Service::ALL {
        std::fs::write(&config, workshop.services[&service].to_string()).unwrap();
        let printed = run(
            service,
            &config,
            &[("AIKAGI__SERVER__LISEN", "127.0.0.1:1")],
        )
        .await;
        names(&printed, &["server", "lisen"]);
        let printed = run(service, &config, &[("AIKAGI__SERVER__LISTEN", "nowhere")]).await;
        names(&printed, &["server.listen"]);
    }
}

/// INV-9: a service refuses a file of secrets that other users may read, so it never uses such keys. The error names
/// the file and the setting.
#[tokio::test]
async fn secrets_that_others_may_read_are_refused() {
    let workshop = Workshop::open().await;
    let secrets: Vec<(Service, &str, &str)> = Service::ALL
        .into_iter()
        .flat_map(|service| {
            let files = service.key_files().iter();
            let settings = files.map(|file| file.setting());
            settings
                .chain([("identity", "key"), ("public", "key")])
                .map(move |(section, key)| (service, section, key))
        })
        .filter(|(service, section, _)| workshop.services[service].contains_key(*section))
        .collect();
    assert_eq!(secrets.len(), 12);
    for (service, section, key) in secrets {
        let file = workshop.path(service, section, key);
        // The two ports of the edge share a key here. So change the mode of a copy, which only this setting names.
        let own = workshop.dir.path().join("own.key");
        std::fs::copy(&file, &own).unwrap();
        for mode in [0o640, 0o604, 0o660] {
            std::fs::set_permissions(&own, std::fs::Permissions::from_mode(mode)).unwrap();
            let path = own.to_str().unwrap();
            let printed = workshop
                .refuses(service, |table| set(table, section, key, path))
                .await;
            names(
                &printed,
                &[&format!("{section}.{key}"), path, &format!("{mode:o}")],
            );
        }
    }
}

/// INV-9: a service that only seals does not start with a key ring, under any setting. A service that opens hashes does
/// not start with a sealing ring.
#[tokio::test]
async fn keys_of_another_kind_are_refused() {
    let workshop = Workshop::open().await;
    let file = |file: KeyFile| workshop.dir.path().join(file.file_name());
    let words = |file: KeyFile| match file {
        KeyFile::KeyRing => "this is a key ring",
        KeyFile::SealingRing => "this is a sealing ring",
        KeyFile::CallKeys => "these are call keys",
    };
    let ring = file(KeyFile::KeyRing);
    for service in Service::ALL {
        for expected in service.key_files() {
            for given in KeyFile::ALL.iter().filter(|given| *given != expected) {
                let path = file(*given);
                let (section, key) = expected.setting();
                let text = path.to_str().unwrap();
                let printed = workshop
                    .refuses(service, |table| set(table, section, key, text))
                    .await;
                names(
                    &printed,
                    &[&format!("{section}.{key}"), text, words(*given)],
                );
            }
        }
    }
    for service in [Service::Units, Service::Password, Service::Issuance] {
        let printed = workshop
            .refuses(service, |table| {
                set(table, "hashing", "key_ring", ring.to_str().unwrap());
            })
            .await;
        names(&printed, &["hashing.key_ring", "remove this setting"]);
        let printed = workshop
            .refuses(service, |table| {
                table["hashing"]
                    .as_table_mut()
                    .unwrap()
                    .remove("sealing_ring");
            })
            .await;
        names(&printed, &["hashing.sealing_ring", "is missing"]);
    }
    let printed = workshop
        .refuses(Service::Authentication, |table| {
            set(table, "hashing", "sealing_ring", "/nowhere");
        })
        .await;
    names(&printed, &["hashing.sealing_ring", "remove this setting"]);
}

/// INV-12: a service refuses a deny list that is missing or malformed, and names the setting, the file and the line.
#[tokio::test]
async fn an_unusable_deny_list_is_refused() {
    let workshop = Workshop::open().await;
    let list = workshop.dir.path().join("deny-list.txt");
    let path = list.to_str().unwrap();
    for service in Service::ALL {
        for (text, problem) in [(None, "No such file"), (Some("# ours\nunits\n"), "line 2")] {
            match text {
                Some(text) => std::fs::write(&list, text).unwrap(),
                None => drop(std::fs::remove_file(&list)),
            }
            let printed = workshop
                .refuses(service, |table| set(table, "identity", "deny_list", path))
                .await;
            names(&printed, &["identity.deny_list", path, problem]);
        }
    }
}

/// INV-4: a service refuses a ledger that may lose acknowledged commits, and names the setting.
#[tokio::test]
async fn a_ledger_that_is_not_durable_is_refused() {
    let workshop = Workshop::open().await;
    let ledger = workshop.database.pool().await.unwrap();
    let database = workshop.database.name();
    for service in Service::ALL
        .into_iter()
        .filter(|service| service.postgres_role().is_some())
    {
        let role = service.postgres_role().unwrap();
        for (level, value) in [
            ("off", "off"),
            ("local", "local"),
            ("remote_write", "remote_write"),
        ] {
            // Change the role in this database only, because all tests share the role.
            let alter = format!(
                "ALTER ROLE {role} IN DATABASE {database} SET synchronous_commit = {value}"
            );
            sqlx::query(sqlx::AssertSqlSafe(alter))
                .execute(&ledger)
                .await
                .unwrap();
            let printed = workshop.refuses(service, |_| {}).await;
            names(&printed, &["postgres", "synchronous_commit", level]);
        }
    }
}

/// A service refuses hashing memory above the limit of its cgroup, and names the settings. On a
/// machine without a limit the test checks nothing.
#[tokio::test]
async fn hashing_memory_beyond_the_cgroups_limit_is_refused() {
    let limit = [
        "/sys/fs/cgroup/memory.max",
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
    ]
    .iter()
    .find_map(|file| std::fs::read_to_string(file).ok());
    if limit.is_none_or(|limit| limit.trim() == "max") {
        return;
    }
    let workshop = Workshop::open().await;
    for service in [
        Service::Authentication,
        Service::Issuance,
        Service::Password,
    ] {
        let printed = workshop
            .refuses(service, |table| {
                set(table, "hashing", "threads", 1_000_000_000);
                set(table, "hashing", "memory_kib", i64::from(u32::MAX));
            })
            .await;
        names(&printed, &["hashing.threads", "hashing.memory_kib"]);
    }
}
