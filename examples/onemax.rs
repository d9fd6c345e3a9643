//! A genetic algorithm: one evolution, four kinds of machinery, the same result to the last bit.
//!
//! ```text
//! cargo run --release --example onemax -- [POPULATION [GENERATIONS [SEED]]]
//! ```
//!
//! The classic first example of DEAP, the Python framework, with its figures: 300 strings of 100 bits, seed 64, 40
//! generations; who has more ones is fitter. (The dice are not Python's, so the course of things is not DEAP's.)
//!
//! Chance belongs to the breeder, who works alone; only the fitness of a generation is computed elsewhere, and comes back in
//! the order of the strings. So it does not matter where: in a plain loop, on threads, or by 1, 2 and 4 worker processes,
//! the evolution is the same. This is checked.

use std::{
    error::Error,
    fmt::Write as _,
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use aqueduct::{
    Cluster, par,
    toolkit::{collect, generate, ordered_thread_farm},
};
use common::{Number, grouped};
use fastrand::Rng;

mod common;

const BITS: usize = 100;
/// The chance of a pair to be crossed, of a string to be mutated, and then of each of its bits to flip.
const CROSSING: f64 = 0.5;
const MUTATION: f64 = 0.2;
const FLIP: f64 = 0.05;
/// A parent is the fittest of so many.
const TOURNAMENT: usize = 3;

type Genome = Vec<bool>;

/// What is computed elsewhere: in earnest, this takes long.
#[aqueduct::remote(pure)]
fn fitness(genome: Genome) -> u32 {
    genome.into_iter().map(u32::from).sum()
}

#[derive(Clone, Debug)]
struct Individual {
    genome: Genome,
    /// `None`: it has changed since it was evaluated.
    fitness: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Generation {
    evaluations: u64,
    best: u32,
    mean: f64,
}

/// Two-point crossover.
fn cross(left: &mut Individual, right: &mut Individual, dice: &mut Rng) {
    let (one, other) = (dice.usize(..=BITS), dice.usize(..=BITS));
    let between = one.min(other)..one.max(other);
    left.genome[between.clone()].swap_with_slice(&mut right.genome[between]);
    (left.fitness, right.fitness) = (None, None);
}

fn mutate(individual: &mut Individual, dice: &mut Rng) {
    for bit in &mut individual.genome {
        *bit ^= dice.f64() < FLIP;
    }
    individual.fitness = None;
}

fn breed(parents: &[Individual], dice: &mut Rng) -> Vec<Individual> {
    let mut children: Vec<Individual> = (0..parents.len())
        .filter_map(|_| (0..TOURNAMENT).filter_map(|_| dice.choice(parents)).max_by_key(|parent| parent.fitness))
        .cloned()
        .collect();
    for pair in children.chunks_exact_mut(2) {
        let [left, right] = pair else { continue };
        if dice.f64() < CROSSING {
            cross(left, right, dice);
        }
    }
    for child in &mut children {
        if dice.f64() < MUTATION {
            mutate(child, dice);
        }
    }
    children
}

type Evaluated = Result<Vec<u32>, Box<dyn Error>>;

/// The generations, from the first to the last.
async fn evolve(
    [population, generations, seed]: [u64; 3],
    mut evaluate: impl AsyncFnMut(Vec<Genome>) -> Evaluated,
) -> Result<Vec<Generation>, Box<dyn Error>> {
    let mut dice = Rng::with_seed(seed);
    let mut individuals: Vec<Individual> = (0..population)
        .map(|_| Individual { genome: (0..BITS).map(|_| dice.bool()).collect(), fitness: None })
        .collect();
    let mut course = Vec::new();
    for generation in 0..=generations {
        if generation > 0 {
            individuals = breed(&individuals, &mut dice);
        }
        let changed: Vec<&mut Individual> =
            individuals.iter_mut().filter(|individual| individual.fitness.is_none()).collect();
        let evaluations = changed.len() as u64;
        let values = evaluate(changed.iter().map(|individual| individual.genome.clone()).collect()).await?;
        if values.len() != changed.len() {
            return Err(format!("{} strings were evaluated, and {evaluations} given", values.len()).into());
        }
        for (individual, value) in changed.into_iter().zip(values) {
            individual.fitness = Some(value);
        }
        let all = || individuals.iter().filter_map(|individual| individual.fitness);
        let mean = f64::from(all().sum::<u32>()) / population as f64;
        course.push(Generation { evaluations, best: all().max().unwrap_or_default(), mean });
    }
    Ok(course)
}

/// On threads of this process.
async fn evaluate_on_threads(threads: usize, genomes: Vec<Genome>) -> Evaluated {
    let (jobs, jobs_rx) = aqueduct::buffered(100);
    let (values, values_rx) = aqueduct::buffered(100);
    let farm = ordered_thread_farm(threads, |genome| Ok(fitness(genome)), jobs_rx, values);
    let (.., values) = par!(generate(genomes, jobs), farm, collect(values_rx)).await?;
    Ok(values)
}

async fn program(options: [u64; 3], report: &mut String) -> Result<(), Box<dyn Error>> {
    let mut ways: Vec<(String, Vec<Generation>, Duration)> = Vec::new();
    let began = Instant::now();
    let course = evolve(options, async |genomes| Ok(genomes.into_iter().map(fitness).collect())).await?;
    ways.push(("a plain loop".into(), course, began.elapsed()));

    let threads = thread::available_parallelism().map_or(2, usize::from);
    let began = Instant::now();
    let course = evolve(options, async |genomes| evaluate_on_threads(threads, genomes).await).await?;
    ways.push((format!("threads: {threads}"), course, began.elapsed()));

    let mut summary = String::new();
    for workers in [1, 2, 4] {
        let cluster = Cluster::local(workers).await?;
        let began = Instant::now();
        let course = evolve(options, async |genomes| Ok(cluster.map(fitness, genomes).collect().await?)).await?;
        ways.push((format!("worker processes: {workers}"), course, began.elapsed()));
        summary = cluster.shutdown().await.to_string();
    }

    let (_, right, _) = &ways[0];
    writeln!(report, "generation  evaluations  best   mean")?;
    for (number, Generation { evaluations, best, mean }) in right.iter().enumerate() {
        writeln!(report, "{number:>10}  {evaluations:>11}  {best:>4}  {mean:>5.1}")?;
    }
    let evaluations = right.iter().map(|generation| generation.evaluations).sum();
    writeln!(report, "\n{} evaluations, {BITS} bits; the same generations by\n", grouped(evaluations))?;
    for (way, course, elapsed) in &ways {
        if course != right {
            return Err(format!("{way}: this evolution is not that of a plain loop").into());
        }
        writeln!(report, "  {way:<20} {:>8.1} ms", elapsed.as_secs_f64() * 1000.0)?;
    }
    writeln!(report, "\n{summary}")?;
    Ok(())
}

#[aqueduct::main]
async fn main() -> ExitCode {
    let population = Number::new("POPULATION", "how many strings", 2..=100_000, 300);
    let generations = Number::new("GENERATIONS", "after the first", 0..=10_000, 40);
    let seed = Number::new("SEED", "of the dice", 0..=u64::MAX, 64);
    common::main_async([population, generations, seed], program).await
}
