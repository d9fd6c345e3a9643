//! Where the driver's functions come from: the machine's library, or whoever was installed in its place.
//!
//! The choice falls at the first use, once for the whole program, and stays: addresses that were handed out must remain
//! good. So the library is never closed, and a stand-in comes before the first use or not at all.

use std::ffi::c_void;
use std::fmt::Write as _;
use std::sync::OnceLock;

use libloading::Library;
use thiserror::Error;

/// The driver's library, where it is usually found; the loader knows most places itself.
const PLACES: &[&str] = if cfg!(windows) {
    &["nvcuda.dll"]
} else if cfg!(target_os = "linux") {
    &[
        "libcuda.so.1",
        "libcuda.so",
        // Under Windows' Linux, in containers, and on rented machines.
        "/usr/lib/wsl/lib/libcuda.so.1",
        "/usr/local/nvidia/lib64/libcuda.so.1",
        "/usr/lib64-nvidia/libcuda.so.1",
    ]
} else {
    &[]
};

static SOURCE: OnceLock<Source> = OnceLock::new();

enum Source {
    /// The machine's driver.
    Library(Library),
    /// A stand-in for it.
    Installed(fn(&str) -> Option<*const c_void>),
    /// There is none: what was tried, and what came of it.
    None(String),
}

/// The driver is in use already, so that nobody can stand in for it any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the driver's functions have been asked for already: install a stand-in before the first use, and only one")]
pub struct AlreadyOpened;

/// Lets `answer` stand in for the driver, from now to the end of the program: it is asked for each function by name.
///
/// # Errors
/// [`AlreadyOpened`] if a function of the driver was called before, or a stand-in is there already.
///
/// # Safety
/// What it answers for a name is a function with the arguments and the result that CUDA's driver API gives to that
/// name, or nothing.
pub unsafe fn install(answer: fn(&str) -> Option<*const c_void>) -> Result<(), AlreadyOpened> {
    SOURCE.set(Source::Installed(answer)).map_err(|_| AlreadyOpened)
}

/// Why there is no driver, or nothing if there is one.
#[must_use]
pub fn unavailable() -> Option<&'static str> {
    match source() {
        Source::None(reason) => Some(reason),
        Source::Library(_) | Source::Installed(_) => None,
    }
}

/// The address of a function; nothing if the driver lacks it, and an error if there is no driver.
pub(crate) fn find(name: &str) -> Result<Option<*mut c_void>, &'static str> {
    let address = match source() {
        // SAFETY: only the address is taken here. Whoever calls it knows its shape.
        Source::Library(library) => unsafe { library.get::<*mut c_void>(name.as_bytes()) }.ok().map(|symbol| *symbol),
        Source::Installed(answer) => answer(name).map(<*const c_void>::cast_mut),
        Source::None(reason) => return Err(reason),
    };
    Ok(address.filter(|address| !address.is_null()))
}

fn source() -> &'static Source {
    SOURCE.get_or_init(|| match open(PLACES) {
        Ok(library) => Source::Library(library),
        Err(tried) => Source::None(tried),
    })
}

/// Opens the first library that opens, or says why none does.
fn open(places: &[&str]) -> Result<Library, String> {
    if places.is_empty() {
        return Err("CUDA has no driver for this operating system".to_owned());
    }
    let mut tried = String::new();
    for place in places {
        // SAFETY: it is the driver's library, whose initialisation is meant to run in any program.
        match unsafe { Library::new(place) } {
            Ok(library) => return Ok(library),
            Err(error) => {
                let comma = if tried.is_empty() { "" } else { "; " };
                // Writing to a string does not fail. Some systems' errors name the library, some do not.
                let _ = write!(tried, "{comma}{place}: {}", plain(place, &error));
            }
        }
    }
    Err(tried)
}

fn plain(place: &str, error: &libloading::Error) -> String {
    let text = match std::error::Error::source(error) {
        Some(cause) => cause.to_string(),
        None => error.to_string(),
    };
    text.trim_start_matches(place).trim_start_matches(": ").to_owned()
}

#[cfg(test)]
mod tests {
    use super::open;

    #[test]
    fn a_library_that_is_not_there_is_named_with_its_reason_once() {
        let tried = open(&["libaqueduct-has-none.so.1", "libaqueduct-has-none-either.so"]).expect_err("there are none");
        assert_eq!(tried.matches("libaqueduct-has-none.so.1").count(), 1, "{tried}");
        assert!(tried.contains("; libaqueduct-has-none-either.so: "), "{tried}");
        assert!(tried.split("; ").all(|one| one.split_once(": ").is_some_and(|(_, why)| !why.is_empty())), "{tried}");
    }

    #[test]
    fn an_operating_system_without_places_is_told_so() {
        assert!(open(&[]).expect_err("no places").contains("operating system"));
    }
}
