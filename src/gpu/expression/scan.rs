//! Scans: each element joined with all before it.
//!
//! The order is one rule for both bodies, so that also floats agree to the bit. A batch is cut into tiles of 2048 elements,
//! a tile into 256 runs of 8; the last tile is filled up with the identity.
//!
//! 1. Each run is scanned from left to right: `x[i] = op(x[i - 1], x[i])`. Its last element is its total.
//! 2. The 256 totals are scanned by doubling: for `s` = 1, 2, 4, …, 128, every total from the `s`-th on becomes
//!    `op(total[t - s], total[t])`, all at once.
//! 3. Each element of a run but the first becomes `op(total before the run, x[i])`.
//! 4. The last elements of the tiles are the tiles' totals, a batch of its own: it is scanned by the same rule, and each
//!    element of a tile but the first becomes `op(total before the tile, x[i])`.
//!
//! On a GPU a block takes a tile, and a thread a run; the elements pass through shared memory, so that neighbours in memory
//! are read and written by neighbouring threads. On the CPU the runs of a tile are turned to columns, so that each of the
//! joins above is one run of the op's program over 256 runs at once.

use std::borrow::Cow;
use std::sync::Arc;

use rayon::prelude::*;

use super::cpu::{Feed, Program, Room, fill, room_for, typed, with_rooms};
use super::plan::{LANES, Level, RUN, TILE, blocks_of, grid, levels, not_empty};
use super::ptx::{Kind, Writer, file};
use super::reduce::{Tile, joining};
use super::show::show;
use super::tree::Formula;
use super::value::Expression;
use crate::gpu::element::{Element, Number};
use crate::gpu::error::GpuError;
use crate::gpu::kernel::{HostBody, Kernel, Length, Parameter, Passes, Plan, Recipe, Role, Value};

/// A kernel that joins each element of a batch with all before it: of `+`, the running sums.
///
/// `op` and `identity` as with [`reduce`](super::reduce()). The order in which elements are joined is fixed here too, and the
/// same on a GPU and on the CPU: runs of 8 from left to right; the totals of 256 runs by doubling (each with the one 1, 2,
/// 4, …, 128 before it); each run with the total before it; and by the same rule the totals of the tiles of 2048, and each
/// tile with the total before it. In every join the earlier element is the first operand.
///
/// # Panics
/// If `op` asks for [`index`](super::index), as its operands have no place; and as [`map`](super::map()).
///
/// # Examples
/// ```
/// use aqueduct::gpu::{self, Kernel};
///
/// let running_sums: Kernel<(f64,), (f64,)> = gpu::scan(0.0, |a, b| a + b);
/// let greatest_so_far = gpu::scan(i32::MIN, |a: gpu::I32, b| a.max(b));
/// # let _ = (running_sums, greatest_so_far);
/// ```
#[must_use]
#[track_caller]
pub fn scan<T: Element>(identity: T, op: impl Fn(Expression<T>, Expression<T>) -> Expression<T>) -> Kernel<(T,), (T,)> {
    let op = joining("scan", &op);
    let (number, identity) = (T::NUMBER, identity.to_word());
    let parameter = |place, role| Parameter { role, place, bytes: number.bytes(), length: Length::Batch };
    let plan = Arc::new(ScanPlan::new(number, identity, &op));
    let body = Some(Arc::new(ScanBody { op: Program::new(&op), identity, number }) as Arc<dyn HostBody>);
    Kernel::from_recipe(Recipe {
        name: "scan".into(),
        parameters: vec![parameter(0, Role::In), parameter(1, Role::Out)],
        plan,
        body,
    })
}

#[derive(Debug)]
struct ScanPlan {
    kernel: Arc<str>,
    ptx: String,
    entries: [Arc<str>; 2],
    bytes: usize,
}

impl ScanPlan {
    const TILES: usize = 0;
    const JOIN: usize = 1;

    fn new(number: Number, identity: u64, op: &Formula) -> Self {
        let entries: [Arc<str>; 2] = ["aqueduct_scan".into(), "aqueduct_scan_join".into()];
        let about = format!(
            "scan: one block scans a tile of {TILE} elements, {LANES} threads with a run of {RUN} elements each, and leaves \
             its total.\n{} joins each tile with the total of those before it.\n\n{}",
            entries[1],
            show(op, "op(a, b)", &["a", "b"], "op_part"),
        );
        let ptx = file(&about, &[tiles_ptx(&entries[0], number, identity, op), join_ptx(&entries[1], number, op)]);
        Self { kernel: "scan".into(), ptx, entries, bytes: number.bytes() }
    }
}

impl Plan for ScanPlan {
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
        levels(length, self.bytes).last().map_or(0, |level| level.end(self.bytes))
    }

    fn passes(&self, length: usize, passes: &mut Passes) -> Result<(), GpuError> {
        not_empty(&self.kernel, length)?;
        // The totals of a level are scanned in place: a block has read its tile before it writes it.
        let mut before: Option<Level> = None;
        for level in levels(length, self.bytes) {
            let (from, to) = match before {
                None => (Value::Parameter(0), Value::Parameter(1)),
                Some(before) => (Value::Scratch(before.offset), Value::Scratch(before.offset)),
            };
            let values = [from, to, Value::Scratch(level.offset), Value::count(level.length)];
            passes.push(Self::TILES, grid(&self.kernel, level.tiles, LANES as u32)?, &values);
            before = Some(level);
        }
        let depth = levels(length, self.bytes).count();
        for level in (0..depth - 1).rev() {
            let Some(joined) = levels(length, self.bytes).nth(level) else { continue };
            let scanned = match level.checked_sub(1).and_then(|before| levels(length, self.bytes).nth(before)) {
                None => Value::Parameter(1),
                Some(before) => Value::Scratch(before.offset),
            };
            let values = [scanned, Value::Scratch(joined.offset), Value::count(joined.length)];
            let grid = grid(&self.kernel, blocks_of(joined.length, LANES), LANES as u32)?;
            passes.push(Self::JOIN, grid, &values);
        }
        Ok(())
    }
}

fn tiles_ptx(entry: &str, number: Number, identity: u64, op: &Formula) -> String {
    let (bytes, word) = (number.bytes(), number.ptx_word());
    let mut writer = Writer::default();
    writer.shared("elements", TILE * bytes);
    writer.shared("totals", LANES * bytes);
    let tile = Tile::new(&mut writer);
    let from = writer.parameter("x0");
    let result = writer.parameter("result");
    let identity = writer.constant(number, identity);
    let elements = writer.make(Kind::Word64, "mov.u64", "elements");
    let lanes = writer.make(Kind::Word64, "mov.u64", "totals");
    let column = writer.address(elements, tile.thread64, bytes);
    let run = writer.address(elements, tile.thread64, bytes * RUN);
    let lane = writer.address(lanes, tile.thread64, bytes);

    writer.remark("The tile, to shared memory.");
    let mut rows = Vec::with_capacity(RUN);
    for row in 0..RUN {
        let (place, inside, read) = tile.row(&mut writer, row);
        let address = writer.address(from, read, bytes);
        let element = writer.load("global", number, address, 0);
        let element = writer.select(number, inside, element, identity);
        writer.store("shared", number, column, row * LANES * bytes, element);
        rows.push((place, inside));
    }
    writer.line("bar.sync 0");

    writer.remark("The thread's run, from left to right.");
    let mut scanned = Vec::with_capacity(RUN);
    for place in 0..RUN {
        let element = writer.load("shared", number, run, place * bytes);
        let element = match scanned.last() {
            Some(&before) => writer.join(op, before, element),
            None => element,
        };
        scanned.push(element);
    }

    writer.remark("The totals of the runs, by doubling.");
    let total = writer.make(number.kind(), format_args!("mov.{word}"), scanned[RUN - 1]);
    writer.store("shared", number, lane, 0, total);
    let distance = writer.make(Kind::Word32, "mov.u32", 1);
    writer.label("DOUBLE");
    writer.line("bar.sync 0");
    let first = writer.make(Kind::Predicate, "setp.lt.u32", format_args!("{}, {distance}", tile.thread));
    writer.line(format_args!("@{first} bra KEEP"));
    let back = writer.make(Kind::Word64, "mul.wide.u32", format_args!("{distance}, {bytes}"));
    let earlier = writer.make(Kind::Word64, "sub.u64", format_args!("{lane}, {back}"));
    let earlier = writer.load("shared", number, earlier, 0);
    let joined = writer.join(op, earlier, total);
    writer.line(format_args!("mov.{word} {total}, {joined}"));
    writer.label("KEEP");
    writer.line("bar.sync 0");
    writer.store("shared", number, lane, 0, total);
    writer.line(format_args!("shl.b32 {distance}, {distance}, 1"));
    let more = writer.make(Kind::Predicate, "setp.lt.u32", format_args!("{distance}, {LANES}"));
    writer.line(format_args!("@{more} bra DOUBLE"));
    writer.line("bar.sync 0");

    writer.remark("The run, with the total before it.");
    let first = writer.make(Kind::Predicate, "setp.eq.u32", format_args!("{}, 0", tile.thread));
    writer.line(format_args!("@{first} bra FIRST"));
    let before = writer.make(Kind::Word64, "sub.u64", format_args!("{lane}, {bytes}"));
    let before = writer.load("shared", number, before, 0);
    for &element in &scanned {
        let joined = writer.join(op, before, element);
        writer.line(format_args!("mov.{word} {element}, {joined}"));
    }
    writer.label("FIRST");
    for (place, &element) in scanned.iter().enumerate() {
        writer.store("shared", number, run, place * bytes, element);
    }
    writer.line("bar.sync 0");

    writer.remark("The tile, from shared memory.");
    for (row, (place, inside)) in rows.into_iter().enumerate() {
        let element = writer.load("shared", number, column, row * LANES * bytes);
        let address = writer.address(result, place, bytes);
        writer.guarded(inside, |writer| writer.store("global", number, address, 0, element));
    }

    writer.remark("The last element is the tile's total.");
    let other = writer.make(Kind::Predicate, "setp.ne.u32", format_args!("{}, {}", tile.thread, LANES - 1));
    writer.line(format_args!("@{other} bra DONE"));
    let totals = writer.parameter("totals_of_tiles");
    let address = writer.address(totals, tile.block64, bytes);
    writer.store("global", number, address, 0, scanned[RUN - 1]);
    writer.label("DONE");
    let parameters = ["x0", "result", "totals_of_tiles", "length"].map(str::to_owned);
    writer.finish(entry, &parameters, LANES as u32)
}

fn join_ptx(entry: &str, number: Number, op: &Formula) -> String {
    let bytes = number.bytes();
    let mut writer = Writer::default();
    let place = writer.own_place();
    writer.remark("The first tile has none before it.");
    let tile = writer.make(Kind::Word64, "shr.u64", format_args!("{place}, {}", TILE.trailing_zeros()));
    let first = writer.make(Kind::Predicate, "setp.eq.u64", format_args!("{tile}, 0"));
    writer.line(format_args!("@{first} bra DONE"));
    let totals = writer.parameter("totals_of_tiles");
    let before = writer.make(Kind::Word64, "sub.u64", format_args!("{tile}, 1"));
    let before = writer.address(totals, before, bytes);
    let before = writer.load("global", number, before, 0);
    let result = writer.parameter("result");
    let address = writer.address(result, place, bytes);
    let element = writer.load("global", number, address, 0);
    let joined = writer.join(op, before, element);
    writer.store("global", number, address, 0, joined);
    writer.label("DONE");
    writer.finish(entry, &["result", "totals_of_tiles", "length"].map(str::to_owned), LANES as u32)
}

struct ScanBody {
    op: Program,
    identity: u64,
    number: Number,
}

/// The tiles that one thread takes at once.
const SHARE: usize = 32;

impl ScanBody {
    fn scan(&self, input: &[u8], out: &mut [u8]) {
        let bytes = self.number.bytes();
        let (share, tile) = (SHARE * TILE * bytes, TILE * bytes);
        let tiles = blocks_of(out.len(), tile);
        self.each_share(out, |first, out| {
            let input = &input[first * share..][..out.len()];
            let mut rooms = [TILE, TILE, 2 * LANES].map(|count| room_for(self.number, count));
            with_rooms(|own| {
                for (input, out) in input.chunks(tile).zip(out.chunks_mut(tile)) {
                    self.tile(input, out, &mut rooms, own);
                }
            });
        });
        if tiles == 1 {
            return;
        }
        // The last tile's total is in nobody's way, and may not be its last element.
        let mut words = [room_for(self.number, tiles - 1), room_for(self.number, tiles - 1)];
        let [totals, scanned] =
            words.each_mut().map(|words| &mut bytemuck::cast_slice_mut(words)[..(tiles - 1) * bytes]);
        for (total, tile) in totals.chunks_exact_mut(bytes).zip(out.chunks_exact(tile)) {
            total.copy_from_slice(&tile[tile.len() - bytes..]);
        }
        self.scan(totals, scanned);
        let scanned = &*scanned;
        self.each_share(out, |first, out| {
            let mut joined = room_for(self.number, TILE);
            for (place, out) in out.chunks_mut(tile).enumerate() {
                let Some(before) = (first * SHARE + place).checked_sub(1) else { continue };
                let before = Feed::Same(self.word(&scanned[before * bytes..][..bytes]));
                let joined = &mut bytemuck::cast_slice_mut(&mut joined)[..out.len()];
                with_rooms(|rooms| self.op.run_here(&[before, Feed::Each(out)], joined, 0, rooms));
                out.copy_from_slice(joined);
            }
        });
    }

    /// Calls `f` for each share of a batch with its place among them, on several threads if there are several.
    fn each_share(&self, out: &mut [u8], f: impl Fn(usize, &mut [u8]) + Sync) {
        let share = SHARE * TILE * self.number.bytes();
        if out.len() <= share {
            f(0, out);
        } else {
            out.par_chunks_mut(share).enumerate().for_each(|(place, out)| f(place, out));
        }
    }

    fn word(&self, bytes: &[u8]) -> u64 {
        typed!(self.number, T => bytemuck::pod_read_unaligned::<T>(bytes).to_word())
    }

    /// Scans a tile, which may be the last and short.
    fn tile(&self, input: &[u8], out: &mut [u8], rooms: &mut [Room; 3], own: &mut Vec<Room>) {
        let bytes = self.number.bytes();
        let (row, tile) = (LANES * bytes, TILE * bytes);
        let [here, there, lanes] = rooms.each_mut().map(|room| bytemuck::cast_slice_mut::<u64, u8>(room));
        let mut join = |left: &[u8], right: &[u8], out: &mut [u8]| {
            self.op.run_here(&[Feed::Each(left), Feed::Each(right)], out, 0, own);
        };
        if input.len() == tile {
            typed!(self.number, T => to_columns::<T>(input, there));
        } else {
            here[..input.len()].copy_from_slice(input);
            fill(self.number, &mut here[input.len()..], self.identity);
            typed!(self.number, T => to_columns::<T>(here, there));
        }
        // The runs.
        here[..row].copy_from_slice(&there[..row]);
        for place in 1..RUN {
            let (before, now) = here.split_at_mut(place * row);
            join(&before[(place - 1) * row..], &there[place * row..], &mut now[..row]);
        }
        // Their totals.
        let (mut totals, mut next) = lanes.split_at_mut(row);
        totals.copy_from_slice(&here[(RUN - 1) * row..]);
        let mut distance = 1;
        while distance < LANES {
            let skipped = distance * bytes;
            next[..skipped].copy_from_slice(&totals[..skipped]);
            join(totals, &totals[skipped..], &mut next[skipped..]);
            std::mem::swap(&mut totals, &mut next);
            distance *= 2;
        }
        // The runs, each with the total before it.
        for (from, to) in here.chunks_exact(row).zip(there.chunks_exact_mut(row)) {
            to[..bytes].copy_from_slice(&from[..bytes]);
            join(totals, &from[bytes..], &mut to[bytes..]);
        }
        if out.len() == tile {
            typed!(self.number, T => to_rows::<T>(there, out));
        } else {
            typed!(self.number, T => to_rows::<T>(there, here));
            out.copy_from_slice(&here[..out.len()]);
        }
    }
}

/// The runs that are turned at once, so that what is read and written in one go is next to each other both ways.
const AT_ONCE: usize = 4;

/// Turns runs to columns: the `k`-th element of every run comes to the `k`-th row.
fn to_columns<T: Element>(runs: &[u8], columns: &mut [u8]) {
    let (runs, _) = bytemuck::cast_slice::<u8, T>(runs).as_chunks::<RUN>();
    let columns = bytemuck::cast_slice_mut::<u8, T>(columns);
    for (group, runs) in runs.as_chunks::<AT_ONCE>().0.iter().enumerate() {
        for (place, row) in columns.chunks_exact_mut(LANES).enumerate().take(RUN) {
            let turned: [T; AT_ONCE] = std::array::from_fn(|run| runs[run][place]);
            row.as_chunks_mut::<AT_ONCE>().0[group] = turned;
        }
    }
}

/// The opposite of [`to_columns`].
fn to_rows<T: Element>(columns: &[u8], runs: &mut [u8]) {
    let columns = bytemuck::cast_slice::<u8, T>(columns);
    let (runs, _) = bytemuck::cast_slice_mut::<u8, T>(runs).as_chunks_mut::<RUN>();
    for (group, runs) in runs.as_chunks_mut::<AT_ONCE>().0.iter_mut().enumerate() {
        let rows: [[T; AT_ONCE]; RUN] =
            std::array::from_fn(|place| columns[place * LANES..][..LANES].as_chunks::<AT_ONCE>().0[group]);
        for (run, to) in runs.iter_mut().enumerate() {
            *to = std::array::from_fn(|place| rows[place][run]);
        }
    }
}

impl HostBody for ScanBody {
    fn run(&self, inputs: &[&[u8]], outputs: &mut [&mut [u8]], length: usize) {
        let ([input], [output]) = (inputs, outputs) else { unreachable!("a scan has one input and one output") };
        if length > 0 {
            self.scan(input, output);
        }
    }
}
