//! The anchor: a file with the head of each chain. The operator must keep it in a place where a person who can rewrite
//! the database cannot change it.
//!
//! The first line names the format. Each further line has a chain, a sequence and a hash, separated by spaces. The
//! chains are sorted, so that two files can be compared with `diff`.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, BufWriter, Write as _};
use std::path::Path;

use aikagi_domain::audit_chain::{ChainHash, Mark};

use crate::error::CommandError;

const FORMAT: &str = "aikagi-audit-heads 1";

/// The content of an anchor file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Anchor {
    /// The recorded head of each chain.
    pub(super) marks: BTreeMap<i64, Mark>,
}

impl Anchor {
    /// Reads the file. If it does not exist, the anchor has no marks.
    pub(super) fn read(path: &Path) -> Result<Self, CommandError> {
        let shown = path.display();
        let file = match std::fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            Err(error) => return Err(CommandError::io(&format!("cannot read {shown}"), &error)),
        };
        let mut marks = BTreeMap::new();
        for (index, line) in BufReader::new(file).lines().enumerate() {
            let line =
                line.map_err(|error| CommandError::io(&format!("cannot read {shown}"), &error))?;
            if index == 0 && line == FORMAT {
                continue;
            }
            let (chain, mark) = parse(&line).filter(|_| index > 0).ok_or_else(|| {
                CommandError::usage(format!("{shown}:{}: not a line of an anchor", index + 1))
                    .hint("the file was not changed; to start a new anchor, rename this file")
            })?;
            marks.insert(chain, mark);
        }
        Ok(Self { marks })
    }

    /// Replaces the file atomically: a reader sees the old content or the new content.
    pub(super) fn write(&self, path: &Path) -> Result<(), CommandError> {
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let written = tempfile::NamedTempFile::new_in(directory).and_then(|file| {
            let mut out = BufWriter::new(file);
            writeln!(out, "{FORMAT}")?;
            for (chain, mark) in &self.marks {
                writeln!(out, "{chain} {} {}", mark.sequence, mark.hash)?;
            }
            let file = out
                .into_inner()
                .map_err(std::io::IntoInnerError::into_error)?;
            file.as_file().sync_all()?;
            file.persist(path).map_err(|error| error.error)?;
            Ok(())
        });
        written
            .map_err(|error| CommandError::io(&format!("cannot write {}", path.display()), &error))
    }
}

fn parse(line: &str) -> Option<(i64, Mark)> {
    let mut parts = line.split(' ');
    let chain = parts.next()?.parse().ok()?;
    let sequence = parts.next()?.parse().ok()?;
    let hash = ChainHash::from_hexadecimal(parts.next()?)?;
    parts
        .next()
        .is_none()
        .then_some((chain, Mark { sequence, hash }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// OPS-3: a written anchor is read back unchanged, and a file in another format is refused.
    #[test]
    fn an_anchor_is_read_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("heads");
        assert_eq!(Anchor::read(&path).unwrap(), Anchor::default());
        let hash = ChainHash::from_slice(&[0xab; 32]).unwrap();
        let marks = [(-3, 4), (12, 1)].map(|(chain, sequence)| (chain, Mark { sequence, hash }));
        let anchor = Anchor {
            marks: marks.into(),
        };
        anchor.write(&path).unwrap();
        assert_eq!(Anchor::read(&path).unwrap(), anchor);
        for other in [
            "",
            "1 2 3",
            "aikagi-audit-heads 1\n1 2",
            "aikagi-audit-heads 2\n",
        ] {
            std::fs::write(&path, other).unwrap();
            assert_eq!(Anchor::read(&path).is_ok(), other.is_empty(), "{other}");
        }
    }
}
