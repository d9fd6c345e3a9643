//! The race of GPU stages against raw driver calls; see `README.md` beside this crate.
//!
//! ```text
//! main ── measures ──┬── ours    stages, calls and chains of the library
//!                    └── raw     the same work by driver calls
//!         driver     counts what both ask of the machine's driver, or stands in for it
//! ```

mod batch;
mod cost;
mod driver;
mod kernel;
mod machine;
mod measures;
mod ours;
mod raw;
mod statistics;
mod table;

use std::env;
use std::error::Error;
use std::process::ExitCode;

use aqueduct::gpu::Gpu;
use driver::Driver;

const USAGE: &str =
    "usage: gpu-race [--stand-in instant|clocked|computing] [--need-gpu] [--quick] [--rounds N] [--only MEASURE]...";

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

struct Options {
    driver: Driver,
    need_gpu: bool,
    quick: bool,
    rounds: usize,
    only: Vec<String>,
}

impl Options {
    fn parse(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self { driver: Driver::Machine, need_gpu: false, quick: false, rounds: 0, only: Vec::new() };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value\n{USAGE}"));
            match word.as_str() {
                "--need-gpu" => options.need_gpu = true,
                "--quick" => options.quick = true,
                "--rounds" => {
                    let text = value()?;
                    let rounds = text.parse().ok().filter(|rounds| *rounds > 0);
                    options.rounds = rounds.ok_or_else(|| format!("`--rounds {text}` is not a number above zero"))?;
                }
                "--stand-in" => options.driver = Driver::named(&value()?)?,
                "--only" => options.only.push(value()?),
                _ => return Err(format!("no such option: {word}\n{USAGE}")),
            }
        }
        if options.rounds == 0 {
            options.rounds = if options.quick { 3 } else { 9 };
        }
        for wanted in &options.only {
            if !measures::NAMES.contains(&wanted.as_str()) {
                return Err(format!("no such measure: {wanted}; there are {}", measures::NAMES.join(", ")));
            }
        }
        Ok(options)
    }
}

fn race() -> Outcome<()> {
    let options = Options::parse(env::args().skip(1))?;
    driver::install(options.driver)?;
    // Without a GPU only the CPU body is measured.
    let gpu = match Gpu::open(0) {
        Err(error) if options.need_gpu => return Err(error.into()),
        gpu => gpu,
    };
    println!("{}", machine::heading(&options, &gpu));
    let plan = measures::Plan { rounds: options.rounds, quick: options.quick, computes: options.driver.computes() };
    let wanted = |name: &str| options.only.is_empty() || options.only.iter().any(|only| only == name);
    if let Ok(gpu) = &gpu {
        measures::on_device(&plan, gpu, &wanted)?;
    }
    if wanted(measures::CPU_BODY) {
        measures::cpu_body::run(&plan)?;
    }
    println!("Load at the end: {}.", machine::load());
    Ok(())
}

fn main() -> ExitCode {
    match race() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
