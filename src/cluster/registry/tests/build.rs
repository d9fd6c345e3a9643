//! What tells builds apart.

use std::{fs, fs::File, path::PathBuf};

use crate::cluster::registry::{build::of_file, build_id};

struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, content: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("aqueduct-build-id-{}-{name}", std::process::id()));
        fs::write(&path, content).unwrap();
        Self(path)
    }

    fn id(&self) -> Vec<u8> {
        of_file(File::open(&self.0).unwrap()).unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left over lies among temporary files.
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn the_running_program_has_an_id_and_a_copy_of_it_has_the_same() {
    let own = build_id().unwrap();
    assert!(own.len() >= 8, "{own:?}");
    assert_eq!(build_id().unwrap(), own);
    let copy = Scratch::new("copy", &fs::read(std::env::current_exe().unwrap()).unwrap());
    assert_eq!(copy.id(), own);
}

#[test]
fn a_file_without_a_mark_is_known_by_its_content() {
    let id = Scratch::new("plain", b"abc").id();
    let hex: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "SHA-256 of `abc`");
    assert_ne!(Scratch::new("other", b"abd").id(), id);
    assert_eq!(Scratch::new("empty", b"").id().len(), 32);
}

/// A few bytes of a program's head, and then garbage: read as far as it goes, and then known by its content.
#[test]
fn a_broken_program_is_known_by_its_content() {
    let mut program = fs::read(std::env::current_exe().unwrap()).unwrap();
    program.truncate(4096);
    for (index, byte) in program.iter_mut().enumerate().skip(24) {
        *byte = u8::try_from(index % 251).unwrap();
    }
    assert_eq!(Scratch::new("broken", &program).id().len(), 32);
}
