//! Reductions: one element of a whole batch.
//!
//! The order is one rule for both bodies, so that also floats agree to the bit. A batch is cut into tiles of 2048 elements;
//! the last one is filled up with the identity. A tile is halved until one element is left: element `i` becomes
//! `op(element i, element i + half)`, for halves of 1024, 512, …, 1. What the tiles leave is a batch of its own, and is
//! reduced by the same rule, until one is left of all.
//!
//! On a GPU a block takes a tile: 256 threads hold 8 elements each, 256 apart, so that the first three halvings stay in the
//! registers of a thread and the rest go through shared memory. On the CPU each halving is one run of the op's program.

use std::borrow::Cow;
use std::sync::Arc;

use rayon::prelude::*;

use super::cpu::{Feed, Program, Room, feeds, fill, room_for, with_rooms};
use super::function::{Function, inputs};
use super::plan::{LANES, Level, RUN, TILE, blocks_of, grid, levels, not_empty};
use super::ptx::{Kind, Register, Writer, file};
use super::show::show;
use super::tree::Formula;
use super::value::Expression;
use crate::gpu::element::{Element, Number};
use crate::gpu::error::GpuError;
use crate::gpu::kernel::{HostBody, Kernel, Length, Parameter, Passes, Plan, Recipe, Role, Value};

/// A kernel that joins all elements of a batch to one, after it has computed each from its one to four inputs by `map`.
///
/// `op` joins two elements; it should not matter in which order a row of them is joined, and joining with `identity` should
/// change nothing: `0.0` and `+`, `f32::NEG_INFINITY` and `max`. For a sum of floats it does matter in the last bits. That
/// is why the order is fixed, and the same on a GPU and on the CPU: tiles of 2048 elements, the last one filled up with
/// `identity`, are halved again and again, joining element `i` with element `i + 1024`, then `i + 512`, and so on; the one
/// element that is left of each tile goes on to the next round, until a round leaves one. Such a sum of many floats is more
/// exact than one from left to right.
///
/// # Panics
/// If `op` asks for [`index`](super::index), as its operands have no place; and as [`map`](super::map()).
///
/// # Examples
/// ```
/// use aqueduct::gpu::{self, F32, Kernel};
///
/// let a_dot_b: Kernel<(f32, f32), (f32,)> = gpu::reduce(0.0, |a, b| a + b, |x, y| x * y);
/// let greatest = gpu::reduce(f32::NEG_INFINITY, |a, b| a.max(b), |x: F32| x);
/// # let _ = (a_dot_b, greatest);
/// ```
#[must_use]
#[track_caller]
pub fn reduce<A, T: Element, F: Function<A, Output = T>>(
    identity: T,
    op: impl Fn(Expression<T>, Expression<T>) -> Expression<T>,
    map: F,
) -> Kernel<A, (T,)> {
    let reduction =
        Reduction { number: T::NUMBER, identity: identity.to_word(), op: joining("reduce", &op), map: map.formula() };
    let mut parameters = inputs(&reduction.map.inputs);
    let place = parameters.len();
    parameters.push(Parameter { role: Role::Out, place, bytes: T::NUMBER.bytes(), length: Length::Fixed(1) });
    let plan = Arc::new(ReducePlan::new(&reduction));
    let body = Some(Arc::new(ReduceBody::new(&reduction)) as Arc<dyn HostBody>);
    Kernel::from_recipe(Recipe { name: "reduce".into(), parameters, plan, body })
}

/// The formula of a function that joins two elements.
///
/// # Panics
/// If it asks for the index.
#[track_caller]
pub(crate) fn joining<T: Element>(
    kernel: &str,
    op: &impl Fn(Expression<T>, Expression<T>) -> Expression<T>,
) -> Formula {
    let formula = op.formula();
    assert!(
        !formula.asks_for_index(),
        "the `op` of `gpu::{kernel}` asks for `gpu::index()`, but its operands have no place in the batch: compute with the \
         index in a `map` before"
    );
    formula
}

struct Reduction {
    number: Number,
    identity: u64,
    op: Formula,
    map: Formula,
}

#[derive(Debug)]
struct ReducePlan {
    kernel: Arc<str>,
    ptx: String,
    entries: [Arc<str>; 2],
    inputs: usize,
    bytes: usize,
}

impl ReducePlan {
    const FIRST: usize = 0;
    const AGAIN: usize = 1;

    fn new(reduction: &Reduction) -> Self {
        let entries: [Arc<str>; 2] = ["aqueduct_reduce".into(), "aqueduct_reduce_again".into()];
        let names: Vec<String> = (0..reduction.map.inputs.len()).map(|place| format!("x{place}[index]")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let about = format!(
            "reduce: one block halves a tile of {TILE} elements, {} threads with {RUN} elements each, until one is left.\n\
             {} computes the elements first; {} takes what other blocks have left.\n\n{}{}",
            LANES,
            entries[0],
            entries[1],
            show(&reduction.map, "element", &names, "part"),
            show(&reduction.op, "op(a, b)", &["a", "b"], "op_part"),
        );
        let again = Formula::of_input(reduction.number);
        let kernels = [reduction.ptx(&entries[0], &reduction.map), reduction.ptx(&entries[1], &again)];
        Self {
            kernel: "reduce".into(),
            ptx: file(&about, &kernels),
            entries,
            inputs: reduction.map.inputs.len(),
            bytes: reduction.number.bytes(),
        }
    }
}

impl Plan for ReducePlan {
    fn ptx(&self, _capability: u32) -> Result<Cow<'_, str>, GpuError> {
        Ok(Cow::Borrowed(&self.ptx))
    }

    fn entries(&self) -> &[Arc<str>] {
        &self.entries
    }

    fn check(&self, _ptx: &str) -> Result<(), GpuError> {
        Ok(())
    }

    fn scratch(&self, length: usize) -> usize {
        // The last level leaves its one element in the result.
        levels(length, self.bytes).filter(|level| level.tiles > 1).last().map_or(0, |level| level.end(self.bytes))
    }

    fn passes(&self, length: usize, passes: &mut Passes) -> Result<(), GpuError> {
        not_empty(&self.kernel, length)?;
        let mut before: Option<Level> = None;
        for level in levels(length, self.bytes) {
            let grid = grid(&self.kernel, level.tiles, LANES as u32)?;
            let to = if level.tiles > 1 { Value::Scratch(level.offset) } else { Value::Parameter(self.inputs) };
            let mut values = [to; 6];
            let (entry, inputs) = match before {
                None => {
                    for (place, value) in values[..self.inputs].iter_mut().enumerate() {
                        *value = Value::Parameter(place);
                    }
                    (Self::FIRST, self.inputs)
                }
                Some(before) => {
                    values[0] = Value::Scratch(before.offset);
                    (Self::AGAIN, 1)
                }
            };
            values[inputs + 1] = Value::count(level.length);
            passes.push(entry, grid, &values[..inputs + 2]);
            before = Some(level);
        }
        Ok(())
    }
}

impl Reduction {
    fn ptx(&self, entry: &str, map: &Formula) -> String {
        let names: Vec<String> = (0..map.inputs.len()).map(|place| format!("x{place}")).collect();
        let mut writer = Writer::default();
        writer.shared("lanes", LANES * self.number.bytes());
        let tile = Tile::new(&mut writer);
        let bases: Vec<Register> = names.iter().map(|name| writer.parameter(name)).collect();
        let result = writer.parameter("result");
        let identity = writer.constant(self.number, self.identity);

        let mut elements = Vec::with_capacity(RUN);
        for row in 0..RUN {
            writer.remark(&format!("Element {} of the tile, counted from the thread's first.", row * LANES));
            let (place, inside, read) = tile.row(&mut writer, row);
            let input = |writer: &mut Writer, input: usize, number: Number| {
                let address = writer.address(bases[input], read, number.bytes());
                writer.load("global", number, address, 0)
            };
            let element = writer.formula(map, input, Some(place));
            elements.push(writer.select(self.number, inside, element, identity));
        }

        writer.remark("Halving within the thread.");
        while elements.len() > 1 {
            let other = elements.split_off(elements.len() / 2);
            for (element, other) in elements.iter_mut().zip(other) {
                *element = writer.join(&self.op, *element, other);
            }
        }

        writer.remark("Halving across the threads.");
        let (number, bytes) = (self.number, self.number.bytes());
        let word = number.ptx_word();
        let own = writer.make(number.kind(), format_args!("mov.{word}"), elements[0]);
        let lanes = writer.make(Kind::Word64, "mov.u64", "lanes");
        let lane = writer.address(lanes, tile.thread64, bytes);
        writer.store("shared", number, lane, 0, own);
        let half = writer.make(Kind::Word32, "mov.u32", LANES / 2);
        writer.label("HALVE");
        writer.line("bar.sync 0");
        let idle = writer.make(Kind::Predicate, "setp.ge.u32", format_args!("{}, {half}", tile.thread));
        writer.line(format_args!("@{idle} bra HALVED"));
        let distance = writer.make(Kind::Word64, "mul.wide.u32", format_args!("{half}, {bytes}"));
        let partner = writer.make(Kind::Word64, "add.u64", format_args!("{lane}, {distance}"));
        let other = writer.load("shared", number, partner, 0);
        let joined = writer.join(&self.op, own, other);
        writer.line(format_args!("mov.{word} {own}, {joined}"));
        writer.store("shared", number, lane, 0, own);
        writer.label("HALVED");
        writer.line(format_args!("shr.u32 {half}, {half}, 1"));
        let more = writer.make(Kind::Predicate, "setp.ne.u32", format_args!("{half}, 0"));
        writer.line(format_args!("@{more} bra HALVE"));

        writer.remark("The first thread has what is left.");
        let other = writer.make(Kind::Predicate, "setp.ne.u32", format_args!("{}, 0", tile.thread));
        writer.line(format_args!("@{other} bra DONE"));
        let address = writer.address(result, tile.block64, bytes);
        writer.store("global", number, address, 0, own);
        writer.label("DONE");

        let mut parameters = names;
        parameters.extend(["result".to_owned(), "length".to_owned()]);
        writer.finish(entry, &parameters, LANES as u32)
    }
}

/// What a thread knows of its tile.
pub(crate) struct Tile {
    pub(crate) thread: Register,
    pub(crate) thread64: Register,
    pub(crate) block64: Register,
    pub(crate) length: Register,
    /// The place of the thread's first element.
    first: Register,
    /// The last place that there is.
    last: Register,
}

impl Tile {
    pub(crate) fn new(writer: &mut Writer) -> Self {
        let length = writer.parameter("length");
        let thread = writer.make(Kind::Word32, "mov.u32", "%tid.x");
        let thread64 = writer.make(Kind::Word64, "cvt.u64.u32", thread);
        let block = writer.make(Kind::Word32, "mov.u32", "%ctaid.x");
        let block64 = writer.make(Kind::Word64, "cvt.u64.u32", block);
        let start = writer.make(Kind::Word64, "mul.wide.u32", format_args!("{block}, {TILE}"));
        let first = writer.make(Kind::Word64, "add.u64", format_args!("{start}, {thread64}"));
        let last = writer.make(Kind::Word64, "sub.u64", format_args!("{length}, 1"));
        Self { thread, thread64, block64, length, first, last }
    }

    /// The place of the thread's element in this row of the tile, whether there is one, and the place of one that there is
    /// in any case: so a load needs no branch.
    pub(crate) fn row(&self, writer: &mut Writer, row: usize) -> (Register, Register, Register) {
        let place = match row {
            0 => self.first,
            _ => writer.make(Kind::Word64, "add.u64", format_args!("{}, {}", self.first, row * LANES)),
        };
        let inside = writer.make(Kind::Predicate, "setp.lt.u64", format_args!("{place}, {}", self.length));
        let read = writer.make(Kind::Word64, "min.u64", format_args!("{place}, {}", self.last));
        (place, inside, read)
    }
}

impl Writer {
    /// `op(left, right)`.
    pub(crate) fn join(&mut self, op: &Formula, left: Register, right: Register) -> Register {
        self.formula(op, |_, place, _| if place == 0 { left } else { right }, None)
    }
}

struct ReduceBody {
    map: Program,
    again: Program,
    op: Program,
    identity: u64,
    number: Number,
}

/// The tiles that one thread takes at once.
const SHARE: usize = 32;

impl ReduceBody {
    fn new(reduction: &Reduction) -> Self {
        Self {
            map: Program::new(&reduction.map),
            again: Program::new(&Formula::of_input(reduction.number)),
            op: Program::new(&reduction.op),
            identity: reduction.identity,
            number: reduction.number,
        }
    }

    /// One element of `length` elements that `map` makes of the inputs.
    fn reduce(&self, map: &Program, inputs: &[Feed<'_>], length: usize, out: &mut [u8]) {
        let tiles = blocks_of(length, TILE);
        if tiles == 1 {
            return self.tiles(map, inputs, length, out);
        }
        let mut words = room_for(self.number, tiles);
        let left = &mut bytemuck::cast_slice_mut(&mut words)[..tiles * self.number.bytes()];
        self.tiles(map, inputs, length, left);
        self.reduce(&self.again, &[Feed::Each(left)], tiles, out);
    }

    /// One element for each tile of `length` elements that `map` makes of the inputs.
    fn tiles(&self, map: &Program, inputs: &[Feed<'_>], length: usize, out: &mut [u8]) {
        let bytes = self.number.bytes();
        let share = |(share, out): (usize, &mut [u8])| {
            let mut halves = [room_for(self.number, TILE), room_for(self.number, TILE)];
            with_rooms(|rooms| {
                for (tile, out) in out.chunks_mut(bytes).enumerate() {
                    let first = (share * SHARE + tile) * TILE;
                    self.tile(map, inputs, first..length.min(first + TILE), out, &mut halves, rooms);
                }
            });
        };
        if out.len() <= SHARE * bytes {
            share((0, out));
        } else {
            out.par_chunks_mut(SHARE * bytes).enumerate().for_each(share);
        }
    }

    fn tile(
        &self,
        map: &Program,
        inputs: &[Feed<'_>],
        elements: std::ops::Range<usize>,
        out: &mut [u8],
        [here, there]: &mut [Room; 2],
        rooms: &mut Vec<Room>,
    ) {
        let bytes = self.number.bytes();
        let (mut from, mut to): (&mut [u8], &mut [u8]) =
            (bytemuck::cast_slice_mut(here), bytemuck::cast_slice_mut(there));
        let mut width = TILE * bytes;
        match inputs[0] {
            // Elements that need not be computed are read where they lie.
            Feed::Each(all) if map.is_its_input() && elements.len() == TILE => {
                let (low, high) = all[elements.start * bytes..][..width].split_at(width / 2);
                width /= 2;
                self.op.run_here(&[Feed::Each(low), Feed::Each(high)], &mut from[..width], 0, rooms);
            }
            _ => {
                let (computed, missing) = from[..width].split_at_mut(elements.len() * bytes);
                map.run_part(inputs, computed, elements.start, rooms);
                fill(self.number, missing, self.identity);
            }
        }
        while width > bytes {
            let (low, high) = from[..width].split_at(width / 2);
            width /= 2;
            self.op.run_here(&[Feed::Each(low), Feed::Each(high)], &mut to[..width], 0, rooms);
            std::mem::swap(&mut from, &mut to);
        }
        out.copy_from_slice(&from[..bytes]);
    }
}

impl HostBody for ReduceBody {
    fn run(&self, inputs: &[&[u8]], outputs: &mut [&mut [u8]], length: usize) {
        let [output] = outputs else { unreachable!("a reduction has one output") };
        if length == 0 {
            fill(self.number, output, self.identity);
        } else {
            self.reduce(&self.map, &feeds(inputs)[..inputs.len()], length, output);
        }
    }
}
