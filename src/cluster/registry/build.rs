//! The build id of the running program: the linker's mark of what it was built from.
//!
//! Most linkers write one (GNU build id on ELF, UUID on Mach-O), and reading it touches a few pages of the file. Where
//! there is none, the SHA-256 of the whole file stands in.

use std::{
    fs::File,
    io::{self, Read as _},
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use object::{Object as _, ReadCache};

/// The file of the running program cannot be read.
#[derive(Clone, Debug, thiserror::Error)]
#[error("cannot read the running program {}, to tell its build from others", path.display())]
pub struct BuildIdError {
    path: PathBuf,
    #[source]
    cause: Arc<io::Error>,
}

/// What tells the build of the running program from all others.
///
/// # Errors
/// If its file cannot be read.
pub fn build_id() -> Result<&'static [u8], BuildIdError> {
    static ID: OnceLock<Result<Vec<u8>, BuildIdError>> = OnceLock::new();
    let id = ID.get_or_init(|| {
        let path =
            program().map_err(|cause| BuildIdError { path: "(its path is unknown)".into(), cause: cause.into() })?;
        File::open(&path).and_then(of_file).map_err(|cause| BuildIdError { path, cause: cause.into() })
    });
    id.as_ref().map(Vec::as_slice).map_err(Clone::clone)
}

/// Linux keeps the running file open even if a new build has taken its place under its name.
fn program() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") { Ok("/proc/self/exe".into()) } else { std::env::current_exe() }
}

pub(super) fn of_file(file: File) -> io::Result<Vec<u8>> {
    let cache = ReadCache::new(file);
    if let Some(id) = mark(&cache) {
        return Ok(id);
    }
    let mut file = cache.into_inner();
    digest(&mut file)
}

/// The linker's mark; none if the file is of a kind that has none.
fn mark(cache: &ReadCache<File>) -> Option<Vec<u8>> {
    let program = object::File::parse(cache).ok()?;
    let uuid = program.mach_uuid().ok().flatten().map(|uuid| uuid.to_vec());
    uuid.or_else(|| program.build_id().ok().flatten().map(<[u8]>::to_vec)).filter(|id| !id.is_empty())
}

fn digest(file: &mut File) -> io::Result<Vec<u8>> {
    io::Seek::rewind(file)?;
    let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(digest.finish().as_ref().to_vec()),
            Ok(count) => digest.update(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
