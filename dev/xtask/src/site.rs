//! The settings site (`frontends/site`): its checks, its browser tests, and how an edge serves it.

use std::path::Path;

use aikagi_devkit::console::Console;
use aikagi_devkit::install::{self, Tool};
use aikagi_devkit::installation::workloads::Service;
use aikagi_devkit::repo::Repo;
use aikagi_devkit::site::{built, run_script};
use anyhow::Result;
use toml::{Table, Value};

pub(crate) use aikagi_devkit::site::{build, has_node};

/// SESS-1: the idle time after which a session ends in the browser tests. They cannot wait for a
/// quarter of an hour.
const SHORT_IDLE: &str = "45s";

/// The origin of the same site behind the Envoy of `examples/envoy`.
const BEHIND_ENVOY: &str = "https://localhost:9443";

/// SITE-1: the profile of the demo's operator, and of another one that a second edge serves in the browser tests.
const PROFILES: [&str; 2] = [
    include_str!("site/first.toml"),
    include_str!("site/second.toml"),
];

/// Runs all checks that need no system: build, lint, format, types, unit tests, size.
pub(crate) fn check(repo: &Repo, console: Console) -> Result<()> {
    run_script(repo, console, "check", &[])
}

/// Runs a script that uses a browser, against the system of the file `state` and the softphone at a loopback port.
pub(crate) fn browse(
    repo: &Repo,
    console: Console,
    script: &str,
    state: &Path,
    softphone: u16,
) -> Result<()> {
    let softphone = format!("http://localhost:{softphone}");
    let variables = [
        ("AIKAGI_STATE", state.as_os_str()),
        ("AIKAGI_SOFTPHONE", softphone.as_ref()),
    ];
    run_script(repo, console, script, &variables)
}

/// Installs a browser and builds the site.
pub(crate) fn prepare_browser(repo: &Repo, console: Console) -> Result<()> {
    install::ensure(&[Tool::Chromium], console)?;
    build(repo, console)
}

/// Makes the edge serve the site with a profile. This function is a value of `Options::adjust`.
pub(crate) fn serve(service: Service, replica: u16, settings: &mut Table) {
    if service == Service::Edge
        && let Some(public) = settings.get_mut("public").and_then(Value::as_table_mut)
        && let Ok(repo) = Repo::here()
    {
        let text = built(&repo).display().to_string();
        public.insert("site".to_owned(), Value::String(text));
        if let Some(origins) = public.get_mut("origins").and_then(Value::as_array_mut) {
            origins.push(Value::String(BEHIND_ENVOY.to_owned()));
        }
        if let Some(profile) = PROFILES.get(usize::from(replica))
            && let Ok(profile) = toml::from_str::<Table>(profile)
        {
            settings.insert("profile".to_owned(), Value::Table(profile));
        }
    }
}

/// Like [`serve`], with sessions that end soon and a policy that refuses common passwords (PW-6).
pub(crate) fn serve_briefly(service: Service, replica: u16, settings: &mut Table) {
    serve(service, replica, settings);
    if service == Service::Authentication {
        let mut session = Table::new();
        session.insert("idle".to_owned(), Value::String(SHORT_IDLE.to_owned()));
        settings.insert("session".to_owned(), Value::Table(session));
    }
    if service == Service::Password {
        let mut policy = Table::new();
        policy.insert("refuses_common".to_owned(), Value::Boolean(true));
        settings.insert("policy".to_owned(), Value::Table(policy));
    }
}
