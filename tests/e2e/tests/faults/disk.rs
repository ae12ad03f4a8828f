//! A disk of a fixed size, which can be filled.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};

/// The size: enough for a PostgreSQL cluster and some of its log.
const SIZE: &str = "size=256m,mode=700";

/// A disk in memory.
#[derive(Debug)]
pub(crate) struct Disk {
    at: PathBuf,
}

impl Disk {
    /// Mounts a disk at this directory. If the process may not mount one, prints a message and
    /// returns `None`.
    #[expect(clippy::print_stderr, reason = "a skipped test must be visible")]
    pub(crate) fn at(directory: &Path) -> Option<Self> {
        std::fs::create_dir_all(directory).unwrap();
        let mounted = mount(
            Some("aikagi"),
            directory,
            Some("tmpfs"),
            MsFlags::empty(),
            Some(SIZE),
        );
        if let Err(error) = mounted {
            eprintln!("THE FULL DISK IS NOT TESTED: this process may not mount a disk ({error})");
            return None;
        }
        Some(Self {
            at: directory.to_owned(),
        })
    }

    /// Fills the disk.
    pub(crate) fn fill(&self) {
        let mut file = File::create(self.ballast()).unwrap();
        let mut piece = vec![0; 1 << 20];
        while !piece.is_empty() {
            if file.write_all(&piece).is_err() {
                piece.truncate(piece.len() / 2);
            }
        }
    }

    /// Frees the filled space.
    pub(crate) fn empty(&self) {
        let _ = std::fs::remove_file(self.ballast());
    }

    fn ballast(&self) -> PathBuf {
        self.at.join("ballast")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = umount2(&self.at, MntFlags::MNT_DETACH);
    }
}
