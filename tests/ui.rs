//! What the compiler says about mistakes: each message names the thing, the rule and the fix.
//!
//! The expected messages stand beside the mistakes, in `ui/fail/*.stderr`. After a change of a message, look at all of
//! them as somebody who sees the library for the first time, and then write them anew:
//! `TRYBUILD=overwrite cargo test --test ui`.

/// The messages are partly the compiler's own, and so are compared with one version only: the oldest that is supported.
fn compiler() -> Result<(), String> {
    let wanted = env!("CARGO_PKG_RUST_VERSION");
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = std::process::Command::new(rustc).arg("--version").output().map_err(|error| error.to_string())?;
    let version = String::from_utf8_lossy(&version.stdout);
    if version.starts_with(&format!("rustc {wanted}.")) {
        Ok(())
    } else {
        Err(format!("the messages are those of rustc {wanted}, and this is {}", version.trim()))
    }
}

#[test]
fn every_mistake_is_explained() {
    if let Err(why) = compiler() {
        eprintln!("skipped: {why}");
        return;
    }
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/fail/*.rs");
}
