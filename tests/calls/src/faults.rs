//! Faults before and during real calls. The caller hears an apology in bounded time, no password is
//! set in part, and the next call works.

use std::path::Path;
use std::time::Duration;

use aikagi_devkit::command::signal;
use aikagi_devkit::installation::workloads::Service;
use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;

use super::asterisk::AsteriskContainer;
use super::audio::Recordings;
use super::caller::{Act, Call, From, Heard, Talk};
use super::cases::{Line, PASSWORD, Past};
use super::ivr_system::IvrSystem;

/// The longest time of a call with a fault: the question, the deadline of a turn and the apology, on a busy machine.
const BOUND: Duration = Duration::from_secs(40);
/// The index of the first line for these calls. The cases use lower indexes.
const FIRST_LINE: u32 = 900;
/// Asterisk ends a call after this time if the IVR adapter hangs.
const LONGEST: Duration = Duration::from_secs(12);

/// The parts that a fault trial uses.
pub(super) struct Scene<'a> {
    /// The system.
    pub(super) system: &'a mut IvrSystem,
    /// Asterisk.
    pub(super) asterisk: &'a AsteriskContainer,
    /// The name of the Asterisk image.
    pub(super) image: &'a str,
    /// The recordings that a caller may hear.
    pub(super) recordings: &'a Recordings,
    /// The directory for files.
    pub(super) home: &'a Path,
}

/// The entries of a caller: the unit, the password, the password again.
const ENTRIES: [&str; 3] = ["1", PASSWORD, PASSWORD];

/// A fault.
struct Fault {
    name: &'static str,
    /// The indexes of the entries before which the fault strikes, each in a separate call. If there
    /// are none, it strikes before the call.
    entries: &'static [usize],
    /// True if the password may still be set after the repair. It is then set completely or not at
    /// all.
    late: bool,
    /// Causes the fault.
    breaks: fn(&mut IvrSystem) -> Result<()>,
    /// Repairs the fault.
    repairs: fn(&mut IvrSystem) -> Result<()>,
}

const FAULTS: [Fault; 5] = [
    Fault {
        name: "gateway-down",
        entries: &[],
        late: false,
        breaks: kill_gateway,
        repairs: restart_gateway,
    },
    Fault {
        name: "gateway-killed",
        entries: &[0, 2],
        late: false,
        breaks: kill_gateway,
        repairs: restart_gateway,
    },
    Fault {
        name: "adapter-down",
        entries: &[],
        late: false,
        breaks: |system| {
            system.adapter.kill9();
            Ok(())
        },
        repairs: IvrSystem::restart_adapter,
    },
    Fault {
        name: "adapter-killed",
        entries: &[0, 2],
        late: false,
        breaks: |system| {
            system.adapter.kill9();
            Ok(())
        },
        repairs: IvrSystem::restart_adapter,
    },
    Fault {
        name: "slow-answers",
        entries: &[0, 2],
        late: true,
        breaks: |system| {
            signal(system.service(Service::Issuance)?.id(), Signal::SIGSTOP);
            Ok(())
        },
        repairs: |system| {
            signal(system.service(Service::Issuance)?.id(), Signal::SIGCONT);
            system.wait_for(Service::Issuance)
        },
    },
];

fn kill_gateway(system: &mut IvrSystem) -> Result<()> {
    system.service(Service::Gateway)?.kill9();
    Ok(())
}

fn restart_gateway(system: &mut IvrSystem) -> Result<()> {
    system.service(Service::Gateway)?.restart()?;
    system.wait_for(Service::Gateway)
}

impl Scene<'_> {
    /// Tries every fault. Reports each trial through `say`.
    pub(super) async fn play(&mut self, mut say: impl FnMut(&str)) -> Result<()> {
        let mut lines = (FIRST_LINE..).map(Line::numbered);
        for fault in &FAULTS {
            let mut strikes: Vec<_> = fault.entries.iter().copied().map(Some).collect();
            if strikes.is_empty() {
                strikes.push(None);
            }
            for entry in strikes {
                let name = match entry {
                    Some(entry) => format!("{}-before-entry-{}", fault.name, entry + 1),
                    None => fault.name.to_owned(),
                };
                let line = lines.next().context("there are no more lines")?;
                let time = self.strike(fault, entry, &name, &line).await;
                let time = time.with_context(|| name.clone())?;
                say(&format!(
                    "{name}: the caller heard an apology; the call took {:.1} s",
                    time.as_secs_f32()
                ));
            }
        }
        let time = self.hang().await.context("adapter-hangs")?;
        say(&format!(
            "adapter-hangs: the caller heard an apology; the call took {:.1} s",
            time.as_secs_f32()
        ));
        Ok(())
    }

    /// Makes a call with a fault, repairs the fault, and makes another call.
    async fn strike(
        &mut self,
        fault: &Fault,
        entry: Option<usize>,
        name: &str,
        line: &Line,
    ) -> Result<Duration> {
        let before = self.system.clients()?.add(line, Past::New).await?;
        if entry.is_none() {
            (fault.breaks)(self.system)?;
        }
        let keyed = entry.and_then(|last| ENTRIES.get(..=last));
        let call = call(line, name, keyed.unwrap_or_default());
        let heard = self.call(&call, fault).await?;
        self.apologised(&heard.line)?;
        ensure!(heard.time < BOUND, "the call took {:?}", heard.time);
        (fault.repairs)(self.system)?;
        let clients = self.system.clients()?;
        let unchanged = clients.unchanged(line, &before).await;
        if fault.late && unchanged.is_err() {
            clients.logs_in(&line.contract).await?;
        } else {
            unchanged?;
        }
        self.works(line, name).await?;
        Ok(heard.time)
    }

    /// Makes the call. The fault strikes during the last question, before the caller presses the
    /// keys for that question.
    async fn call(&mut self, call: &Call, fault: &Fault) -> Result<Heard> {
        let mut talk = Talk::begin(call, self.asterisk.trunk, self.recordings, self.home)?;
        let last = call.acts.len().saturating_sub(1);
        for (index, act) in call.acts.iter().enumerate() {
            if index == last {
                (fault.breaks)(self.system)?;
            }
            talk.act(act).await?;
        }
        talk.end().await
    }

    /// Makes a call while the IVR adapter hangs. Asterisk ends the call after [`LONGEST`].
    async fn hang(&mut self) -> Result<Duration> {
        let asterisk = AsteriskContainer::start(self.image, self.home, self.system.agi, LONGEST)?;
        let line = Line::numbered(FIRST_LINE + 99);
        let before = self.system.clients()?.add(&line, Past::New).await?;
        signal(self.system.adapter.id(), Signal::SIGSTOP);
        let heard = call(&line, "adapter-hangs", &[])
            .make(asterisk.trunk, self.recordings, self.home)
            .await;
        signal(self.system.adapter.id(), Signal::SIGCONT);
        let heard = heard?;
        self.apologised(&heard.line)?;
        ensure!(
            heard.time < BOUND + LONGEST,
            "the call took {:?}",
            heard.time
        );
        self.system.clients()?.unchanged(&line, &before).await?;
        self.works(&line, "adapter-hangs").await?;
        Ok(heard.time)
    }

    fn apologised(&self, line: &[u8]) -> Result<()> {
        let heard = self.recordings.heard(line);
        let last = heard.last().map(String::as_str);
        ensure!(last == Some("try-later"), "heard {heard:?}");
        Ok(())
    }

    /// Checks that the next call of the line works.
    async fn works(&self, line: &Line, name: &str) -> Result<()> {
        let next = call(line, &format!("{name}-next"), &ENTRIES);
        next.make(self.asterisk.trunk, self.recordings, self.home)
            .await?;
        self.system.clients()?.logs_in(&line.contract).await
    }
}

/// A call from the contract number with these entries: the unit, the password, the password again.
fn call(line: &Line, name: &str, entries: &[&str]) -> Call {
    let questions = ["enter-unit", "enter-password-before", "confirm-password"];
    let mut acts = Vec::new();
    for (question, keys) in questions.into_iter().zip(entries) {
        acts.push(Act::Hears(question.to_owned()));
        acts.push(Act::Presses((*keys).to_owned()));
    }
    Call {
        name: name.to_owned(),
        from: From {
            user: "anonymous".to_owned(),
            asserted: Some(line.contract.clone()),
            withheld: false,
        },
        acts,
        hangs_up: false,
    }
}
