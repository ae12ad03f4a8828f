//! Faults during real calls: the caller hears an apology in bounded time, nothing is half set, the next call works.

use std::path::Path;
use std::time::Duration;

use aikagi_devkit::command::signal;
use aikagi_devkit::installation::workloads::Service;
use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;

use super::audio::Recordings;
use super::caller::{Act, Call, From, Heard, Talk};
use super::cases::{Line, PASSWORD, Past};
use super::exchange::Exchange;
use super::office::Office;

/// The apology's own length and the question before it, the deadlines of a turn, and a busy machine.
const BOUND: Duration = Duration::from_secs(40);
/// The first line of these calls; the cases have those before.
const FIRST_LINE: u32 = 900;
/// The longest call of the exchange whose telephone hangs.
const LONGEST: Duration = Duration::from_secs(12);

/// What faults are tried on.
pub(super) struct Scene<'a> {
    /// The system.
    pub(super) office: &'a mut Office,
    /// Asterisk.
    pub(super) exchange: &'a Exchange,
    /// The image that it runs from.
    pub(super) image: &'a str,
    /// What may be heard.
    pub(super) recordings: &'a Recordings,
    /// Where files go.
    pub(super) home: &'a Path,
}

/// What a caller keys: the unit, the password, the password again.
const ENTRIES: [&str; 3] = ["1", PASSWORD, PASSWORD];

/// A fault: what breaks, and what mends it.
struct Fault {
    name: &'static str,
    /// The entries before which it strikes, each in a call of its own; if there are none, it strikes before the call.
    entries: &'static [usize],
    /// What the last entry asks for may be done once the fault is mended: the whole of it, or nothing.
    late: bool,
    breaks: fn(&mut Office) -> Result<()>,
    mends: fn(&mut Office) -> Result<()>,
}

const FAULTS: [Fault; 5] = [
    Fault {
        name: "gateway-down",
        entries: &[],
        late: false,
        breaks: kill_gateway,
        mends: restart_gateway,
    },
    Fault {
        name: "gateway-killed",
        entries: &[0, 2],
        late: false,
        breaks: kill_gateway,
        mends: restart_gateway,
    },
    Fault {
        name: "telephone-down",
        entries: &[],
        late: false,
        breaks: |office| {
            office.telephone.kill9();
            Ok(())
        },
        mends: Office::restart_telephone,
    },
    Fault {
        name: "telephone-killed",
        entries: &[0, 2],
        late: false,
        breaks: |office| {
            office.telephone.kill9();
            Ok(())
        },
        mends: Office::restart_telephone,
    },
    Fault {
        name: "slow-answers",
        entries: &[0, 2],
        late: true,
        breaks: |office| {
            signal(office.service(Service::Issuance)?.id(), Signal::SIGSTOP);
            Ok(())
        },
        mends: |office| {
            signal(office.service(Service::Issuance)?.id(), Signal::SIGCONT);
            office.wait_for(Service::Issuance)
        },
    },
];

fn kill_gateway(office: &mut Office) -> Result<()> {
    office.service(Service::Gateway)?.kill9();
    Ok(())
}

fn restart_gateway(office: &mut Office) -> Result<()> {
    office.service(Service::Gateway)?.restart()?;
    office.wait_for(Service::Gateway)
}

impl Scene<'_> {
    /// Tries every fault; `say` hears what is tried.
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
                let line = lines.next().context("no line is left")?;
                let time = self.strike(fault, entry, &name, &line).await;
                let time = time.with_context(|| name.clone())?;
                say(&format!(
                    "{name}: an apology, {:.1} s from the call's start to its end",
                    time.as_secs_f32()
                ));
            }
        }
        let time = self.hang().await.context("telephone-hangs")?;
        say(&format!(
            "telephone-hangs: an apology, {:.1} s from the call's start to its end",
            time.as_secs_f32()
        ));
        Ok(())
    }

    /// A call that a fault strikes, then one that it does not.
    async fn strike(
        &mut self,
        fault: &Fault,
        entry: Option<usize>,
        name: &str,
        line: &Line,
    ) -> Result<Duration> {
        let before = self.office.behind()?.add(line, Past::New).await?;
        if entry.is_none() {
            (fault.breaks)(self.office)?;
        }
        let keyed = entry.and_then(|last| ENTRIES.get(..=last));
        let call = call(line, name, keyed.unwrap_or_default());
        let heard = self.call(&call, fault).await?;
        self.apologised(&heard.line)?;
        ensure!(heard.time < BOUND, "it took {:?}", heard.time);
        (fault.mends)(self.office)?;
        let behind = self.office.behind()?;
        let unchanged = behind.unchanged(line, &before).await;
        if fault.late && unchanged.is_err() {
            behind.logs_in(&line.contract).await?;
        } else {
            unchanged?;
        }
        self.works(line, name).await?;
        Ok(heard.time)
    }

    /// The call; the fault strikes while the last question is being said, before its keys are pressed.
    async fn call(&mut self, call: &Call, fault: &Fault) -> Result<Heard> {
        let mut talk = Talk::begin(call, self.exchange.trunk, self.recordings, self.home)?;
        let last = call.acts.len().saturating_sub(1);
        for (index, act) in call.acts.iter().enumerate() {
            if index == last {
                (fault.breaks)(self.office)?;
            }
            talk.act(act).await?;
        }
        talk.end().await
    }

    /// The telephone hangs: Asterisk itself ends the call after its longest time.
    async fn hang(&mut self) -> Result<Duration> {
        let exchange = Exchange::start(self.image, self.home, self.office.agi, LONGEST)?;
        let line = Line::numbered(FIRST_LINE + 99);
        let before = self.office.behind()?.add(&line, Past::New).await?;
        signal(self.office.telephone.id(), Signal::SIGSTOP);
        let heard = call(&line, "telephone-hangs", &[])
            .make(exchange.trunk, self.recordings, self.home)
            .await;
        signal(self.office.telephone.id(), Signal::SIGCONT);
        let heard = heard?;
        self.apologised(&heard.line)?;
        ensure!(heard.time < BOUND + LONGEST, "it took {:?}", heard.time);
        self.office.behind()?.unchanged(&line, &before).await?;
        self.works(&line, "telephone-hangs").await?;
        Ok(heard.time)
    }

    fn apologised(&self, line: &[u8]) -> Result<()> {
        let heard = self.recordings.heard(line);
        let last = heard.last().map(String::as_str);
        ensure!(last == Some("try-later"), "heard {heard:?}");
        Ok(())
    }

    /// The next call of the line works.
    async fn works(&self, line: &Line, name: &str) -> Result<()> {
        let next = call(line, &format!("{name}-next"), &ENTRIES);
        next.make(self.exchange.trunk, self.recordings, self.home)
            .await?;
        self.office.behind()?.logs_in(&line.contract).await
    }
}

/// A caller on the contract number who presses these entries: the unit, the password, the password again.
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
