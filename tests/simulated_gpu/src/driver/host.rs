//! The only places where the simulator touches memory and functions of the host by their addresses.

use std::ffi::{CStr, c_char, c_void};

use super::codes::{Code, INVALID_VALUE};
use super::world::Answer;

/// Reads pinned memory, which the caller has looked up.
pub(crate) fn read(from: usize, to: &mut [u8]) {
    // SAFETY: the range is in the table of pinned memory; a write at the same time would be the test program's own fault.
    unsafe { std::ptr::copy_nonoverlapping(from as *const u8, to.as_mut_ptr(), to.len()) }
}

/// Writes pinned memory, which the caller has looked up.
pub(crate) fn write(to: usize, from: &[u8]) {
    // SAFETY: as for `read`.
    unsafe { std::ptr::copy_nonoverlapping(from.as_ptr(), to as *mut u8, from.len()) }
}

/// Calls a host function of a stream.
pub(crate) fn call(function: usize, data: usize) {
    // SAFETY: who called `cuLaunchHostFunc` promised that it is such a function, and may be called from any thread.
    let function: unsafe extern "C" fn(*mut c_void) = unsafe { std::mem::transmute(function) };
    // SAFETY: as above; the data is what was given with it.
    unsafe { function(data as *mut c_void) }
}

/// Gives a result.
///
/// # Safety
/// The pointer is null, or valid to write to.
pub(crate) unsafe fn put<T>(to: *mut T, value: T) -> Answer {
    if to.is_null() {
        return Err(INVALID_VALUE);
    }
    // SAFETY: the caller's promise.
    unsafe { to.write(value) };
    Ok(())
}

/// Gives a text, cut off where the room ends.
///
/// # Safety
/// The pointer is null, or valid for so many bytes.
pub(crate) unsafe fn put_text(to: *mut c_char, room: usize, text: &str) -> Answer {
    if to.is_null() || room == 0 {
        return Err(INVALID_VALUE);
    }
    let length = text.len().min(room - 1);
    // SAFETY: the caller's promise; the text and its zero are no longer than the room.
    unsafe {
        std::ptr::copy_nonoverlapping(text.as_ptr().cast(), to, length);
        to.add(length).write(0);
    }
    Ok(())
}

/// # Safety
/// The pointer is null, or that of a string that ends with a zero.
pub(crate) unsafe fn text(from: *const c_char) -> Result<String, Code> {
    if from.is_null() {
        return Err(INVALID_VALUE);
    }
    // SAFETY: the caller's promise.
    Ok(unsafe { CStr::from_ptr(from) }.to_string_lossy().into_owned())
}

/// # Safety
/// The pointer is valid for so many bytes.
pub(crate) unsafe fn bytes(from: *const c_void, count: usize) -> Vec<u8> {
    let mut content = vec![0; count];
    // SAFETY: the caller's promise.
    unsafe { std::ptr::copy_nonoverlapping(from.cast(), content.as_mut_ptr(), count) };
    content
}
