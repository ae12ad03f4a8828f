//! Faults during real calls: the caller hears an apology in bounded time, nothing is half set, the next call works.

use std::path::Path;
use std::time::Duration;

use aikagi_devkit::command::signal;
use aikagi_devkit::settings::Service;
use anyhow::{Context, Result, ensure};
use nix::sys::signal::Signal;

use super::audio::Recordings;
use super::caller::{Act, Call, From, Heard, Talk};
use super::cases::{Line, PASSWORD};
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

/// A fault: what breaks, and what mends it.
struct Fault {
    name: &'static str,
    /// Strikes before the call, or in the midst of it.
    before: bool,
    breaks: fn(&mut Office) -> Result<()>,
    mends: fn(&mut Office) -> Result<()>,
}

const FAULTS: [Fault; 5] = [
    Fault {
        name: "gateway-down",
        before: true,
        breaks: kill_gateway,
        mends: restart_gateway,
    },
    Fault {
        name: "gateway-killed",
        before: false,
        breaks: kill_gateway,
        mends: restart_gateway,
    },
    Fault {
        name: "telephone-down",
        before: true,
        breaks: |office| {
            office.telephone.kill9();
            Ok(())
        },
        mends: Office::restart_telephone,
    },
    Fault {
        name: "telephone-killed",
        before: false,
        breaks: |office| {
            office.telephone.kill9();
            Ok(())
        },
        mends: Office::restart_telephone,
    },
    Fault {
        name: "slow-answers",
        before: false,
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
        for (index, fault) in (FIRST_LINE..).zip(FAULTS) {
            let line = Line::numbered(index);
            self.office.behind()?.add(&line).await?;
            let time = self.strike(&fault, &line).await.context(fault.name)?;
            say(&format!(
                "{}: an apology, {:.1} s from the call's start to its end",
                fault.name,
                time.as_secs_f32()
            ));
        }
        let time = self.hang().await.context("telephone-hangs")?;
        say(&format!(
            "telephone-hangs: an apology, {:.1} s from the call's start to its end",
            time.as_secs_f32()
        ));
        Ok(())
    }

    /// A call that a fault strikes, then one that it does not.
    async fn strike(&mut self, fault: &Fault, line: &Line) -> Result<Duration> {
        if fault.before {
            (fault.breaks)(self.office)?;
        }
        let call = call(line, fault.name, if fault.before { &[] } else { &["1"] });
        let heard = self.call(&call, fault).await?;
        self.apologised(&heard.line)?;
        ensure!(heard.time < BOUND, "it took {:?}", heard.time);
        (fault.mends)(self.office)?;
        self.office.behind()?.unchanged(line).await?;
        self.works(line, fault.name).await?;
        Ok(heard.time)
    }

    /// The call; in its midst the fault strikes while the question is being said, before a key is pressed.
    async fn call(&mut self, call: &Call, fault: &Fault) -> Result<Heard> {
        let mut talk = Talk::begin(call, self.exchange.trunk, self.recordings, self.home)?;
        for act in &call.acts {
            if !fault.before && matches!(act, Act::Presses(_)) {
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
        self.office.behind()?.add(&line).await?;
        signal(self.office.telephone.id(), Signal::SIGSTOP);
        let heard = call(&line, "telephone-hangs", &[])
            .make(exchange.trunk, self.recordings, self.home)
            .await;
        signal(self.office.telephone.id(), Signal::SIGCONT);
        let heard = heard?;
        self.apologised(&heard.line)?;
        ensure!(heard.time < BOUND + LONGEST, "it took {:?}", heard.time);
        self.office.behind()?.unchanged(&line).await?;
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
        let next = call(line, &format!("{name}-next"), &["1", PASSWORD, PASSWORD]);
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
