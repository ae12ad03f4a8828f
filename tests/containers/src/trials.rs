//! The trials: tests of the system in containers.

mod backup;
mod calls;
mod disruptions;
mod failover;
mod isolation;
mod outside_workloads;
mod rotation;
mod sbom;
mod upgrade;

use anyhow::Result;

use crate::system::{ContainerSystem, RUNNING};

/// One test of the system in containers.
pub(crate) struct Trial {
    /// The trial's name, for `--trial`.
    pub(crate) name: &'static str,
    /// A short description, for the console.
    pub(crate) about: &'static str,
    /// True if `cargo xtask test` runs the trial too.
    pub(crate) quick: bool,
    /// Runs the trial.
    pub(crate) run: fn(&ContainerSystem<'_>) -> Result<()>,
}

/// All trials, in order. Each leaves a healthy system.
pub(crate) const TRIALS: [Trial; 13] = [
    Trial {
        name: "story",
        about: "plays the whole story through the published ports",
        quick: true,
        run: |system| system.run_program("demo", &["--quiet"]),
    },
    Trial {
        name: "isolation",
        about: "tries from inside each container what it can reach and write",
        quick: true,
        run: |system| isolation::check(system, &RUNNING),
    },
    Trial {
        name: "sbom",
        about: "reads the bills of materials in the images",
        quick: true,
        run: sbom::check,
    },
    Trial {
        name: "outside-workloads",
        about: "runs the operator's command line and the softphone as containers",
        quick: true,
        run: outside_workloads::check,
    },
    Trial {
        name: "calls",
        about: "makes real calls through the published ports of Asterisk",
        quick: false,
        run: calls::make,
    },
    Trial {
        name: "scaling",
        about: "adds replicas under load, and removes them",
        quick: true,
        run: disruptions::scaling,
    },
    Trial {
        name: "redis-emptied",
        about: "deletes everything in Redis under load",
        quick: false,
        run: disruptions::emptied,
    },
    Trial {
        name: "rolling",
        about: "restarts every service under load, one replica after the other",
        quick: true,
        run: disruptions::rolling,
    },
    Trial {
        name: "kills",
        about: "kills each container under load",
        quick: true,
        run: disruptions::kills,
    },
    Trial {
        name: "rotation",
        about: "replaces the key and the certificates under load",
        quick: false,
        run: rotation::rotation,
    },
    Trial {
        name: "restore",
        about: "restores a backup to a point in time",
        quick: true,
        run: backup::restore,
    },
    Trial {
        name: "upgrade",
        about: "upgrades under load from an earlier version",
        quick: false,
        run: upgrade::upgrade,
    },
    Trial {
        name: "failover",
        about: "fails over Redis and PostgreSQL under load, and back",
        quick: false,
        run: failover::failover,
    },
];
