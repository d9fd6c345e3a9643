//! Finding files.

use std::fmt;
use std::fs::{self, ReadDir};
use std::io;
use std::path::{Path, PathBuf};

/// Something that could not be read, and why.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) path: PathBuf,
    pub(crate) reason: io::Error,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // In quotes and with escapes: a name may contain anything.
        write!(f, "cannot read {:?}: {}", self.path, self.reason)
    }
}

/// The file that is named, or, if that is a directory, the files in it, at any depth; each with its size.
///
/// What is named may be anything that can be read. Inside a directory only regular files count, and links to them; a
/// link to a directory is not followed, for it may lead back.
pub(crate) fn walk(named: PathBuf) -> impl Iterator<Item = Result<(PathBuf, u64), Problem>> {
    Walk { named: Some(named), folders: Vec::new(), listing: None }
}

struct Walk {
    named: Option<PathBuf>,
    /// Directories that are still to be listed.
    folders: Vec<PathBuf>,
    /// The directory that is being listed.
    listing: Option<(PathBuf, ReadDir)>,
}

impl Iterator for Walk {
    type Item = Result<(PathBuf, u64), Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(path) = self.named.take() {
                match fs::metadata(&path) {
                    Ok(about) if about.is_dir() => self.folders.push(path),
                    Ok(about) => return Some(Ok((path, about.len()))),
                    Err(reason) => return Some(Err(Problem { path, reason })),
                }
            }
            let Some((folder, entries)) = &mut self.listing else {
                let path = self.folders.pop()?;
                match fs::read_dir(&path) {
                    Ok(entries) => self.listing = Some((path, entries)),
                    Err(reason) => return Some(Err(Problem { path, reason })),
                }
                continue;
            };
            let path = match entries.next() {
                Some(Ok(entry)) => entry.path(),
                Some(Err(reason)) => return Some(Err(Problem { path: folder.clone(), reason })),
                None => {
                    self.listing = None;
                    continue;
                }
            };
            match look(&path) {
                Ok(Found::File(bytes)) => return Some(Ok((path, bytes))),
                Ok(Found::Folder) => self.folders.push(path),
                Ok(Found::LinkToFolder) => {}
                Err(reason) => return Some(Err(Problem { path, reason })),
            }
        }
    }
}

enum Found {
    File(u64),
    Folder,
    LinkToFolder,
}

fn look(path: &Path) -> io::Result<Found> {
    let about = fs::metadata(path)?;
    if about.is_file() {
        Ok(Found::File(about.len()))
    } else if !about.is_dir() {
        Err(io::Error::other("it is neither a file nor a directory"))
    } else if path.is_symlink() {
        Ok(Found::LinkToFolder)
    } else {
        Ok(Found::Folder)
    }
}
