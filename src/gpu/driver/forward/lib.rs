//! The functions of CUDA's driver, defined here and forwarded to the machine's own at run time: a part of Aqueduct.
//!
//! `cust` links to some hundred functions named `cu…`. Were they the driver's, nobody could build without a toolkit,
//! nor start a program without a driver. So this crate defines every one of them. A call looks for the function of
//! that name in the driver's library the first time, keeps its address, and from then on costs a load and a branch more
//! than a call through a function pointer.
//!
//! What a call answers that the driver does not:
//!
//! - `CUDA_ERROR_NO_DEVICE` (100) if there is no driver; [`unavailable`] says why.
//! - `CUDA_ERROR_NOT_FOUND` (500) if the driver lacks the function; [`last_missing`] says which.
//! - `CUDA_ERROR_UNKNOWN` (999) in place of a code that `cust`'s enumeration of them lacks, because an enumeration with
//!   such a value is undefined behaviour; [`last_raw_code`] tells the code itself.
//!
//! The linker finds these symbols in every program that uses Aqueduct with its feature `cuda`, because rustc keeps each
//! `no_mangle` function of a crate that a program uses. They have a crate of their own because there must be one of
//! each: Aqueduct itself is linked twice into its own unit tests, as what is tested and as what its macros name. No
//! program exports them; a `cdylib` does, and must not be opened with `RTLD_GLOBAL` in a process that has the driver
//! already.

mod functions;
mod library;

use std::cell::Cell;
use std::ffi::{CStr, c_char, c_void};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

pub use library::{AlreadyOpened, install, unavailable};

type Pointer = *mut c_void;

const NO_DEVICE: i32 = 100;
const NOT_FOUND: i32 = 500;
const UNKNOWN: i32 = 999;

thread_local! {
    static LAST: Cell<Failure> = const { Cell::new(Failure { code: 0, missing: None }) };
}

/// How the last call of a thread that failed did so.
#[derive(Clone, Copy)]
struct Failure {
    code: i32,
    missing: Option<&'static str>,
}

/// What the driver really answered to the last call on this thread that failed, 0 if none did.
#[must_use]
pub fn last_raw_code() -> i32 {
    LAST.get().code
}

/// The function that the driver lacks, if that is why the last call on this thread that failed did so.
#[must_use]
pub fn last_missing() -> Option<&'static str> {
    LAST.get().missing
}

/// Remembers what a call really answered, and gives back what `cust` may see of it.
#[cold]
fn failed(code: i32, missing: Option<&'static str>) -> i32 {
    LAST.set(Failure { code, missing });
    if in_cust(code) { code } else { UNKNOWN }
}

/// Whether `cust`'s `CUresult` has this code: those of CUDA 11.4.
fn in_cust(code: i32) -> bool {
    matches!(
        code,
        0..=8 | 34 | 100..=102 | 200..=202 | 205..=224 | 300..=304 | 400 | 401 | 500 | 600 | 700..=705 | 708..=720
            | 800..=809 | 900..=911 | 999
    )
}

/// A function of the driver, and its address once it is known.
struct Forwarded {
    name: &'static str,
    address: AtomicPtr<c_void>,
}

impl Forwarded {
    const fn new(name: &'static str) -> Self {
        Self { name, address: AtomicPtr::new(ptr::null_mut()) }
    }

    /// Its address, or what to answer in its place.
    #[inline]
    fn address(&self) -> Result<Pointer, i32> {
        let address = self.address.load(Ordering::Acquire);
        if address.is_null() { self.find() } else { Ok(address) }
    }

    #[cold]
    fn find(&self) -> Result<Pointer, i32> {
        match library::find(self.name) {
            // Whoever else looks at the same time finds, and stores, the same.
            Ok(Some(found)) => {
                self.address.store(found, Ordering::Release);
                Ok(found)
            }
            Ok(None) => Err(failed(NOT_FOUND, Some(self.name))),
            Err(_) => Err(failed(NO_DEVICE, None)),
        }
    }
}

/// Defines functions of the driver: `name(argument: type, …);` for each.
macro_rules! forward {
    ($($name:ident($($argument:ident: $type:ty),* $(,)?);)*) => {$(
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($argument: $type),*) -> i32 {
            static FUNCTION: crate::Forwarded = crate::Forwarded::new(stringify!($name));
            let address = match FUNCTION.address() {
                Ok(address) => address,
                Err(code) => return code,
            };
            // SAFETY: the address is that of the driver's function of this name, whose arguments these are, and the
            // driver's functions never unload. `install` asks the same of its caller.
            let function: unsafe extern "C" fn($($type),*) -> i32 = unsafe { std::mem::transmute(address) };
            // SAFETY: the caller keeps what the driver asks of this function's callers.
            let code = unsafe { function($($argument),*) };
            if code == 0 { 0 } else { crate::failed(code, None) }
        }
    )*};
}
use forward;

/// What a code means, as the driver tells it, or else as we do: `cust` panics where nobody does.
///
/// # Safety
/// `to` can be written to.
unsafe fn tell(function: &Forwarded, code: i32, to: *mut *const c_char, ours: &'static CStr) -> i32 {
    if let Ok(address) = function.address() {
        // SAFETY: as in `forward`; both functions have this shape.
        let function: unsafe extern "C" fn(i32, *mut *const c_char) -> i32 = unsafe { std::mem::transmute(address) };
        // SAFETY: `to` can be written to.
        if unsafe { function(code, to) } == 0 {
            return 0;
        }
    }
    // SAFETY: `to` can be written to.
    unsafe { to.write(ours.as_ptr()) };
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn cuGetErrorString(code: i32, text: *mut *const c_char) -> i32 {
    static FUNCTION: Forwarded = Forwarded::new("cuGetErrorString");
    let ours = match code {
        NO_DEVICE => c"there is no CUDA driver, or no device that it sees",
        NOT_FOUND => c"the driver does not have what was asked for",
        _ => c"an error that the driver does not explain",
    };
    // SAFETY: the driver asks the same of this function's callers.
    unsafe { tell(&FUNCTION, code, text, ours) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn cuGetErrorName(code: i32, name: *mut *const c_char) -> i32 {
    static FUNCTION: Forwarded = Forwarded::new("cuGetErrorName");
    let ours = match code {
        NO_DEVICE => c"CUDA_ERROR_NO_DEVICE",
        NOT_FOUND => c"CUDA_ERROR_NOT_FOUND",
        _ => c"CUDA_ERROR_UNKNOWN",
    };
    // SAFETY: the driver asks the same of this function's callers.
    unsafe { tell(&FUNCTION, code, name, ours) }
}
