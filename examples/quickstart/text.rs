//! Text in chunks, and the words in them.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// How much of a file is read at once.
pub(crate) const CHUNK: usize = 256 * 1024;

/// A piece of a file that neither begins nor ends inside a word.
#[derive(Debug)]
pub(crate) struct Chunk {
    text: Vec<u8>,
    /// True for the last piece of its file; every file has one, even an empty file.
    last: bool,
}

/// The chunks of a file; after an error there is none.
///
/// A chunk has the size [`CHUNK`], more or less a word. A word that is longer makes its chunk longer: it has to be
/// kept anyway.
#[derive(Debug)]
pub(crate) struct Chunks {
    file: Option<io::Result<File>>,
    /// The beginning of a word that the last chunk has left.
    rest: Vec<u8>,
}

impl Chunks {
    pub(crate) fn of_file(path: &Path) -> Self {
        Self { file: Some(File::open(path)), rest: Vec::new() }
    }
}

impl Iterator for Chunks {
    type Item = io::Result<Chunk>;

    fn next(&mut self) -> Option<io::Result<Chunk>> {
        let mut file = match self.file.take()? {
            Ok(file) => file,
            Err(error) => return Some(Err(error)),
        };
        let mut text = std::mem::take(&mut self.rest);
        loop {
            let old = text.len();
            text.reserve(CHUNK);
            match file.by_ref().take(CHUNK as u64).read_to_end(&mut text) {
                Err(error) => return Some(Err(error)),
                Ok(read) if read < CHUNK => return Some(Ok(Chunk { text, last: true })),
                Ok(_) => {}
            }
            if let Some(gap) = text[old..].iter().rposition(|byte| !byte.is_ascii_alphabetic()) {
                self.rest = text.split_off(old + gap);
                self.file = Some(Ok(file));
                return Some(Ok(Chunk { text, last: false }));
            }
        }
    }
}

/// How often each word occurs, and how much text that was.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Files that have been read to their ends.
    pub(crate) files: u64,
    pub(crate) bytes: u64,
    /// Words, each as often as it occurs.
    pub(crate) total: u64,
    pub(crate) words: HashMap<Vec<u8>, u64>,
}

impl Tally {
    pub(crate) fn of(mut chunk: Chunk) -> Self {
        let mut tally = Self { files: chunk.last.into(), bytes: chunk.text.len() as u64, ..Self::default() };
        chunk.text.make_ascii_lowercase();
        for word in chunk.text.split(|byte| !byte.is_ascii_lowercase()).filter(|word| !word.is_empty()) {
            tally.total += 1;
            match tally.words.get_mut(word) {
                Some(count) => *count += 1,
                None => {
                    tally.words.insert(word.to_vec(), 1);
                }
            }
        }
        tally
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.files += other.files;
        self.bytes += other.bytes;
        self.total += other.total;
        for (word, count) in other.words {
            *self.words.entry(word).or_default() += count;
        }
    }
}
