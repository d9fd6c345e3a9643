//! The count of calls.

use std::ffi::c_void;
use std::mem::transmute;
use std::ops::Sub;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use aqueduct::gpu::driver::{self, AlreadyOpened};
use libloading::Library;

type Pointer = *mut c_void;

static SOURCE: OnceLock<fn(&str) -> Option<*const c_void>> = OnceLock::new();

/// Opens the first library that opens.
pub(super) fn open(places: &[&str]) -> Option<Library> {
    // SAFETY: it is the driver's library, whose initialisation is meant to run in any program.
    places.iter().find_map(|place| unsafe { Library::new(place) }.ok())
}

/// The address of a function of the library's.
pub(super) fn symbol(library: &Library, name: &str) -> Option<*const c_void> {
    // SAFETY: only the address is taken here. Whoever calls it knows its shape.
    unsafe { library.get::<*const c_void>(name.as_bytes()) }.ok().map(|symbol| *symbol)
}

/// Lets everybody call the functions of `source`, those that are counted by way of the count.
pub(super) fn install(source: fn(&str) -> Option<*const c_void>) -> Result<(), AlreadyOpened> {
    SOURCE.get_or_init(|| source);
    // SAFETY: `answer` gives functions of the driver, or of one that stands in for it, under their own names.
    unsafe { driver::install(answer) }
}

/// How often each of the counted functions was called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Counts([u64; NAMES.len()]);

impl Counts {
    /// How often the function of this name was called.
    ///
    /// # Panics
    /// If it is not counted.
    pub(crate) fn of(&self, name: &str) -> u64 {
        match NAMES.iter().position(|counted| *counted == name) {
            Some(place) => self.0[place],
            None => panic!("{name} is not counted"),
        }
    }
}

impl Sub for Counts {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self(std::array::from_fn(|place| self.0[place] - earlier.0[place]))
    }
}

/// The counts now.
pub(crate) fn counts() -> Counts {
    Counts(std::array::from_fn(|place| CALLS[place].load(Ordering::Relaxed)))
}

macro_rules! counted {
    ($($name:ident($($argument:ident: $type:ty),*);)*) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];

        static CALLS: [AtomicU64; NAMES.len()] = [const { AtomicU64::new(0) }; NAMES.len()];

        #[allow(non_camel_case_types, reason = "the driver's names")]
        enum Place { $($name),* }

        mod targets {
            $(
                #[allow(non_upper_case_globals, reason = "the driver's names")]
                pub(super) static $name: super::AtomicPtr<super::c_void> = super::AtomicPtr::new(super::ptr::null_mut());
            )*
        }

        $(
            #[allow(non_snake_case, reason = "the driver's names")]
            unsafe extern "C" fn $name($($argument: $type),*) -> i32 {
                CALLS[Place::$name as usize].fetch_add(1, Ordering::Relaxed);
                let target = targets::$name.load(Ordering::Relaxed);
                // SAFETY: `answer` has put the driver's function of this name there before it gave this one away.
                let function: unsafe extern "C" fn($($type),*) -> i32 = unsafe { transmute(target) };
                // SAFETY: the caller keeps what the driver asks of this function's callers.
                unsafe { function($($argument),*) }
            }
        )*

        fn answer(name: &str) -> Option<*const c_void> {
            let found = SOURCE.get()?(name)?;
            match name {
                $(stringify!($name) => {
                    targets::$name.store(found.cast_mut(), Ordering::Relaxed);
                    let counting: unsafe extern "C" fn($($type),*) -> i32 = $name;
                    Some(counting as *const c_void)
                })*
                _ => Some(found),
            }
        }
    };
}

counted! {
    cuMemAlloc_v2(address: Pointer, bytes: usize);
    cuMemHostAlloc(memory: Pointer, bytes: usize, flags: u32);
    cuStreamCreate(stream: Pointer, flags: u32);
    cuEventCreate(event: Pointer, flags: u32);
    cuMemcpyHtoDAsync_v2(to: u64, from: Pointer, bytes: usize, stream: Pointer);
    cuMemcpyDtoHAsync_v2(to: Pointer, from: u64, bytes: usize, stream: Pointer);
    cuLaunchKernel(function: Pointer, bx: u32, by: u32, bz: u32, tx: u32, ty: u32, tz: u32, shared: u32, stream: Pointer,
        arguments: Pointer, extra: Pointer);
    cuEventRecord(event: Pointer, stream: Pointer);
    cuEventQuery(event: Pointer);
    cuStreamWaitEvent(stream: Pointer, event: Pointer, flags: u32);
    cuLaunchHostFunc(stream: Pointer, function: Pointer, word: Pointer);
}

#[cfg(test)]
mod tests {
    use super::{CALLS, Counts, NAMES, Ordering, Place, counts};

    #[test]
    fn what_lies_between_two_counts_is_theirs_alone() {
        let before = counts();
        CALLS[Place::cuLaunchKernel as usize].fetch_add(3, Ordering::Relaxed);
        let between = counts() - before;
        assert_eq!(between.of("cuLaunchKernel"), 3);
        assert_eq!(between.of("cuEventQuery"), 0);
        assert_eq!(NAMES[Place::cuEventRecord as usize], "cuEventRecord");
        assert_eq!(Counts([0; NAMES.len()]).of("cuMemAlloc_v2"), 0);
    }
}
