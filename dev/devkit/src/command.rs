//! Starts, runs and stops child processes. A child started with [`tied`] and [`spawn`] ends when
//! the program that started it ends.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Finds the program `name` on PATH, or in the directories of administrators' programs, which may not be on PATH.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from))
        .map(|dir| dir.join(name))
        .find(|file| file.is_file())
}

/// A command for `program`. When this process ends, even by a `kill -9`, the kernel sends `signal`
/// (a name such as `TERM`) to the program. Start the command with [`spawn`]. On a machine without
/// `setpriv`, no signal is sent.
pub fn tied(program: impl AsRef<OsStr>, signal: &str) -> Command {
    let program = program.as_ref();
    let Some(setpriv) = find("setpriv") else {
        return Command::new(program);
    };
    let mut command = Command::new(setpriv);
    command
        .arg("--pdeathsig")
        .arg(signal)
        .arg("--")
        .arg(program);
    command
}

/// A command for the thread that starts processes, and the channel for the child.
struct SpawnRequest {
    command: Command,
    reply: Sender<std::io::Result<Child>>,
}

/// Starts a command in a new process group, from a thread that lives as long as this process.
///
/// The kernel sends the signal of [`tied`] when the *thread* that started the child ends. Threads
/// of tests and of asynchronous runtimes end too early for that. Because of the new group, Ctrl-C
/// in a terminal does not reach the child: this process receives it and stops its children in
/// order.
pub fn spawn(mut command: Command) -> Result<Child> {
    use std::os::unix::process::CommandExt as _;

    static SPAWNER: OnceLock<Sender<SpawnRequest>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (sender, requests): (Sender<SpawnRequest>, Receiver<SpawnRequest>) = channel();
        std::thread::spawn(move || {
            for mut request in requests {
                // If the caller no longer waits, the child is dropped. The dropped child stays tied
                // to this process.
                let _ = request.reply.send(request.command.spawn());
            }
        });
        sender
    });
    let program = command.get_program().to_owned();
    command.process_group(0).stdin(Stdio::null());
    let (reply, child) = channel();
    spawner
        .send(SpawnRequest { command, reply })
        .map_err(|_| anyhow!("the thread that starts processes has ended"))?;
    child
        .recv()
        .context("the thread that starts processes has ended")?
        .with_context(|| format!("cannot start {}", program.display()))
}

/// Runs a command to its end and returns its standard output. If the command fails, the error has
/// everything that it printed.
pub fn run(command: &mut Command) -> Result<String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!(
            "{} ended with {}: {}{}",
            command.get_program().display(),
            output.status,
            stdout,
            String::from_utf8_lossy(&output.stderr),
        );
    }
    Ok(stdout)
}

/// Runs a command that prints its own output. If the command fails, the error calls it `what`.
pub fn show(command: &mut Command, what: &str) -> Result<()> {
    let status = status(command)?;
    if !status.success() {
        bail!("{what} failed ({status})");
    }
    Ok(())
}

/// Runs a command that prints its own output, and returns its exit status.
pub fn status(command: &mut Command) -> Result<ExitStatus> {
    command
        .status()
        .with_context(|| format!("cannot start {}", command.get_program().display()))
}

/// Sends a signal to a process. Does nothing if the process does not exist.
pub fn signal(pid: u32, signal: Signal) {
    if let Ok(pid) = i32::try_from(pid) {
        let _ = kill(Pid::from_raw(pid), signal);
    }
}

/// Sends the signal `polite` to a child, and kills it if it has not ended after `grace`. Returns
/// when the child has ended.
pub fn stop(child: &mut Child, polite: Signal, grace: Duration) {
    if matches!(child.try_wait(), Ok(Some(_))) {
        return;
    }
    signal(child.id(), polite);
    if wait_until(grace, || matches!(child.try_wait(), Ok(Some(_)))) {
        return;
    }
    let _ = child.kill();
    let _ = child.wait();
}

/// Calls `done` every 10 milliseconds until it returns true. Returns false if that does not happen
/// within `limit`.
pub fn wait_until(limit: Duration, mut done: impl FnMut() -> bool) -> bool {
    let start = Instant::now();
    loop {
        if done() {
            return true;
        }
        if start.elapsed() >= limit {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_outlives_the_thread_that_spawned_it() {
        let mut child = std::thread::spawn(|| {
            let mut command = tied("sleep", "TERM");
            command.arg("60");
            spawn(command).unwrap()
        })
        .join()
        .unwrap();
        assert!(child.try_wait().unwrap().is_none());
        stop(&mut child, Signal::SIGTERM, Duration::from_secs(5));
        assert!(child.try_wait().unwrap().is_some());
    }

    #[test]
    fn the_error_of_a_failed_command_has_its_output() {
        let error = run(Command::new("sh").args(["-c", "echo why >&2; exit 3"])).unwrap_err();
        assert!(error.to_string().contains("why"));
    }
}
