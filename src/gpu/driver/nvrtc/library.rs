//! NVRTC's functions, and a program in its hands.

use std::env;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::ptr;

use libloading::Library;

/// The source is wrong; everything else is not its fault.
pub(super) const COMPILATION: c_int = 6;

/// Names under which the loader may know it, the newest first.
const NAMES: &[&str] = if cfg!(windows) {
    &["nvrtc64_130_0.dll", "nvrtc64_120_0.dll", "nvrtc64_112_0.dll"]
} else {
    &["libnvrtc.so", "libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so.11.2"]
};

/// Where it may be: only where `AQUEDUCT_NVRTC` says, if it says anything.
pub(super) fn places() -> Vec<PathBuf> {
    if let Some(path) = env::var_os("AQUEDUCT_NVRTC") {
        return vec![path.into()];
    }
    let named = NAMES.iter().map(PathBuf::from);
    let folders = [("CUDA_HOME", "lib64"), ("CUDA_PATH", "lib64"), ("CONDA_PREFIX", "lib")];
    let below = folders.iter().filter_map(|(variable, folder)| Some(Path::new(&env::var_os(variable)?).join(folder)));
    let usual = ["/usr/local/cuda/lib64", "/opt/cuda/lib64"].map(PathBuf::from);
    named.chain(below.chain(usual).map(|folder| folder.join(NAMES[0]))).collect()
}

/// What NVRTC answered.
#[derive(Debug)]
pub(super) struct Failure {
    function: &'static str,
    pub(super) code: c_int,
    text: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed with code {} ({})", self.function, self.code, self.text)
    }
}

type Handle = *mut c_void;

/// Defines the table of functions: their names in NVRTC, and their shapes.
macro_rules! functions {
    ($($field:ident = $name:literal: fn($($type:ty),*) -> $result:ty;)*) => {
        /// The library, open for ever.
        #[derive(Debug)]
        pub(super) struct Nvrtc {
            $($field: unsafe extern "C" fn($($type),*) -> $result,)*
            /// Closed after the functions are gone.
            _library: Library,
        }

        impl Nvrtc {
            fn find(library: Library) -> Result<Self, libloading::Error> {
                Ok(Self {
                    // SAFETY: these are the shapes of NVRTC's functions since CUDA 11.2.
                    $($field: unsafe { *library.get($name)? },)*
                    _library: library,
                })
            }
        }
    };
}

functions! {
    create = b"nvrtcCreateProgram": fn(*mut Handle, *const c_char, *const c_char, c_int, *const *const c_char,
        *const *const c_char) -> c_int;
    destroy = b"nvrtcDestroyProgram": fn(*mut Handle) -> c_int;
    name = b"nvrtcAddNameExpression": fn(Handle, *const c_char) -> c_int;
    lowered = b"nvrtcGetLoweredName": fn(Handle, *const c_char, *mut *const c_char) -> c_int;
    compile = b"nvrtcCompileProgram": fn(Handle, c_int, *const *const c_char) -> c_int;
    ptx_size = b"nvrtcGetPTXSize": fn(Handle, *mut usize) -> c_int;
    ptx = b"nvrtcGetPTX": fn(Handle, *mut c_char) -> c_int;
    log_size = b"nvrtcGetProgramLogSize": fn(Handle, *mut usize) -> c_int;
    log = b"nvrtcGetProgramLog": fn(Handle, *mut c_char) -> c_int;
    architecture_count = b"nvrtcGetNumSupportedArchs": fn(*mut c_int) -> c_int;
    architectures = b"nvrtcGetSupportedArchs": fn(*mut c_int) -> c_int;
    error = b"nvrtcGetErrorString": fn(c_int) -> *const c_char;
}

impl Nvrtc {
    /// Opens the first that opens, or says why none does.
    pub(super) fn open(places: &[PathBuf]) -> Result<Self, String> {
        let mut tried = Vec::new();
        for place in places {
            preload_builtins(place);
            // SAFETY: it is NVIDIA's compiler, or what the user named as such; opening it does nothing but that.
            let opened = unsafe { Library::new(place) }.and_then(Self::find);
            match opened {
                Ok(nvrtc) => return Ok(nvrtc),
                Err(error) => {
                    let why = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
                    let place = place.display().to_string();
                    tried.push(if why.contains(&place) { why } else { format!("{place}: {why}") });
                }
            }
        }
        Err(tried.join("; "))
    }

    /// The newest architecture that this NVRTC compiles for and that the device can run; the device's own if none is.
    pub(super) fn architecture(&self, capability: u32) -> u32 {
        let mut count = 0;
        // SAFETY: `count` can be written to.
        if unsafe { (self.architecture_count)(&raw mut count) } != 0 {
            return capability;
        }
        let mut known = vec![0; usize::try_from(count).unwrap_or(0)];
        // SAFETY: there is room for as many as it said.
        if unsafe { (self.architectures)(known.as_mut_ptr()) } != 0 {
            return capability;
        }
        let known = known.into_iter().filter_map(|architecture| u32::try_from(architecture).ok());
        known.filter(|architecture| *architecture <= capability).max().unwrap_or(capability)
    }

    fn check(&self, function: &'static str, code: c_int) -> Result<(), Failure> {
        if code == 0 {
            return Ok(());
        }
        // SAFETY: it takes any code.
        let text = unsafe { (self.error)(code) };
        let text = if text.is_null() {
            String::new()
        } else {
            // SAFETY: it is a constant string of the library.
            unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
        };
        Err(Failure { function, code, text })
    }
}

/// NVRTC opens its own half, the builtins, by name, and the loader does not look beside it. Once it is open it is
/// found.
fn preload_builtins(place: &Path) {
    let Some(folder) = place.parent().filter(|folder| folder.is_absolute()) else { return };
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("libnvrtc-builtins.so") {
            // SAFETY: as for NVRTC itself.
            if let Ok(library) = unsafe { Library::new(entry.path()) } {
                // Open for ever, like NVRTC.
                std::mem::forget(library);
            }
        }
    }
}

/// A source on its way.
#[derive(Debug)]
pub(super) struct Program<'a> {
    nvrtc: &'a Nvrtc,
    handle: Handle,
}

impl<'a> Program<'a> {
    pub(super) fn new(nvrtc: &'a Nvrtc, source: &CStr, file: &CStr) -> Result<Self, Failure> {
        let mut handle = ptr::null_mut();
        // SAFETY: the strings end with a zero, there are no headers, `handle` can be written to.
        let code =
            unsafe { (nvrtc.create)(&raw mut handle, source.as_ptr(), file.as_ptr(), 0, ptr::null(), ptr::null()) };
        nvrtc.check("nvrtcCreateProgram", code)?;
        Ok(Self { nvrtc, handle })
    }

    /// Asks for what this expression is called in the PTX.
    pub(super) fn name(&mut self, expression: &CStr) -> Result<(), Failure> {
        // SAFETY: the program is there, the string ends with a zero.
        let code = unsafe { (self.nvrtc.name)(self.handle, expression.as_ptr()) };
        self.nvrtc.check("nvrtcAddNameExpression", code)
    }

    pub(super) fn compile(&mut self, options: &[CString]) -> Result<(), Failure> {
        let options: Vec<_> = options.iter().map(|option| option.as_ptr()).collect();
        let count = c_int::try_from(options.len()).unwrap_or(0);
        // SAFETY: the program is there, and so are as many options as is said, each ending with a zero.
        let code = unsafe { (self.nvrtc.compile)(self.handle, count, options.as_ptr()) };
        self.nvrtc.check("nvrtcCompileProgram", code)
    }

    /// What the expression is called in the PTX.
    pub(super) fn lowered(&self, expression: &CStr) -> Result<String, Failure> {
        let mut name = ptr::null();
        // SAFETY: the program is compiled; the string ends with a zero; `name` can be written to.
        let code = unsafe { (self.nvrtc.lowered)(self.handle, expression.as_ptr(), &raw mut name) };
        self.nvrtc.check("nvrtcGetLoweredName", code)?;
        // SAFETY: the name lives as long as the program.
        Ok(unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned())
    }

    pub(super) fn ptx(&self) -> Result<String, Failure> {
        self.text("nvrtcGetPTX", self.nvrtc.ptx_size, self.nvrtc.ptx)
    }

    /// What the compiler said, empty if nothing.
    pub(super) fn log(&self) -> String {
        let log = self.text("nvrtcGetProgramLog", self.nvrtc.log_size, self.nvrtc.log);
        log.unwrap_or_else(|failure| failure.to_string()).trim().to_owned()
    }

    fn text(
        &self,
        function: &'static str,
        size: unsafe extern "C" fn(Handle, *mut usize) -> c_int,
        get: unsafe extern "C" fn(Handle, *mut c_char) -> c_int,
    ) -> Result<String, Failure> {
        let mut bytes = 0;
        // SAFETY: the program is there, `bytes` can be written to.
        self.nvrtc.check(function, unsafe { size(self.handle, &raw mut bytes) })?;
        let mut text = vec![0_u8; bytes];
        // SAFETY: there is room for as many bytes as it said.
        self.nvrtc.check(function, unsafe { get(self.handle, text.as_mut_ptr().cast()) })?;
        let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
        text.truncate(end);
        Ok(String::from_utf8(text).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }
}

impl Drop for Program<'_> {
    fn drop(&mut self) {
        // SAFETY: it was created, and nobody else has it.
        unsafe { (self.nvrtc.destroy)(&raw mut self.handle) };
    }
}
