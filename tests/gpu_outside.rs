//! A workspace outside this one, with the lines that the README shows, builds without a toolkit and starts without a driver.
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
    fn new() -> Self {
        let path = env::temp_dir().join(format!("aqueduct-outside-{}", std::process::id()));
        fs::create_dir_all(path.join("src")).expect("a folder outside the repository");
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

#[test]
fn a_workspace_with_the_lines_of_the_readme_builds_and_runs_with_neither_toolkit_nor_driver() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Folder::new();
    let manifest = format!(
        "[package]\nname = \"outside\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n{}",
        lines_of_the_readme(repository)
    );
    fs::write(folder.0.join("Cargo.toml"), manifest).expect("written");
    fs::write(folder.0.join("src/main.rs"), PROGRAM).expect("written");
    // The same versions as here, so that nothing has to be fetched.
    fs::copy(repository.join("Cargo.lock"), folder.0.join("Cargo.lock")).expect("copied");

    // The dependencies are built once, and found again the next time.
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("gpu-outside");
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsStr::new("cargo").to_owned()));
    // What a toolkit would be found by, so that none is.
    for variable in ["CUDA_LIBRARY_PATH", "CUDA_PATH", "CUDA_ROOT", "CUDA_TOOLKIT_ROOT_DIR", "DOCS_RS"] {
        cargo.env_remove(variable);
    }
    cargo.args(["build", "--offline", "--quiet"]).env("CARGO_TARGET_DIR", &target).current_dir(&folder.0);
    ran(&cargo.output().expect("cargo starts"));

    let program = target.join("debug").join(format!("outside{}", env::consts::EXE_SUFFIX));
    let said = ran(&Command::new(&program).output().expect("the program starts"));
    // Where there is a driver, the same program has found it.
    assert!(said.contains("there is no CUDA driver") || said.contains("GPU"), "{said}");

    let names = names_for_the_loader(&program);
    assert!(names.iter().any(|name| name.starts_with("libc.so")), "the names are read right: {names:?}");
    let of_cuda = |name: &&String| name.contains("cuda") || name.starts_with("cu");
    assert_eq!(names.iter().find(of_cuda), None, "no library of CUDA is needed, nor a function taken from one");
}
