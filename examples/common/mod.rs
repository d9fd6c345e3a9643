//! What the example programs share: numbers on the command line, numbers in print, and how a program ends.
#![allow(dead_code, reason = "each program uses a part")]

use std::env;
use std::error::Error;
use std::fmt::{Display, Write as _};
use std::io::{self, ErrorKind, IsTerminal as _, Write as _};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use aqueduct::cluster::ClusterError;
use aqueduct::gpu::Gpu;
use aqueduct::{Cluster, Process};
use tokio::runtime::Builder;

/// A number that may be given on the command line.
#[derive(Debug)]
pub(crate) struct Number {
    name: &'static str,
    meaning: &'static str,
    range: RangeInclusive<u64>,
    default: u64,
}

impl Number {
    pub(crate) fn new(name: &'static str, meaning: &'static str, range: RangeInclusive<u64>, default: u64) -> Self {
        Self { name, meaning, range, default }
    }

    fn parse(&self, text: &str) -> Result<u64, String> {
        match text.parse() {
            Ok(number) if self.range.contains(&number) => Ok(number),
            _ => {
                let (least, most) = (grouped(*self.range.start()), grouped(*self.range.end()));
                Err(format!("{} takes a whole number from {least} to {most}, not {text:?}", self.name))
            }
        }
    }
}

/// Reads the numbers, runs the program, prints its report, and says how it went: 0, 1 if the program failed or its
/// answer was wrong, 2 if the command line was.
pub(crate) fn main<const N: usize>(
    numbers: [Number; N],
    program: impl FnOnce([u64; N], &mut String) -> Result<(), Box<dyn Error>>,
) -> ExitCode {
    let mut report = String::new();
    match arguments(&numbers) {
        Ok(values) => finish(program(values, &mut report), &report),
        Err(end) => end,
    }
}

/// The same for a program that waits.
pub(crate) async fn main_async<const N: usize>(
    numbers: [Number; N],
    program: impl AsyncFnOnce([u64; N], &mut String) -> Result<(), Box<dyn Error>>,
) -> ExitCode {
    let mut report = String::new();
    match arguments(&numbers) {
        Ok(values) => finish(program(values, &mut report).await, &report),
        Err(end) => end,
    }
}

/// The same for a program that computes on a GPU, or on the CPU where there is none: it prints first which, and why.
pub(crate) async fn main_on_gpu<const N: usize>(
    numbers: [Number; N],
    program: impl AsyncFnOnce(&Gpu, [u64; N], &mut String) -> Result<(), Box<dyn Error>>,
) -> ExitCode {
    main_async(numbers, async |values, report| program(&pick(), values, report).await).await
}

/// The device that [`Gpu::pick`] picks. It prints which that is, and why.
pub(crate) fn pick() -> Gpu {
    let gpu = Gpu::pick();
    print(&format!("{gpu}\n\n"));
    gpu
}

/// The numbers of the command line; or how the program ends where there is nothing to do with them.
fn arguments<const N: usize>(numbers: &[Number; N]) -> Result<[u64; N], ExitCode> {
    let arguments: Vec<String> = env::args_os().skip(1).map(|text| text.to_string_lossy().into_owned()).collect();
    if arguments.iter().any(|text| text == "--help" || text == "-h") {
        return Err(print(&usage(numbers)));
    }
    parse(numbers, &arguments).map_err(|error| {
        complain(format_args!("error: {error}\n\n{}", usage(numbers).trim_end()));
        ExitCode::from(2)
    })
}

pub(crate) fn finish(result: Result<(), Box<dyn Error>>, report: &str) -> ExitCode {
    let printed = print(report);
    match result {
        Ok(()) => printed,
        Err(error) => {
            complain(format_args!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// How many workers a cluster is to have.
pub(crate) fn workers() -> Number {
    Number::new("WORKERS", "worker processes; 0 is AQUEDUCT_WORKERS, or one for each core", 0..=64, 0)
}

/// So many local workers; 0 is as the environment says.
pub(crate) async fn cluster(workers: u64) -> Result<Cluster, ClusterError> {
    match workers {
        0 => Cluster::from_env().await,
        workers => Cluster::local(workers as usize).await,
    }
}

fn parse<const N: usize>(numbers: &[Number; N], arguments: &[String]) -> Result<[u64; N], String> {
    let mut values = numbers.each_ref().map(|number| number.default);
    if let Some(extra) = arguments.get(N) {
        return Err(format!("there is no place for {extra:?}"));
    }
    for ((value, number), text) in values.iter_mut().zip(numbers).zip(arguments) {
        *value = number.parse(text)?;
    }
    Ok(values)
}

fn usage(numbers: &[Number]) -> String {
    let program = env::args_os().next().map(PathBuf::from).unwrap_or_default();
    let mut usage = format!("usage: {}", program.file_stem().unwrap_or_default().to_string_lossy());
    for number in numbers {
        let _ = write!(usage, " [{}", number.name);
    }
    usage.push_str(&"]".repeat(numbers.len()));
    usage.push_str("\n\n");
    let width = numbers.iter().map(|number| number.name.len()).max().unwrap_or(0);
    for Number { name, meaning, range, default } in numbers {
        let (least, most, default) = (grouped(*range.start()), grouped(*range.end()), grouped(*default));
        let _ = writeln!(usage, "  {name:width$}  {meaning}: {least} to {most} (default: {default})");
    }
    usage
}

/// To standard output. A reader that has seen enough, such as `head`, is no error.
pub(crate) fn print(text: &str) -> ExitCode {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            complain(format_args!("error: cannot write the result: {error}"));
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

/// To standard error. If even that is closed, there is nobody left to tell.
pub(crate) fn complain(message: impl Display) {
    let _ = writeln!(io::stderr(), "{message}");
}

/// Runs a process in simulated time: when nobody can go on, the clock jumps to the next timer. So a day takes no time,
/// and the same seed gives the same run.
pub(crate) fn in_simulated_time<P: Process>(process: P) -> Result<P::Value, Box<dyn Error>> {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build()?;
    Ok(runtime.block_on(process.into_future())?)
}

/// A number with its digits in groups of three.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// How far a program is, on standard error: from its first second on, once a second. `AQUEDUCT_PROGRESS=off` silences it.
#[derive(Debug)]
pub(crate) struct Progress {
    things: &'static str,
    all: u64,
    done: u64,
    next: Option<Instant>,
    terminal: bool,
}

impl Progress {
    pub(crate) fn new(things: &'static str, all: u64) -> Self {
        let silent = env::var_os("AQUEDUCT_PROGRESS").is_some_and(|value| value == "off");
        let next = (!silent).then(|| Instant::now() + Duration::from_secs(1));
        Self { things, all, done: 0, next, terminal: io::stderr().is_terminal() }
    }

    /// One more is done.
    pub(crate) fn advance(&mut self) {
        self.done += 1;
        let now = Instant::now();
        if self.next.is_some_and(|next| next <= now) {
            self.next = Some(now + Duration::from_secs(1));
            let told = format!("{} of {} {}", grouped(self.done), grouped(self.all), self.things);
            // On a terminal it is one line, which begins anew.
            let _ = if self.terminal { write!(io::stderr(), "\r{told}") } else { writeln!(io::stderr(), "{told}") };
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.terminal && self.next.is_some() {
            // Nothing is left of it.
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
