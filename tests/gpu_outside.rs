//! A workspace outside this one, with the lines that the README shows, builds without a toolkit and starts without a
//! driver.
#![cfg(target_os = "linux")]

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

use object::{Object, ObjectSection};

const PROGRAM: &str = r#"
fn main() {
    match aqueduct::gpu::driver::count() {
        Ok(count) => println!("{count} GPUs"),
        Err(error) => println!("{error}"),
    }
}
"#;

const DRIVER: &str = r#"
#[unsafe(no_mangle)]
extern "C" fn cuInit(_flags: u32) -> i32 { 0 }

#[unsafe(no_mangle)]
extern "C" fn cuDriverGetVersion(version: &mut i32) -> i32 { *version = 13_000; 0 }

#[unsafe(no_mangle)]
extern "C" fn cuDeviceGetCount(count: &mut i32) -> i32 { *count = 3; 0 }
"#;

/// The lines of the README, with the repository's real place.
fn lines_of_the_readme(repository: &Path) -> String {
    let readme = fs::read_to_string(repository.join("README.md")).expect("the README is there");
    let (_, after) =
        readme.split_once("<!-- The test tests/gpu_outside.rs").expect("the README says where its lines are");
    let (_, block) = after.split_once("```toml\n").expect("a block of TOML follows");
    let (block, _) = block.split_once("```").expect("the block ends");
    assert_eq!(block.matches("\"../aqueduct").count(), 2, "the dependency and the patch: {block}");
    block.replace("../aqueduct", repository.to_str().expect("the path of the repository is UTF-8"))
}

/// A folder that goes with its owner.
struct Folder(PathBuf);

impl Folder {
    /// A workspace with one program and these lines beside.
    fn new(name: &str, lines: &str) -> Self {
        let path = env::temp_dir().join(format!("aqueduct-{name}-{}", std::process::id()));
        fs::create_dir_all(path.join("src")).expect("a folder outside the repository");
        let package = "[package]\nname = \"outside\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n";
        fs::write(path.join("Cargo.toml"), format!("{package}{lines}")).expect("written");
        fs::write(path.join("src/main.rs"), PROGRAM).expect("written");
        // The same versions as here, so that nothing has to be fetched.
        let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.lock");
        fs::copy(lock, path.join("Cargo.lock")).expect("copied");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The libraries that a program needs, and the functions that it takes from them or offers.
fn names_for_the_loader(program: &Path) -> Vec<String> {
    let bytes = fs::read(program).expect("the program can be read");
    let file = object::File::parse(&*bytes).expect("a program");
    let names = file.section_by_name(".dynstr").expect("a program that the loader loads");
    let names = names.uncompressed_data().expect("strings");
    names.split(|byte| *byte == 0).map(|name| String::from_utf8_lossy(name).into_owned()).collect()
}

fn ran(output: &Output) -> String {
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{text}", output.status);
    text
}

/// Builds the workspace in this folder with nothing that a toolkit would be found by.
fn cargo_build(folder: &Folder, target: &Path) -> Output {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsStr::new("cargo").to_owned()));
    for variable in ["CUDA_LIBRARY_PATH", "CUDA_PATH", "CUDA_ROOT", "CUDA_TOOLKIT_ROOT_DIR", "DOCS_RS"] {
        cargo.env_remove(variable);
    }
    cargo.args(["build", "--offline", "--quiet"]).env("CARGO_TARGET_DIR", target).current_dir(&folder.0);
    cargo.output().expect("cargo starts")
}

#[test]
fn a_workspace_with_the_lines_of_the_readme_builds_and_runs_with_neither_toolkit_nor_driver() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Folder::new("builds", &lines_of_the_readme(repository));
    // The dependencies are built once, and found again the next time.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("gpu-outside");
    ran(&cargo_build(&folder, &target));

    let program = target.join("debug/outside");
    let said = ran(&Command::new(&program).output().expect("the program starts"));
    // Where there is a driver, the same program has found it.
    assert!(said.contains("there is no CUDA driver") || said.contains("GPU"), "{said}");

    let names = names_for_the_loader(&program);
    assert!(names.iter().any(|name| name.starts_with("libc.so")), "the names are read right: {names:?}");
    let of_cuda = |name: &&String| name.contains("cuda") || name.starts_with("cu");
    assert_eq!(names.iter().find(of_cuda), None, "no library of CUDA is needed, nor a function taken from one");

    // The same program where there is a driver: a library with the first functions that a program asks for.
    let source = folder.0.join("driver.rs");
    fs::write(&source, DRIVER).expect("written");
    let mut rustc = Command::new(env::var_os("RUSTC").unwrap_or_else(|| OsStr::new("rustc").to_owned()));
    rustc.args(["--edition=2024", "--crate-type=cdylib", "-o"]).arg(folder.0.join("libcuda.so.1")).arg(&source);
    ran(&rustc.output().expect("rustc starts"));
    let said = ran(&Command::new(&program).env("LD_LIBRARY_PATH", &folder.0).output().expect("the program starts"));
    assert_eq!(said, "3 GPUs\n");
}

#[test]
fn without_the_line_cargo_says_where_to_read_about_it() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let lines = lines_of_the_readme(repository);
    let (dependency, _) = lines.split_once("[patch.crates-io]").expect("the lines have a patch");
    // The one from the registry, as far as cargo looks at it here; it may not be at hand without a network.
    let folder =
        Folder::new("refused", &format!("{dependency}[patch.crates-io]\nfind_cuda_helper = {{ path = \"plain\" }}\n"));
    fs::create_dir_all(folder.0.join("plain/src")).expect("a folder");
    fs::write(folder.0.join("plain/src/lib.rs"), "").expect("written");
    let plain = "[package]\nname = \"find_cuda_helper\"\nversion = \"0.2.0\"\nedition = \"2021\"\n";
    fs::write(folder.0.join("plain/Cargo.toml"), plain).expect("written");
    let output = cargo_build(&folder, &folder.0.join("target"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{said}");
    assert!(said.contains("patched-as-the-README-of-aqueduct-says-under-On-a-GPU"), "{said}");
    let readme = fs::read_to_string(repository.join("README.md")).expect("the README is there");
    assert!(readme.contains("\n## On a GPU\n"), "the section that the message names");
}
