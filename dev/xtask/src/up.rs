//! `cargo xtask up`: installs, builds and runs the whole system on this machine.

use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use aikagi_devkit::cargo::{SYSTEM, build};
use aikagi_devkit::command::show;
use aikagi_devkit::console::Console;
use aikagi_devkit::install::{self, Tool};
use aikagi_devkit::installation::files::private_directory;
use aikagi_devkit::installation::workloads::Service;
use aikagi_devkit::repo::Repo;
use aikagi_devkit::system::{Database, Options, System};
use aikagi_devkit::system_file::{self, SystemFile};
use aikagi_devkit::{ports, postgres, process, redis};
use anyhow::{Context, Result, bail};
use tokio::signal::unix::{SignalKind, signal};

use crate::site;
use crate::softphone::{self, Softphone};

/// The ports of the stores. They differ from the usual ports, on which this machine's own servers
/// may listen.
const POSTGRES_PORT: u16 = 7432;
const REDIS_PORT: u16 = 7379;
const CHECK_INTERVAL: Duration = Duration::from_millis(500);
const MAX_REPLICAS: u16 = 9;

/// The options of the system.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Delete everything that earlier runs left: data, keys, certificates, passwords.
    #[arg(long)]
    fresh: bool,
    /// Run several replicas of a service, such as `authentication=3`.
    #[arg(long = "replicas", value_name = "SERVICE=N", value_parser = replicas)]
    replicas: Vec<(Service, u16)>,
    /// Build with optimisation.
    #[arg(long)]
    release: bool,
}

fn replicas(text: &str) -> Result<(Service, u16), String> {
    let names = Service::ALL.map(Service::name).join(", ");
    let (name, count) = text.split_once('=').ok_or("expected SERVICE=N")?;
    let service = Service::named(name).ok_or(format!(
        "there is no such service; the services are {names}"
    ))?;
    let count = count
        .parse()
        .ok()
        .filter(|count| (1..=MAX_REPLICAS).contains(count));
    Ok((
        service,
        count.ok_or(format!("N must be 1 to {MAX_REPLICAS}"))?,
    ))
}

/// Installs, builds and starts everything, adds the demo's lines, waits for Ctrl-C, and stops everything.
pub(crate) fn run(repo: &Repo, console: Console, arguments: &Arguments) -> Result<()> {
    let home = private_directory(&repo.target.join("up"))?;
    let _lock = lock(
        &home.join("lock"),
        "another `cargo xtask up` is running here",
    )?;

    console.heading("Aikagi: preparing");
    let tools = [Tool::CCompiler, Tool::PostgreSql, Tool::Redis];
    install::ensure(&tools, console)?;
    if arguments.fresh {
        console.step("deleting the data of earlier runs");
        clear(&home)?;
    }
    let replicas: BTreeMap<Service, u16> = arguments.replicas.iter().copied().collect();
    require_ports(&replicas)?;
    console.step("building the services");
    let binaries = build(repo, &SYSTEM, arguments.release)?;
    let with_site = build_site(repo, console);

    console.heading("Aikagi: starting");
    let options = Options {
        adjust: if with_site { site::serve } else { |_, _, _| {} },
        ..options(&home, &binaries, replicas)
    };
    let runtime = tokio::runtime::Runtime::new().context("cannot create the runtime")?;
    let (sender, starting) = tokio::sync::oneshot::channel();
    std::thread::spawn({
        move || {
            let started = System::start(&options, |text| console.step(text));
            // If the signal to end came first, the receiver no longer exists.
            drop(sender.send(started.map(Box::new)));
        }
    });
    // Every started process ends when this process ends, so an early exit leaves no process running.
    let (started, end) = runtime.block_on(async {
        let mut end = End::new()?;
        tokio::select! {
            started = starting => Ok((Some(started.context("the start was interrupted")??), end)),
            () = end.wait() => Ok::<_, anyhow::Error>((None, end)),
        }
    })?;
    let Some(mut system) = started else {
        console.success("\nstopped before everything had started");
        std::process::exit(130);
    };

    let served = seed(console, &system, &home, &binaries).and_then(|()| {
        let softphone = Softphone::start(&home, &binaries, &system.logs(), softphone::PORT)?;
        invite(console, &system, &home, &binaries, with_site);
        let served = runtime.block_on(serve(&mut system, end));
        drop(softphone);
        served
    });
    console.line("");
    console.heading("Aikagi: stopping");
    let _ = std::fs::remove_file(home.join(system_file::NAME));
    (*system).stop(|text| console.step(text));
    console.success("everything has stopped; the data is kept for the next start");
    served
}

/// Runs the demo against the running system.
pub(crate) fn demo(repo: &Repo, console: Console, arguments: &[String]) -> Result<()> {
    let state = repo.target.join("up").join(system_file::NAME);
    if !state.is_file() {
        bail!("no system is running: start one with `cargo xtask up` in another terminal");
    }
    console.step("building the demo");
    let binaries = build(repo, &SYSTEM, false)?;
    let mut demo = Command::new(process::executable(&binaries, "demo")?);
    demo.arg("--state").arg(state).args(arguments);
    show(&mut demo, "the demo")
}

/// The system with known ports, durable stores and passwords.
fn options(home: &Path, binaries: &Path, replicas: BTreeMap<Service, u16>) -> Options {
    Options {
        dir: home.to_owned(),
        binaries: binaries.to_owned(),
        database: Database::Own(postgres::Options {
            durable: true,
            port: Some(POSTGRES_PORT),
            passwords: true,
        }),
        redis: redis::Options {
            durable: true,
            port: Some(REDIS_PORT),
        },
        replicas,
        usual_ports: true,
        pretty_logs: false,
        adjust: |_, _, _| {},
        environment: Vec::new(),
    }
}

/// Takes a lock, which is held until the file is dropped. Fails with `busy` if another process
/// holds it.
pub(crate) fn lock(path: &Path, busy: &str) -> Result<File> {
    let file = File::options()
        .create(true)
        .append(true)
        .open(path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => bail!("{busy}"),
        Err(TryLockError::Error(error)) => {
            Err(error).context("cannot take the lock of this command")
        }
    }
}

/// Empties the directory, except for the lock file.
fn clear(home: &Path) -> Result<()> {
    let entries =
        std::fs::read_dir(home).with_context(|| format!("cannot read {}", home.display()))?;
    for entry in entries.flatten() {
        let path = entry.path();
        let removed = if entry.file_name() == "lock" {
            Ok(())
        } else if path.is_dir() {
            std::fs::remove_dir_all(&path)
        } else {
            std::fs::remove_file(&path)
        };
        removed.with_context(|| format!("cannot remove {}", path.display()))?;
    }
    Ok(())
}

/// Fails if a port is in use. This is checked before the build, which takes long.
fn require_ports(replicas: &BTreeMap<Service, u16>) -> Result<()> {
    ports::require_free(POSTGRES_PORT, "PostgreSQL")?;
    ports::require_free(REDIS_PORT, "Redis")?;
    ports::require_free(softphone::PORT, "the softphone")?;
    for service in Service::ALL {
        for replica in 0..replicas.get(&service).copied().unwrap_or(1) {
            let taken = ports::usual_ports(service, replica);
            for port in [Some(taken.main), taken.health].into_iter().flatten() {
                ports::require_free(port, service.name())?;
            }
        }
    }
    Ok(())
}

/// Writes `state.json` and adds the demo's lines. Existing lines are not changed.
pub(crate) fn seed(console: Console, system: &System, home: &Path, binaries: &Path) -> Result<()> {
    let state = home.join(system_file::NAME);
    SystemFile::of_processes(system)?.write(&state)?;
    console.step("adding the demo's lines");
    let mut seed = Command::new(process::executable(binaries, "seed")?);
    show(seed.arg("--state").arg(&state), "adding the demo's lines")
}

/// Builds the settings site. If that fails, prints a warning and returns false: the system works
/// without the site.
fn build_site(repo: &Repo, console: Console) -> bool {
    console.step("building the settings site");
    match site::build(repo, console) {
        Ok(()) => true,
        Err(error) => {
            console.warning(&format!(
                "the settings site is not served, because its build failed: {error:#}"
            ));
            false
        }
    }
}

fn invite(console: Console, system: &System, home: &Path, binaries: &Path, with_site: bool) {
    console.line("");
    console.success("Aikagi is running.");
    console.heading("Softphone: open it in a browser and set a temporary password");
    console.line(&format!("  http://localhost:{}", softphone::PORT));
    if with_site {
        console.heading("Settings site: open it in a browser and log in with that password");
        for ports in system.ports(Service::Edge) {
            console.line(&format!("  https://localhost:{}", ports.main));
        }
        console.line(&format!(
            "  The browser warns about its certificate: accept it, or import the authority {}",
            system.authority.certificate().display()
        ));
    }
    console.heading("Addresses and directories");
    for service in Service::ALL.into_iter().rev() {
        for ports in system.ports(service) {
            console.line(&format!(
                "  {:<15} https://127.0.0.1:{}",
                service.name(),
                ports.main
            ));
        }
    }
    console.line(&format!("  {:<15} {}", "logs", system.logs().display()));
    console.line(&format!(
        "  {:<15} {}",
        "certificates",
        home.join("certificates").display()
    ));
    console.heading("Try");
    console.line("  cargo xtask demo            the subscriber's story, in another terminal");
    if with_site {
        console.line(
            "  examples/envoy/run --serve  the settings pages of the services, behind an Envoy",
        );
    }
    let ctl = binaries.join("aikagictl");
    let (ctl, state) = (ctl.display(), home.join(system_file::NAME));
    console.line(&format!(
        "  {ctl} --state {} line show 0312345001",
        state.display()
    ));
    if let Some(url) = system.superuser_url() {
        console.line(&format!("  psql '{url}'"));
    }
    console.line("  Ctrl-C                      stops everything; the data stays");
}

/// Waits for a signal that ends this program. Fails if a process of the system ends by itself.
async fn serve(system: &mut System, mut end: End) -> Result<()> {
    loop {
        tokio::select! {
            () = end.wait() => return Ok(()),
            () = tokio::time::sleep(CHECK_INTERVAL) => {}
        }
        for process in system.processes() {
            if !process.alive() {
                let name = process.program().name.clone();
                bail!(
                    "{name} ended; the end of its log:\n{}",
                    process.last_words()
                );
            }
        }
        if !system.redis.alive() {
            bail!("Redis ended; its log is {}", system.redis.log().display());
        }
        if let Some(cluster) = &mut system.cluster
            && !cluster.alive()
        {
            bail!("PostgreSQL ended; its log is {}", cluster.log().display());
        }
    }
}

/// The signals that end this program. They come from Ctrl-C, from `kill` and service managers, and
/// from a closed terminal.
struct End {
    signals: [tokio::signal::unix::Signal; 3],
}

impl End {
    fn new() -> Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self {
            signals: [
                listen(SignalKind::interrupt())?,
                listen(SignalKind::terminate())?,
                listen(SignalKind::hangup())?,
            ],
        })
    }

    async fn wait(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_are_parsed_and_mistakes_are_explained() {
        assert_eq!(
            replicas("authentication=3").unwrap(),
            (Service::Authentication, 3)
        );
        assert!(
            replicas("authentification=3")
                .unwrap_err()
                .contains("authentication")
        );
        for wrong in [
            "authentication",
            "authentication=0",
            "authentication=x",
            "authentication=99",
        ] {
            assert!(replicas(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_second_run_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let held = lock(&path, "busy").unwrap();
        assert_eq!(lock(&path, "busy").unwrap_err().to_string(), "busy");
        drop(held);
        lock(&path, "busy").unwrap();
    }

    #[test]
    fn clearing_keeps_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("redis/x")).unwrap();
        std::fs::write(dir.path().join("lock"), "").unwrap();
        std::fs::write(dir.path().join("state.json"), "{}").unwrap();
        clear(dir.path()).unwrap();
        let left: Vec<_> = std::fs::read_dir(dir.path()).unwrap().flatten().collect();
        assert_eq!(left.len(), 1);
    }
}
