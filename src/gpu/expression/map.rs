//! Kernels that compute each element by itself.
//!
//! On a GPU one thread computes one element. On the CPU the formula's program goes through the batch block by block.

use std::borrow::Cow;
use std::sync::Arc;

use super::cpu::{Program, feeds};
use super::function::{Function, inputs};
use super::plan::{blocks_of, grid, not_empty};
use super::ptx::{Kind, Writer, file};
use super::show::show;
use super::tree::Formula;
use super::value::Expression;
use crate::gpu::element::{Element, Number};
use crate::gpu::error::GpuError;
use crate::gpu::kernel::{HostBody, Kernel, Length, Parameter, Passes, Plan, Recipe, Role, Value};

/// A kernel that computes each element of its result from the elements at the same place of its one to four inputs.
///
/// The closure is called once, here, with [`Expression`]s in place of numbers; what it does with them becomes a kernel
/// for GPUs and a body for the CPU, which give the same bits. Plain variables that it uses are constants of the kernel.
/// Its parameters need types where nothing else tells them.
///
/// # Panics
/// If the closure gives back an expression of another kernel's closure.
///
/// # Examples
/// ```
/// use aqueduct::gpu::{self, F32, Kernel};
///
/// let a = 2.5_f32;
/// let axpy = gpu::map(|x, y| a * x + y);
/// let norm = gpu::map(|x: F32, y: F32| (x * x + y * y).sqrt());
/// # let _: (Kernel<(f32, f32), (f32,)>, Kernel<(f32, f32), (f32,)>) = (axpy, norm);
/// ```
#[must_use]
#[track_caller]
pub fn map<A, F: Function<A>>(f: F) -> Kernel<A, (F::Output,)> {
    elementwise("map", &f.formula())
}

/// [`map`] of two inputs, under the name that it usually has.
///
/// # Panics
/// As [`map`].
///
/// # Examples
/// ```
/// use aqueduct::gpu::{self, F64, Kernel};
///
/// let nearer: Kernel<(f64, f64), (f64,)> = gpu::zip(|x: F64, y: F64| x.abs().lt(y.abs()).select(x, y));
/// # assert_eq!(nearer.name(), "zip");
/// ```
#[must_use]
#[track_caller]
pub fn zip<X: Element, Y: Element, Z: Element>(
    f: impl Fn(Expression<X>, Expression<Y>) -> Expression<Z>,
) -> Kernel<(X, Y), (Z,)> {
    elementwise("zip", &f.formula())
}

fn elementwise<I, O>(name: &str, formula: &Formula) -> Kernel<I, O> {
    let program = Program::new(formula);
    let mut parameters = inputs(&formula.inputs);
    let place = parameters.len();
    parameters.push(Parameter { role: Role::Out, place, bytes: program.output().bytes(), length: Length::Batch });
    let entry = format!("aqueduct_{name}");
    let plan = MapPlan {
        kernel: name.into(),
        ptx: ptx(name, &entry, formula, program.output()),
        entries: [entry.into()],
        arguments: parameters.len(),
    };
    let body = Some(Arc::new(MapBody { program }) as Arc<dyn HostBody>);
    Kernel::from_recipe(Recipe { name: name.into(), parameters, plan: Arc::new(plan), body })
}

#[derive(Debug)]
struct MapPlan {
    kernel: Arc<str>,
    ptx: String,
    entries: [Arc<str>; 1],
    arguments: usize,
}

impl Plan for MapPlan {
    fn ptx(&self, _capability: u32) -> Result<Cow<'_, str>, GpuError> {
        Ok(Cow::Borrowed(&self.ptx))
    }

    fn entries(&self) -> &[Arc<str>] {
        &self.entries
    }

    fn check(&self, _ptx: &str) -> Result<(), GpuError> {
        Ok(())
    }

    fn scratch(&self, _length: usize) -> usize {
        0
    }

    fn passes(&self, length: usize, passes: &mut Passes) -> Result<(), GpuError> {
        not_empty(&self.kernel, length)?;
        let mut values = [Value::count(length); 6];
        for (place, value) in values[..self.arguments].iter_mut().enumerate() {
            *value = Value::Parameter(place);
        }
        let grid = grid(&self.kernel, blocks_of(length, THREADS as usize), THREADS)?;
        passes.push(0, grid, &values[..=self.arguments]);
        Ok(())
    }
}

struct MapBody {
    program: Program,
}

impl HostBody for MapBody {
    fn run(&self, inputs: &[&[u8]], outputs: &mut [&mut [u8]], _length: usize) {
        let [output] = outputs else { unreachable!("a map has one output") };
        self.program.run(&feeds(inputs)[..inputs.len()], output);
    }
}

/// The threads of a block that computes one element with each.
pub(crate) const THREADS: u32 = 256;

fn ptx(name: &str, entry: &str, formula: &Formula, output: Number) -> String {
    let names: Vec<String> = (0..formula.inputs.len()).map(|place| format!("x{place}")).collect();
    let called: Vec<String> = names.iter().map(|name| format!("{name}[index]")).collect();
    let called: Vec<&str> = called.iter().map(String::as_str).collect();

    let mut writer = Writer::default();
    let place = writer.own_place();
    let input = |writer: &mut Writer, input: usize, number: Number| {
        let base = writer.parameter(&names[input]);
        let address = writer.address(base, place, number.bytes());
        writer.load("global", number, address, 0)
    };
    let value = writer.formula(formula, input, Some(place));
    let base = writer.parameter("result");
    let address = writer.address(base, place, output.bytes());
    writer.store("global", output, address, 0, value);
    writer.label("DONE");

    let mut parameters = names.clone();
    parameters.extend(["result".to_owned(), "length".to_owned()]);
    let kernel = writer.finish(entry, &parameters, THREADS);
    file(
        &format!("{name}: one thread computes one element.\n\n{}", show(formula, "result[index]", &called, "part")),
        &[kernel],
    )
}

impl Writer {
    /// The place of the element that this thread computes; threads beyond `length` go to the label `DONE`.
    pub(crate) fn own_place(&mut self) -> super::ptx::Register {
        let length = self.parameter("length");
        let block = self.make(Kind::Word32, "mov.u32", "%ctaid.x");
        let thread = self.make(Kind::Word32, "mov.u32", "%tid.x");
        let first = self.make(Kind::Word64, "mul.wide.u32", format_args!("{block}, {THREADS}"));
        let within = self.make(Kind::Word64, "cvt.u64.u32", thread);
        let place = self.make(Kind::Word64, "add.u64", format_args!("{first}, {within}"));
        let beyond = self.make(Kind::Predicate, "setp.ge.u64", format_args!("{place}, {length}"));
        self.line(format_args!("@{beyond} bra DONE"));
        place
    }
}
