//! A private Redis: a server with its files in a directory, which stops with this process.

use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use aikagi_installation::files::{private_directory, write_private};
use aikagi_installation::random::random_hexadecimal;
use anyhow::{Context, Result, bail};
use nix::sys::signal::Signal;

use crate::command::{find, signal, spawn, stop, tied, wait_until};
use crate::paths::{socket_directory, tail};

/// The user of this module, who has all rights.
const ADMINISTRATOR: &str = "devkit";
const START_LIMIT: Duration = Duration::from_secs(20);
const STOP_LIMIT: Duration = Duration::from_secs(10);
const REPLY_LIMIT: Duration = Duration::from_secs(10);

/// Options of a server.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Write all data to disk, so that it survives a restart.
    pub durable: bool,
    /// Listen on this loopback port, too. None: only on a socket in the directory.
    pub port: Option<u16>,
}

/// A running server. It stops when this value is dropped.
#[derive(Debug)]
pub struct Redis {
    dir: PathBuf,
    socket: PathBuf,
    options: Options,
    password: String,
    child: Option<Child>,
}

impl Redis {
    /// Starts a server in `dir` and waits until it replies. The server's users are the users of
    /// `acl` (the lines of an ACL file that start with `user`), and a user for this module.
    pub fn start(dir: &Path, acl: &str, options: Options) -> Result<Self> {
        let dir = private_directory(dir)?
            .canonicalize()
            .with_context(|| format!("cannot read {}", dir.display()))?;
        let socket = socket_directory(&dir)?.join("redis.sock");
        let mut redis = Self {
            dir,
            socket,
            options,
            password: random_hexadecimal()?,
            child: None,
        };
        redis.configure(acl)?;
        redis.run()?;
        Ok(redis)
    }

    /// The URL for `user`: over TCP if the server has a port, else over its socket.
    pub fn url(&self, user: &str, password: &str) -> String {
        match self.options.port {
            Some(port) => format!("redis://{user}:{password}@127.0.0.1:{port}"),
            None => format!("{}&pass={password}", self.url_without_password(user)),
        }
    }

    /// The same URL without the password.
    pub fn url_without_password(&self, user: &str) -> String {
        match self.options.port {
            Some(port) => format!("redis://{user}@127.0.0.1:{port}"),
            None => format!("unix://{}?user={user}", self.socket.display()),
        }
    }

    /// The URL for a user with all rights. Tests prepare and read data with it.
    pub fn administrator_url(&self) -> String {
        self.url(ADMINISTRATOR, &self.password)
    }

    /// The server's socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The file of the server's log.
    pub fn log(&self) -> PathBuf {
        self.dir.join("redis.log")
    }

    /// Deletes all data.
    pub fn flush(&self) -> Result<()> {
        let reply = self.ask(&["FLUSHALL", "SYNC"])?;
        if reply != "+OK" {
            bail!("Redis refused to flush: {reply}");
        }
        Ok(())
    }

    /// Writes a copy of all data to disk. After its next start, a server that is not durable has the data
    /// of the copy, like a replica that no longer receives changes.
    pub fn copy(&self) -> Result<()> {
        let reply = self.ask(&["SAVE"])?;
        if reply != "+OK" {
            bail!("Redis refused to save: {reply}");
        }
        Ok(())
    }

    /// Removes the copy.
    pub fn drop_copy(&self) -> Result<()> {
        match std::fs::remove_file(self.dir.join("dump.rdb")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).context("cannot remove the copy")
            }
            _ => Ok(()),
        }
    }

    /// Kills the server with SIGKILL.
    pub fn kill9(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Stops the server. A durable server first writes all data to disk.
    pub fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // A frozen process does not receive SIGTERM.
            signal(child.id(), Signal::SIGCONT);
            stop(&mut child, Signal::SIGTERM, STOP_LIMIT);
        }
    }

    /// Stops the server if it is running, and starts it again.
    pub fn restart(&mut self) -> Result<()> {
        self.stop();
        self.run()
    }

    /// Stops all work of the server until [`Redis::thaw`]: connections stay open, and no command gets a reply.
    pub fn freeze(&self) {
        if let Some(child) = &self.child {
            signal(child.id(), Signal::SIGSTOP);
        }
    }

    /// Ends [`Redis::freeze`].
    pub fn thaw(&self) {
        if let Some(child) = &self.child {
            signal(child.id(), Signal::SIGCONT);
        }
    }

    /// True if the server is running.
    pub fn alive(&mut self) -> bool {
        self.child
            .as_mut()
            .is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    fn configure(&self, acl: &str) -> Result<()> {
        let mut users = format!("user {ADMINISTRATOR} on >{} ~* &* +@all\n", self.password);
        for line in acl.lines().filter(|line| line.starts_with("user ")) {
            let _ = writeln!(users, "{line}");
        }
        write_private(&self.dir.join("users.acl"), users.as_bytes())?;

        let mut text =
            String::from("# Written at each start.\nbind 127.0.0.1\ndaemonize no\nsave \"\"\n");
        let _ = writeln!(text, "port {}", self.options.port.unwrap_or(0));
        let _ = writeln!(
            text,
            "appendonly {}",
            if self.options.durable { "yes" } else { "no" }
        );
        let _ = writeln!(text, "unixsocketperm 700");
        for (key, path) in [
            ("dir", &self.dir),
            ("unixsocket", &self.socket),
            ("aclfile", &self.dir.join("users.acl")),
            ("logfile", &self.log()),
        ] {
            let _ = writeln!(text, "{key} {:?}", path.to_string_lossy());
        }
        write_private(&self.dir.join("redis.conf"), text.as_bytes())
    }

    fn run(&mut self) -> Result<()> {
        let program = find("redis-server")
            .context("redis-server is not installed (`cargo xtask up` installs it)")?;
        // A killed server leaves its socket behind, which looks like the socket of the new server.
        let _ = std::fs::remove_file(&self.socket);
        let mut server = tied(program, "TERM");
        server
            .arg(self.dir.join("redis.conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut child = spawn(server)?;
        let ready = wait_until(START_LIMIT, || {
            !matches!(child.try_wait(), Ok(None)) || self.ask(&["PING"]).is_ok_and(|r| r == "+PONG")
        });
        if !ready || !matches!(child.try_wait(), Ok(None)) {
            stop(&mut child, Signal::SIGTERM, STOP_LIMIT);
            bail!("Redis did not start:\n{}", tail(&self.log(), 15));
        }
        self.child = Some(child);
        Ok(())
    }

    /// Sends one command as the user of this module, and returns the first line of the reply.
    fn ask(&self, command: &[&str]) -> Result<String> {
        let mut stream = UnixStream::connect(&self.socket).context("cannot connect to Redis")?;
        stream
            .set_read_timeout(Some(REPLY_LIMIT))
            .context("cannot set a timeout")?;
        for words in [&["AUTH", ADMINISTRATOR, &self.password], command] {
            let mut request = format!("*{}\r\n", words.len());
            for word in words {
                let _ = write!(request, "${}\r\n{word}\r\n", word.len());
            }
            stream
                .write_all(request.as_bytes())
                .context("cannot write to Redis")?;
        }
        let mut lines = BufReader::new(stream).lines();
        let logged_in = lines
            .next()
            .context("Redis closed the connection")?
            .context("cannot read from Redis")?;
        if logged_in != "+OK" {
            bail!("Redis refused the login: {logged_in}");
        }
        lines
            .next()
            .context("Redis closed the connection")?
            .context("cannot read from Redis")
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACL: &str = "# rights\nuser default off\nuser reader on >secret ~a:* +get\n";

    #[test]
    fn a_server_can_be_flushed_killed_and_restarted() {
        let dir = tempfile::tempdir().unwrap();
        let mut redis = Redis::start(dir.path(), ACL, Options::default()).unwrap();
        assert_eq!(redis.ask(&["SET", "a:1", "x"]).unwrap(), "+OK");
        redis.flush().unwrap();
        assert_eq!(redis.ask(&["EXISTS", "a:1"]).unwrap(), ":0");
        assert_eq!(redis.ask(&["SET", "a:2", "x"]).unwrap(), "+OK");
        redis.copy().unwrap();
        assert_eq!(redis.ask(&["SET", "a:3", "x"]).unwrap(), "+OK");
        redis.kill9();
        redis.restart().unwrap();
        assert_eq!(redis.ask(&["EXISTS", "a:2"]).unwrap(), ":1");
        assert_eq!(redis.ask(&["EXISTS", "a:3"]).unwrap(), ":0");
        redis.drop_copy().unwrap();
        redis.kill9();
        assert!(!redis.alive());
        assert!(redis.ask(&["PING"]).is_err());
        redis.restart().unwrap();
        assert!(redis.alive());
    }

    #[test]
    fn the_data_of_a_durable_server_survives_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let options = Options {
            durable: true,
            port: None,
        };
        let redis = Redis::start(dir.path(), ACL, options).unwrap();
        assert_eq!(redis.ask(&["SET", "a:1", "x"]).unwrap(), "+OK");
        drop(redis);
        let redis = Redis::start(dir.path(), ACL, options).unwrap();
        assert_eq!(redis.ask(&["EXISTS", "a:1"]).unwrap(), ":1");
    }
}
