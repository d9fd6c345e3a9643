//! A driver that does nothing but keep count: what was asked of it, with which words, and what is still out.
//!
//! A test's thread is alone with its own: nothing is shared but the functions. Whatever a test wants to go wrong, it
//! says beforehand.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::sync::Once;

use crate::gpu::driver;

/// What the driver of a thread knows, and what it was told to say.
#[derive(Debug)]
pub(super) struct StandIn {
    pub(super) version: i32,
    pub(super) devices: i32,
    /// What these functions answer from now on, without doing anything.
    pub(super) answers: HashMap<&'static str, i32>,
    /// What the compiler says before a text is refused.
    pub(super) log: Vec<u8>,
    /// Whether devices can reach each other's memory.
    pub(super) peers: bool,
    /// Every call but the driver's questions about itself, with the words that matter.
    pub(super) calls: Vec<String>,
    /// What is out, and what made it.
    pub(super) out: BTreeMap<usize, &'static str>,
    /// The context of this thread, and those below it.
    pub(super) contexts: Vec<usize>,
    pub(super) callbacks: Vec<(usize, usize)>,
    next: usize,
}

impl Default for StandIn {
    fn default() -> Self {
        Self {
            version: 13_000,
            devices: 2,
            answers: HashMap::new(),
            log: Vec::new(),
            peers: true,
            calls: Vec::new(),
            out: BTreeMap::new(),
            contexts: vec![0],
            callbacks: Vec::new(),
            next: 0x1000,
        }
    }
}

impl StandIn {
    fn make(&mut self, what: &'static str) -> usize {
        self.next += 0x100;
        self.out.insert(self.next, what);
        self.next
    }

    /// Takes a handle back: a wrong one is an error, as with a real driver.
    fn unmake(&mut self, handle: usize, what: &'static str) -> i32 {
        if self.out.get(&handle) == Some(&what) {
            self.out.remove(&handle);
            0
        } else {
            400
        }
    }
}

thread_local! {
    static STATE: RefCell<StandIn> = RefCell::default();
}

/// Installs it for this program, the first time.
pub(super) fn install() {
    static INSTALLED: Once = Once::new();
    // SAFETY: the functions below have the driver's arguments, as far as they look at them.
    INSTALLED.call_once(|| unsafe { driver::install(answer) }.expect("nobody has called the driver before"));
}

/// Looks at, or changes, this thread's driver.
pub(super) fn with<T>(look: impl FnOnce(&mut StandIn) -> T) -> T {
    install();
    STATE.with_borrow_mut(look)
}

/// Calls what waits to be called, on a thread of the driver's own.
pub(super) fn run_callbacks() {
    for (function, word) in with(|state| std::mem::take(&mut state.callbacks)) {
        let run = move || {
            // SAFETY: it is the function that was given to `cuLaunchHostFunc`.
            let function: unsafe extern "C" fn(*mut c_void) = unsafe { std::mem::transmute(function) };
            // SAFETY: the word is the one that was given with it, and it is called once.
            unsafe { function(std::ptr::with_exposed_provenance_mut(word)) };
        };
        std::thread::spawn(run).join().expect("a callback panicked");
    }
}

/// A place where a function leaves what it was asked for.
type Place<'a, T> = &'a mut MaybeUninit<T>;

fn put<T>(to: Place<'_, T>, value: T) -> i32 {
    to.write(value);
    0
}

fn pointer(word: usize) -> *mut c_void {
    std::ptr::with_exposed_provenance_mut(word)
}

/// Defines the functions and finds them by name: `name |state| (arguments) body`.
macro_rules! functions {
    ($($name:ident |$state:ident| ($($argument:ident: $type:ty),*) $body:block)*) => {
        $(
            #[allow(non_snake_case, unused_variables, reason = "the driver's names; not every answer looks at all")]
            unsafe extern "C" fn $name($($argument: $type),*) -> i32 {
                STATE.with_borrow_mut(|$state| match $state.answers.get(stringify!($name)) {
                    Some(code) => *code,
                    None => $body,
                })
            }
        )*

        fn answer(name: &str) -> Option<*const c_void> {
            match name {
                $(stringify!($name) => {
                    let function: unsafe extern "C" fn($($type),*) -> i32 = $name;
                    Some(function as *const c_void)
                })*
                "cuModuleLoadDataEx" => {
                    let function: unsafe extern "C" fn(_, _, _, _, _) -> i32 = load;
                    Some(function as *const c_void)
                }
                _ => None,
            }
        }
    };
}

functions! {
    cuInit |state| (flags: u32) { 0 }
    cuDriverGetVersion |state| (version: Place<'_, c_int>) { put(version, state.version) }
    cuDeviceGetCount |state| (count: Place<'_, c_int>) { put(count, state.devices) }
    cuDeviceGet |state| (device: Place<'_, c_int>, index: c_int) { put(device, index) }
    cuDeviceGetName |state| (name: *mut c_char, length: c_int, device: c_int) {
        // SAFETY: the caller has room for a name, and this one is short.
        unsafe { std::ptr::copy_nonoverlapping(c"Stand-in 100".as_ptr(), name, 13) };
        0
    }
    cuDeviceGetAttribute |state| (value: Place<'_, c_int>, attribute: c_int, device: c_int) {
        put(value, match attribute { 75 => 9, 76 => 0, 16 => 132, 1 => 1024, 97 => 232_448, _ => -1 })
    }
    cuDeviceTotalMem_v2 |state| (bytes: Place<'_, usize>, device: c_int) { put(bytes, 1 << 30) }
    cuDeviceCanAccessPeer |state| (can: Place<'_, c_int>, device: c_int, peer: c_int) {
        state.calls.push(format!("can {device} reach {peer}"));
        put(can, c_int::from(state.peers))
    }
    cuDevicePrimaryCtxRetain |state| (context: Place<'_, usize>, device: c_int) {
        state.calls.push(format!("retain {device}"));
        let handle = state.make("context");
        put(context, handle)
    }
    cuDevicePrimaryCtxRelease_v2 |state| (device: c_int) {
        let current = *state.contexts.last().expect("a context, or none");
        state.calls.push(format!("release {device} with {current} current"));
        let context = state.out.iter().find(|(_, what)| **what == "context").map(|(handle, _)| *handle);
        context.map_or(201, |handle| state.unmake(handle, "context"))
    }
    cuCtxSetCurrent |state| (context: usize) {
        *state.contexts.last_mut().expect("a context, or none") = context;
        0
    }
    cuCtxPushCurrent_v2 |state| (context: usize) {
        state.contexts.push(context);
        0
    }
    cuCtxPopCurrent_v2 |state| (context: Place<'_, usize>) {
        let popped = state.contexts.pop().expect("pushed before");
        put(context, popped)
    }
    // Every context but the first stands for the second device.
    cuCtxGetDevice |state| (device: Place<'_, c_int>) {
        put(device, c_int::from(state.contexts.len() > 1))
    }
    cuCtxEnablePeerAccess |state| (context: usize, flags: u32) {
        state.calls.push(format!("enable access to {context}"));
        0
    }
    cuMemGetInfo_v2 |state| (free: Place<'_, usize>, total: Place<'_, usize>) { put(free, 5) + put(total, 7) }
    cuMemAlloc_v2 |state| (address: Place<'_, usize>, bytes: usize) {
        let made = state.make("memory");
        put(address, made)
    }
    cuMemFree_v2 |state| (address: usize) { state.unmake(address, "memory") }
    cuMemHostAlloc |state| (memory: Place<'_, usize>, bytes: usize, flags: u32) {
        state.calls.push(format!("pinned memory with flags {flags}"));
        let made = state.make("pinned memory");
        put(memory, made)
    }
    cuMemFreeHost |state| (memory: usize) { state.unmake(memory, "pinned memory") }
    cuStreamCreate |state| (stream: Place<'_, usize>, flags: u32) {
        state.calls.push(format!("queue with flags {flags}"));
        let made = state.make("queue");
        put(stream, made)
    }
    cuStreamDestroy_v2 |state| (stream: usize) { state.unmake(stream, "queue") }
    cuStreamSynchronize |state| (stream: usize) { if state.out.contains_key(&stream) { 0 } else { 400 } }
    cuStreamWaitEvent |state| (stream: usize, event: usize, flags: u32) {
        state.calls.push(format!("{stream} waits for {event} with flags {flags}"));
        0
    }
    cuEventCreate |state| (event: Place<'_, usize>, flags: u32) {
        state.calls.push(format!("mark with flags {flags}"));
        let made = state.make("mark");
        put(event, made)
    }
    cuEventDestroy_v2 |state| (event: usize) { state.unmake(event, "mark") }
    cuEventRecord |state| (event: usize, stream: usize) {
        state.calls.push(format!("{event} recorded in {stream}"));
        0
    }
    cuEventQuery |state| (event: usize) { 0 }
    cuModuleUnload |state| (module: usize) { state.unmake(module, "module") }
    cuModuleGetFunction |state| (function: Place<'_, usize>, module: usize, name: *const c_char) {
        // SAFETY: the caller ends the name with a zero.
        if unsafe { CStr::from_ptr(name) } == c"saxpy" { put(function, module + 1) } else { 500 }
    }
    cuFuncSetAttribute |state| (function: usize, attribute: c_int, value: c_int) {
        state.calls.push(format!("{function}: attribute {attribute} is {value}"));
        0
    }
    cuMemcpyHtoDAsync_v2 |state| (to: usize, from: usize, bytes: usize, stream: usize) {
        state.calls.push(format!("{bytes} bytes in from {from} to {to} in {stream}"));
        0
    }
    cuMemcpyDtoHAsync_v2 |state| (to: usize, from: usize, bytes: usize, stream: usize) {
        state.calls.push(format!("{bytes} bytes out from {from} to {to} in {stream}"));
        0
    }
    cuMemcpyDtoDAsync_v2 |state| (to: usize, from: usize, bytes: usize, stream: usize) {
        state.calls.push(format!("{bytes} bytes within from {from} to {to} in {stream}"));
        0
    }
    cuMemcpyPeerAsync |state|
    (to: usize, to_context: usize, from: usize, from_context: usize, bytes: usize, stream: usize) {
        state.calls.push(format!("{bytes} bytes from {from} of {from_context} to {to} of {to_context} in {stream}"));
        0
    }
    cuLaunchHostFunc |state| (stream: usize, function: usize, word: usize) {
        state.callbacks.push((function, word));
        0
    }
    cuLaunchKernel |state| (function: usize, bx: u32, by: u32, bz: u32, tx: u32, ty: u32, tz: u32, shared: u32,
        stream: usize, arguments: *mut *mut u32, extra: usize) {
        // SAFETY: the tests launch kernels of two arguments.
        let (first, second) = unsafe { (**arguments, **arguments.add(1)) };
        state.calls.push(format!(
            "launch {function} as {bx} {by} {bz} of {tx} {ty} {tz} with {shared} in {stream} on {first} {second}, {extra}"
        ));
        0
    }
}

/// A text that says `refuse` is refused with the code `cuModuleLoadDataEx` is to answer, after the compiler's log.
unsafe extern "C" fn load(
    module: Place<'_, usize>,
    image: *const c_char,
    count: u32,
    options: *const u32,
    values: *const *mut c_void,
) -> i32 {
    STATE.with_borrow_mut(|state| {
        // SAFETY: the caller ends the text with a zero, and passes as many options and values as it says.
        let (length, options, values) = unsafe {
            let count = count as usize;
            (
                CStr::from_ptr(image).count_bytes(),
                std::slice::from_raw_parts(options, count),
                std::slice::from_raw_parts(values, count),
            )
        };
        state.calls.push(format!("load {length} bytes"));
        let Some(code) = state.answers.get("cuModuleLoadDataEx").copied() else {
            let made = state.make("module");
            return put(module, made);
        };
        let value = |option| options.iter().position(|have| *have == option).map(|place| values[place]);
        let (Some(buffer), Some(room)) = (value(5), value(6)) else { return code };
        let bytes = state.log.len().min(room.addr());
        // SAFETY: the buffer has as much room as is said.
        unsafe { std::ptr::copy_nonoverlapping(state.log.as_ptr(), buffer.cast(), bytes) };
        code
    })
}

/// The word behind a handle, as a pointer that nobody follows.
pub(super) fn address(word: usize) -> *mut u8 {
    pointer(word).cast()
}
