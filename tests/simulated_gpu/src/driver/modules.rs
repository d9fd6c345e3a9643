//! Modules: texts that are loaded, and the kernels in them.

use std::collections::BTreeMap;
use std::ffi::{c_char, c_int, c_uint, c_void};
use std::sync::Arc;

use super::codes::{Code, INVALID_HANDLE, INVALID_PTX, INVALID_VALUE, NOT_FOUND, UNSUPPORTED_PTX_VERSION};
use super::context::{CAPABILITY, SHARED, SHARED_MOST};
use super::host::{put, put_text, text};
use super::queue::Work;
use super::world::{Answer, World};
use crate::ptx::{self, Kernel};

#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) device: usize,
    pub(crate) session: u64,
    kernels: Vec<Arc<Kernel>>,
    /// Where the text's own variables are.
    variables: Vec<u64>,
    /// Those that were asked for, by their handles.
    functions: BTreeMap<usize, Loaded>,
}

#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    pub(crate) kernel: Arc<Kernel>,
    /// The most dynamic shared memory that was asked for.
    pub(crate) dynamic: usize,
}

pub(crate) unsafe fn load(world: &mut World, module: *mut usize, image: *const c_void) -> Answer {
    // SAFETY: the caller's promise.
    unsafe { compile(world, module, image).map_err(|(code, _)| code) }
}

unsafe fn compile(world: &mut World, module: *mut usize, image: *const c_void) -> Result<(), (Code, String)> {
    let plain = |code: Code| (code, String::new());
    let device = world.current().map_err(plain)?;
    // SAFETY: the caller's promise.
    let text = unsafe { text(image.cast()) }.map_err(plain)?;
    let mut variables = Vec::new();
    let memory = &mut world.memory;
    let read = ptx::read(&text, CAPABILITY, &mut |content| {
        let address = memory.place(device, content);
        variables.push(address);
        address
    });
    if read.is_err() {
        variables.drain(..).for_each(|address| drop(world.memory.free(address)));
    }
    let kernels = read.map_err(|refusal| {
        let code = if refusal.too_new { UNSUPPORTED_PTX_VERSION } else { INVALID_PTX };
        (code, format!("{refusal}\nptxas fatal   : Ptx assembly aborted due to errors"))
    })?;
    let handle = world.handle();
    let session = world.session;
    world.modules.insert(handle, Module { device, session, kernels, variables, functions: BTreeMap::new() });
    // SAFETY: the caller's promise.
    unsafe { put(module, handle) }.map_err(plain)
}

/// The options that are known: where to write what the compiler says. Others change nothing here.
pub(crate) unsafe fn load_with_options(
    world: &mut World,
    module: *mut usize,
    image: *const c_void,
    count: c_uint,
    options: *const c_int,
    values: *mut *mut c_void,
) -> Answer {
    const ERROR_LOG: c_int = 5;
    const ERROR_LOG_BYTES: c_int = 6;
    let (mut log, mut room, mut room_at) = (std::ptr::null_mut(), 0, None);
    if count > 0 && (options.is_null() || values.is_null()) {
        return Err(INVALID_VALUE);
    }
    for i in 0..count as usize {
        // SAFETY: the caller's promise: both have so many.
        let (option, value) = unsafe { (*options.add(i), *values.add(i)) };
        match option {
            ERROR_LOG => log = value.cast::<c_char>(),
            ERROR_LOG_BYTES => (room, room_at) = (value as usize & 0xffff_ffff, Some(i)),
            0..=20 => {}
            _ => return Err(INVALID_VALUE),
        }
    }
    // SAFETY: the caller's promise.
    let compiled = unsafe { compile(world, module, image) };
    let said = compiled.as_ref().err().map_or("", |(_, said)| said.as_str());
    if !log.is_null() && room > 0 {
        // SAFETY: the caller's promise: the log has so much room.
        unsafe { put_text(log, room, said)? };
    }
    if let Some(i) = room_at {
        // SAFETY: as above; the driver writes back how much it has used.
        unsafe { values.add(i).write(said.len().min(room) as *mut c_void) };
    }
    compiled.map_err(|(code, _)| code)
}

pub(crate) fn unload(world: &mut World, module: usize) -> Answer {
    let current = world.current_even_lost()?;
    let Some(removed) = world.modules.remove(&module) else {
        world.violation(format!("there is no module {module:#x}"));
        return Err(INVALID_HANDLE);
    };
    // They were placed when it was loaded, so that each is there.
    removed.variables.into_iter().for_each(|address| drop(world.memory.free(address)));
    let used = |work: &Work| matches!(work, Work::Launch(launch) if launch.module == module);
    if world.streams.values().flat_map(|stream| &stream.queue).any(|item| used(&item.work)) {
        world.violation("a module was unloaded while a launch of it is queued".to_owned());
    }
    world.working(current)
}

pub(crate) unsafe fn function(world: &mut World, function: *mut usize, module: usize, name: *const c_char) -> Answer {
    world.current()?;
    // SAFETY: the caller's promise.
    let name = unsafe { text(name)? };
    let new = world.handle();
    let found = world.modules.get_mut(&module).ok_or(INVALID_HANDLE)?;
    let kernel = found.kernels.iter().find(|kernel| *kernel.name == *name).ok_or(NOT_FOUND)?;
    let known =
        found.functions.iter().find(|(_, loaded)| Arc::ptr_eq(&loaded.kernel, kernel)).map(|(handle, _)| *handle);
    let handle = known.unwrap_or(new);
    let kernel = Arc::clone(kernel);
    found.functions.entry(handle).or_insert(Loaded { kernel, dynamic: 0 });
    // SAFETY: the caller's promise.
    unsafe { put(function, handle) }
}

impl World {
    /// A kernel by its handle, with its module and device.
    pub(crate) fn loaded(&mut self, function: usize) -> Result<(usize, usize, &mut Loaded), Code> {
        let found = self.modules.iter_mut().find_map(|(module, found)| {
            let device = found.device;
            found.functions.get_mut(&function).map(|loaded| (*module, device, loaded))
        });
        found.ok_or(INVALID_HANDLE)
    }
}

pub(crate) unsafe fn attribute(world: &mut World, value: *mut c_int, attribute: c_int, function: usize) -> Answer {
    world.current()?;
    let (_, _, Loaded { kernel, dynamic }) = world.loaded(function)?;
    // By their numbers in `CUfunction_attribute`.
    let found = match attribute {
        0 => kernel.max_threads.unwrap_or(1024) as usize,
        1 => kernel.shared,
        2 => 0,
        3 => kernel.local,
        4 => kernel.words.len().min(255),
        5 | 6 => CAPABILITY as usize,
        8 => (*dynamic).max(SHARED.saturating_sub(kernel.shared)),
        _ => return Err(INVALID_VALUE),
    };
    // SAFETY: the caller's promise.
    unsafe { put(value, found as c_int) }
}

pub(crate) fn set_attribute(world: &mut World, function: usize, attribute: c_int, value: c_int) -> Answer {
    world.current()?;
    let (_, _, loaded) = world.loaded(function)?;
    let value = usize::try_from(value).map_err(|_| INVALID_VALUE)?;
    match attribute {
        8 if loaded.kernel.shared + value <= SHARED_MOST => {
            loaded.dynamic = value;
            Ok(())
        }
        9 if value <= 100 => Ok(()),
        _ => Err(INVALID_VALUE),
    }
}

pub(crate) fn set_cache(world: &mut World, function: usize, config: c_int) -> Answer {
    world.current()?;
    world.loaded(function)?;
    if (0..4).contains(&config) { Ok(()) } else { Err(INVALID_VALUE) }
}
