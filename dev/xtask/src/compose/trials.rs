//! What is tried with the system in containers.

use std::process::Command;

use aikagi_devkit::command::show;
use aikagi_devkit::process;
use anyhow::Result;

use super::{
    RUNNING, Stage, bills, confined, disturbed, failover, kept, previous, telephone, visitors,
};

/// One thing that is tried.
pub(super) struct Trial {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    /// `cargo xtask test` tries it, too.
    pub(super) quick: bool,
    pub(super) run: fn(&Stage<'_>) -> Result<()>,
}

/// All trials, in order; each leaves the system well.
pub(super) const TRIALS: [Trial; 13] = [
    Trial {
        name: "story",
        about: "the whole story, by the published ports",
        quick: true,
        run: story,
    },
    Trial {
        name: "confined",
        about: "who reaches whom, and what can be written, from inside each container",
        quick: true,
        run: |stage| confined::check(stage, &RUNNING),
    },
    Trial {
        name: "bills",
        about: "what the images say of what is in them",
        quick: true,
        run: bills::check,
    },
    Trial {
        name: "visitors",
        about: "the operator's command line and the demo's telephone, in containers",
        quick: true,
        run: visitors::come,
    },
    Trial {
        name: "telephone",
        about: "real calls by the published ports of Asterisk",
        quick: false,
        run: telephone::calls,
    },
    Trial {
        name: "scaling",
        about: "more replicas under load, and fewer",
        quick: true,
        run: disturbed::scaling,
    },
    Trial {
        name: "emptied",
        about: "Redis loses everything under load",
        quick: false,
        run: disturbed::emptied,
    },
    Trial {
        name: "rolling",
        about: "every service is restarted under load, one replica after the other",
        quick: true,
        run: disturbed::rolling,
    },
    Trial {
        name: "kills",
        about: "kill -9 of each container under load",
        quick: true,
        run: disturbed::kills,
    },
    Trial {
        name: "rotation",
        about: "new keys and new certificates under load",
        quick: false,
        run: kept::rotation,
    },
    Trial {
        name: "restore",
        about: "a backup, restored up to a moment",
        quick: true,
        run: kept::restore,
    },
    Trial {
        name: "upgrade",
        about: "from the version before the last migration to this one, both at work meanwhile",
        quick: false,
        run: previous::upgrade,
    },
    Trial {
        name: "failover",
        about: "Redis by Sentinel and PostgreSQL to its standby, under load; and back",
        quick: false,
        run: failover::failover,
    },
];

fn story(stage: &Stage<'_>) -> Result<()> {
    let file = stage.published_state()?;
    let mut demo = Command::new(process::executable(&stage.binaries, "demo")?);
    show(demo.arg("--quiet").arg("--state").arg(file), "the demo")
}
