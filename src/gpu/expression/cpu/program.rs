//! A formula as a list of steps, and how it goes through a batch.
//!
//! Each step is one loop over a block of elements, short enough that what lies between two steps stays in the first-level
//! cache. Inputs are read where they lie, the last step writes the result in its place, and the rooms for what lies between
//! are used again as soon as nobody needs their content. A product that is only added to something shares a loop with the
//! addition, each with its own rounding. Long batches are divided over the threads of rayon.

use std::cell::RefCell;

use rayon::prelude::*;

use super::lanes::Feed;
use super::step::{Joined, Work};
use crate::gpu::element::Number;
use crate::gpu::expression::tree::{Binary, Formula, Id, Node};

/// The elements that one step goes through before the next one does.
const BLOCK: usize = 1024;

/// The elements that one thread goes through before others are asked for help.
const SHARE: usize = 64 * 1024;

/// A formula for the CPU.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    steps: Vec<Step>,
    rooms: usize,
    /// How many bytes an element of each input takes.
    inputs: Vec<usize>,
    output: Number,
}

#[derive(Debug, Clone)]
struct Step {
    work: Work,
    operands: [Operand; 3],
    to: Target,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operand {
    Input(usize),
    Room(usize),
    Constant(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    Room(usize),
    Output,
}

/// Numbers of whatever type lie here in between.
pub(crate) type Room = Box<[u64]>;

impl Program {
    pub(crate) fn new(formula: &Formula) -> Self {
        Compiler::new(formula).program()
    }

    /// The type of its results.
    pub(crate) fn output(&self) -> Number {
        self.output
    }

    /// True if the result is the first input.
    pub(crate) fn is_its_input(&self) -> bool {
        matches!(self.steps[..], [Step { work: Work::Copy(_), operands: [Operand::Input(0), ..], .. }])
    }

    /// Computes a batch, on several threads if it is long.
    pub(crate) fn run(&self, inputs: &[Feed<'_>], out: &mut [u8]) {
        let bytes = self.output.bytes();
        if out.len() <= SHARE * bytes || rayon::current_num_threads() == 1 {
            with_rooms(|rooms| self.run_here(inputs, out, 0, rooms));
            return;
        }
        out.par_chunks_mut(SHARE * bytes).enumerate().for_each(|(share, out)| {
            with_rooms(|rooms| self.run_part(inputs, out, share * SHARE, rooms));
        });
    }

    /// Computes the part of a batch from its element `first` on, on this thread.
    pub(crate) fn run_part(&self, inputs: &[Feed<'_>], out: &mut [u8], first: usize, rooms: &mut Vec<Room>) {
        let mut part = [Feed::Same(0); 4];
        for ((part, input), &bytes) in part.iter_mut().zip(inputs).zip(&self.inputs) {
            *part = input.skip(first, bytes);
        }
        self.run_here(&part[..inputs.len()], out, first, rooms);
    }

    /// Computes elements of which the first has the place `first` in the batch, on this thread.
    pub(crate) fn run_here(&self, inputs: &[Feed<'_>], out: &mut [u8], first: usize, rooms: &mut Vec<Room>) {
        while rooms.len() < self.rooms {
            rooms.push(vec![0; BLOCK].into_boxed_slice());
        }
        // With nothing between the steps there is nothing to keep in the cache.
        let block = if self.rooms == 0 { out.len() } else { BLOCK * self.output.bytes() };
        for (place, out) in out.chunks_mut(block.max(1)).enumerate() {
            let start = place * block / self.output.bytes();
            let mut part = [Feed::Same(0); 4];
            for ((part, input), &bytes) in part.iter_mut().zip(inputs).zip(&self.inputs) {
                *part = input.skip(start, bytes);
            }
            self.block(&part, out, (first + start) as u64, rooms);
        }
    }

    fn block(&self, inputs: &[Feed<'_>; 4], out: &mut [u8], first: u64, rooms: &mut [Room]) {
        let length = out.len() / self.output.bytes();
        for step in &self.steps {
            match step.to {
                Target::Output => step.work.run(out, step.feeds(inputs, rooms), first),
                Target::Room(room) => {
                    // Taken out meanwhile, so that the others can be read; nobody reads what he writes.
                    let mut to = std::mem::take(&mut rooms[room]);
                    let results = &mut bytemuck::cast_slice_mut(&mut to)[..length * step.work.bytes()];
                    step.work.run(results, step.feeds(inputs, rooms), first);
                    rooms[room] = to;
                }
            }
        }
    }
}

impl Step {
    fn feeds<'a>(&self, inputs: &[Feed<'a>; 4], rooms: &'a [Room]) -> [Feed<'a>; 3] {
        self.operands.map(|operand| match operand {
            Operand::Input(place) => inputs[place],
            Operand::Room(room) => Feed::Each(bytemuck::cast_slice(&rooms[room])),
            Operand::Constant(word) => Feed::Same(word),
        })
    }
}

/// Room for so many numbers.
pub(crate) fn room_for(number: Number, count: usize) -> Room {
    vec![0; (count * number.bytes()).div_ceil(size_of::<u64>())].into_boxed_slice()
}

/// Sets all numbers of a slice: to that with the bits of `word`.
pub(crate) fn fill(number: Number, out: &mut [u8], word: u64) {
    Work::Copy(number).run(out, [Feed::Same(word); 3], 0);
}

/// Calls `f` with this thread's rooms, which are kept from batch to batch.
pub(crate) fn with_rooms<R>(f: impl FnOnce(&mut Vec<Room>) -> R) -> R {
    thread_local! {
        static ROOMS: RefCell<Vec<Room>> = const { RefCell::new(Vec::new()) };
    }
    // Taken out, so that whoever comes here meanwhile on this thread has rooms of his own.
    let mut rooms = ROOMS.take();
    let result = f(&mut rooms);
    ROOMS.replace(rooms);
    result
}

/// Makes the steps of a formula, from its first node to its result.
struct Compiler<'a> {
    formula: &'a Formula,
    /// For each sum or difference, the product in it that shares its loop.
    joins: Vec<Option<Join>>,
    /// For each node, whether it is such a product.
    joined: Vec<bool>,
    /// How many steps still need each node.
    needed: Vec<usize>,
    /// Where each node is, once it is computed.
    places: Vec<Operand>,
    steps: Vec<Step>,
    free: Vec<usize>,
    rooms: usize,
}

#[derive(Debug, Clone, Copy)]
struct Join {
    with: Joined,
    /// The factors, and what their product is joined with.
    operands: [Id; 3],
}

impl<'a> Compiler<'a> {
    fn new(formula: &'a Formula) -> Self {
        let needed = formula.uses();
        let mut joins = vec![None; formula.nodes.len()];
        let mut joined = vec![false; formula.nodes.len()];
        // The factors of a product that nobody else needs.
        let factors = |id: Id| match formula.nodes[id] {
            Node::Binary { operation: Binary::Mul, left, right, .. } if needed[id] == 1 => Some((left, right)),
            _ => None,
        };
        for (id, node) in formula.nodes.iter().enumerate() {
            let Node::Binary { operation, left, right, .. } = *node else { continue };
            let (before, after) = match operation {
                Binary::Add => (Joined::Add, Joined::Add),
                Binary::Sub => (Joined::Sub, Joined::From),
                _ => continue,
            };
            let (product, with, other) =
                if factors(left).is_some() { (left, before, right) } else { (right, after, left) };
            if let Some((a, b)) = factors(product) {
                joins[id] = Some(Join { with, operands: [a, b, other] });
                joined[product] = true;
            }
        }
        Self {
            formula,
            joins,
            joined,
            needed,
            places: Vec::with_capacity(formula.nodes.len()),
            steps: Vec::new(),
            free: Vec::new(),
            rooms: 0,
        }
    }

    fn program(mut self) -> Program {
        let nodes = &self.formula.nodes;
        let result = self.formula.result();
        for (id, node) in nodes.iter().enumerate() {
            let place = match *node {
                Node::Input { place, .. } => Operand::Input(place),
                Node::Constant { word, .. } => Operand::Constant(word),
                // Computed together with what it is added to.
                _ if self.joined[id] => Operand::Constant(0),
                _ => self.step(id, node),
            };
            self.places.push(place);
        }
        let output = nodes[result].number().expect("the result of a kernel's function is a number");
        if self.steps.last().is_none_or(|step| step.to != Target::Output) {
            let operands = [self.places[result], Operand::Constant(0), Operand::Constant(0)];
            self.steps.push(Step { work: Work::Copy(output), operands, to: Target::Output });
        }
        let inputs = self.formula.inputs.iter().map(|number| number.bytes()).collect();
        Program { steps: self.steps, rooms: self.rooms, inputs, output }
    }

    fn step(&mut self, id: Id, node: &Node) -> Operand {
        let (work, used) = self.work(id, node);
        let mut operands = [Operand::Constant(0); 3];
        for (operand, &id) in operands.iter_mut().zip(&used) {
            *operand = self.places[id];
        }
        let is_constant =
            !matches!(work, Work::Index) && operands.iter().all(|operand| matches!(operand, Operand::Constant(_)));
        let place = if is_constant {
            fold(work, operands)
        } else if id == self.formula.result() {
            self.steps.push(Step { work, operands, to: Target::Output });
            Operand::Constant(0)
        } else {
            // A room of its own before those of its operands are free: no step reads what it writes.
            let room = self.free.pop().unwrap_or_else(|| {
                self.rooms += 1;
                self.rooms - 1
            });
            self.steps.push(Step { work, operands, to: Target::Room(room) });
            Operand::Room(room)
        };
        for id in used {
            self.release(id);
        }
        place
    }

    fn release(&mut self, id: Id) {
        self.needed[id] -= 1;
        if let (0, Operand::Room(room)) = (self.needed[id], self.places[id]) {
            self.free.push(room);
        }
    }

    /// What computes a node, and from which nodes.
    fn work(&self, id: Id, node: &Node) -> (Work, Vec<Id>) {
        let mut operands = Vec::with_capacity(3);
        node.operands(|id| operands.push(id));
        let work = match *node {
            Node::Input { number, .. } | Node::Constant { number, .. } => Work::Copy(number),
            Node::Index => Work::Index,
            Node::Unary { operation, number, .. } => Work::Unary(operation, number),
            Node::Binary { operation, number, .. } => match self.joins[id] {
                Some(join) => return (Work::Joined(join.with, number), join.operands.to_vec()),
                None => Work::Binary(operation, number),
            },
            Node::MulAdd { number, .. } => Work::MulAdd(number),
            Node::Compare { comparison, number, .. } => Work::Compare(comparison, number),
            Node::And { .. } => Work::And,
            Node::Or { .. } => Work::Or,
            Node::Not { .. } => Work::Not,
            Node::Select { number, .. } => Work::Select(number),
            Node::Convert { from, to, .. } => Work::Convert(from, to),
        };
        (work, operands)
    }
}

/// A step on constants is done here and now, by itself.
fn fold(work: Work, operands: [Operand; 3]) -> Operand {
    let feeds = operands.map(|operand| match operand {
        Operand::Constant(word) => Feed::Same(word),
        Operand::Input(_) | Operand::Room(_) => unreachable!("the operands are constants"),
    });
    let mut result = [0_u64];
    work.run(&mut bytemuck::cast_slice_mut(&mut result)[..work.bytes()], feeds, 0);
    let [low] = result;
    Operand::Constant(match work.bytes() {
        4 => u64::from(bytemuck::cast::<u64, [u32; 2]>(low)[0]),
        _ => low,
    })
}
