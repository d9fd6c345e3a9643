//! Links between two processes, beside raw quinn with the same settings; and the codec.
//!
//! `cargo bench --features cluster --bench link` prints one table. Each figure is the median of the samples, with the
//! least and the most. The other process is this program, started anew; each side has one thread, as in the library.
//! Words after `--` choose cells by name; `--test` runs everything once, small.

mod codec;
mod linked;
mod raw;

use aqueduct::net::codec as wire;
use aqueduct::net::endpoint::{self, Patience};
use aqueduct::net::identity::{Authority, Identity};
use quinn::Connection;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};

/// The length of what is echoed.
pub(crate) const SMALL: usize = 64;
/// The length of what is sent one way.
pub(crate) const LARGE: usize = 1 << 20;

/// How much of everything.
pub(crate) struct Scale {
    samples: usize,
    divisor: u64,
    only: Vec<String>,
}

impl Scale {
    /// Takes samples of a measurement, whose figure is in `unit`, and prints a line of the table.
    pub(crate) fn sample(&self, name: &str, unit: &'static str, mut measure: impl FnMut(u64) -> f64) {
        if !self.only.is_empty() && !self.only.iter().any(|word| name.contains(word)) {
            return;
        }
        let mut figures: Vec<f64> = (0..self.samples).map(|_| measure(self.divisor)).collect();
        figures.sort_by(f64::total_cmp);
        let (least, median, most) = (figures[0], figures[self.samples / 2], figures[self.samples - 1]);
        println!("| {name:<36} | {median:>9.1} | {:>21} | {unit:<7} |", format!("{least:.1} – {most:.1}"));
    }
}

/// Runs one side.
pub(crate) fn block_on<T>(side: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made").block_on(side)
}

/// Starts the other process in the role `role`, and has its connection.
pub(crate) async fn other_process(role: &str) -> (Connection, OtherProcess) {
    let authority = Authority::new().expect("certificates");
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let driver = authority.driver().expect("a certificate");
    let listener = endpoint::listen(any, &driver, Patience::default()).expect("a socket");
    let mut identity = authority.issue("other").expect("a certificate");
    identity.addresses.push(listener.local_addr().expect("it is bound"));
    let program = std::env::current_exe().expect("this program");
    let mut child = Command::new(program)
        .args(["--role", role])
        .stdin(Stdio::piped())
        .spawn()
        .map(OtherProcess)
        .expect("this program runs");
    let bytes = wire::encode(&identity).expect("an identity can be encoded");
    child.0.stdin.take().expect("a pipe").write_all(&bytes).expect("the other process reads");
    let connection = listener.accept().await.expect("it listens").await.expect("it connects");
    (connection, child)
}

/// Ends the other process with this value.
pub(crate) struct OtherProcess(Child);

impl Drop for OtherProcess {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn play(role: &str) {
    let mut bytes = Vec::new();
    std::io::stdin().read_to_end(&mut bytes).expect("an identity on standard input");
    let identity: Identity = wire::decode(&bytes).expect("an identity on standard input");
    block_on(async {
        let connection = endpoint::dial(&identity, Patience::default()).await.expect("the driver listens");
        match role {
            "raw" => raw::play(connection).await,
            "linked" => linked::play(connection).await,
            other => panic!("no such role: {other}"),
        }
    });
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [flag, role] = &arguments[..]
        && flag == "--role"
    {
        return play(role);
    }
    let quick = arguments.iter().any(|argument| argument == "--test");
    let only = arguments.into_iter().filter(|argument| !argument.starts_with("--")).collect();
    let scale = Scale { samples: if quick { 1 } else { 5 }, divisor: if quick { 100 } else { 1 }, only };
    println!("| {:<36} | {:>9} | {:>21} | {:<7} |", "cell", "median", "least – most", "unit");
    println!("|{:-<38}|{:->11}|{:->23}|{:-<9}|", "", ":", ":", "");
    codec::run(&scale);
    raw::run(&scale);
    linked::run(&scale);
}
