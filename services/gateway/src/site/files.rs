//! The files of a directory, in memory. Responses with the same file share one copy of its content.

use std::collections::{HashMap, HashSet};
use std::future::{Ready, ready};
use std::io::{self, SeekFrom};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::SystemTime;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncSeek, ReadBuf};
use tower_http::services::fs::{Backend, File, Metadata};

/// The files of a directory. Clones share them.
#[derive(Clone, Debug)]
pub(super) struct Files {
    content: Arc<Content>,
    /// The content of the file that this request opened last.
    opened: Arc<Mutex<Option<Bytes>>>,
}

#[derive(Debug, Default)]
struct Content {
    files: HashMap<PathBuf, Stored>,
    /// The directories, without the root.
    directories: HashSet<PathBuf>,
}

/// The content of a file.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    bytes: Bytes,
    modified: Option<SystemTime>,
}

impl Files {
    /// Reads all files of a directory and of its subdirectories.
    pub(super) fn read(directory: &Path) -> io::Result<Self> {
        let mut content = Content::default();
        content.read(directory, Path::new(""))?;
        Ok(Self {
            content: Arc::new(content),
            opened: Arc::default(),
        })
    }

    /// The same files for one request, which records the file that it opens.
    pub(super) fn for_request(&self) -> Self {
        Self {
            content: Arc::clone(&self.content),
            opened: Arc::default(),
        }
    }

    /// Takes the content of the file that this request opened last.
    pub(super) fn opened(&self) -> Option<Bytes> {
        self.opened
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

impl Content {
    fn read(&mut self, directory: &Path, name: &Path) -> io::Result<()> {
        for entry in std::fs::read_dir(directory)? {
            let entry = entry?;
            let (path, name) = (entry.path(), name.join(entry.file_name()));
            let metadata = std::fs::metadata(&path)?;
            if metadata.is_dir() {
                self.read(&path, &name)?;
                self.directories.insert(name);
            } else {
                let stored = Stored {
                    bytes: std::fs::read(&path)?.into(),
                    modified: metadata.modified().ok(),
                };
                self.files.insert(name, stored);
            }
        }
        Ok(())
    }

    fn find(&self, path: &Path) -> io::Result<Found> {
        // ServeDir names a file `./name`.
        let path = path.strip_prefix(".").unwrap_or(path);
        if path.as_os_str().is_empty() || self.directories.contains(path) {
            return Ok(Found::Directory);
        }
        let stored = self.files.get(path);
        stored
            .map(|stored| Found::File(stored.clone()))
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// The file or directory at a path.
#[derive(Clone, Debug)]
pub(super) enum Found {
    Directory,
    File(Stored),
}

impl Metadata for Found {
    fn is_dir(&self) -> bool {
        matches!(self, Self::Directory)
    }

    fn modified(&self) -> io::Result<SystemTime> {
        match self {
            Self::File(Stored {
                modified: Some(modified),
                ..
            }) => Ok(*modified),
            Self::File(_) | Self::Directory => Err(io::ErrorKind::Unsupported.into()),
        }
    }

    fn len(&self) -> u64 {
        match self {
            Self::File(stored) => stored.bytes.len() as u64,
            Self::Directory => 0,
        }
    }
}

/// An opened file. Nothing is read from it, because the response takes the bytes from [`Files::opened`].
#[derive(Debug)]
pub(super) struct Opened(Found);

impl AsyncRead for Opened {
    fn poll_read(
        self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        _buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncSeek for Opened {
    fn start_seek(self: Pin<&mut Self>, _position: SeekFrom) -> io::Result<()> {
        Ok(())
    }

    fn poll_complete(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Poll::Ready(Ok(0))
    }
}

impl File for Opened {
    type Metadata = Found;
    type MetadataFuture<'a> = Ready<io::Result<Found>>;

    fn metadata(&self) -> Self::MetadataFuture<'_> {
        ready(Ok(self.0.clone()))
    }
}

impl Backend for Files {
    type File = Opened;
    type Metadata = Found;
    type OpenFuture = Ready<io::Result<Opened>>;
    type MetadataFuture = Ready<io::Result<Found>>;

    fn open(&self, path: PathBuf) -> Self::OpenFuture {
        let found = self.content.find(&path);
        if let Ok(Found::File(stored)) = &found {
            let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
            *opened = Some(stored.bytes.clone());
        }
        ready(found.map(Opened))
    }

    fn metadata(&self, path: PathBuf) -> Self::MetadataFuture {
        ready(self.content.find(&path))
    }
}
