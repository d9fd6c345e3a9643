//! What each instruction computes, against values worked out apart from it; and whole kernels.

mod compiled;
mod converting;
mod floating;
mod integers;
mod memory;
mod refused;
mod warps;

use std::sync::Arc;

use super::grid::Fault;
use super::{Kernel, Launch, Memory, Refusal, launch};

/// A memory of so many bytes at this address.
const BASE: u64 = 0x1_0000;

pub(super) struct Flat(pub(super) Vec<u8>);

impl Flat {
    fn place(&self, address: u64, bytes: usize) -> Result<usize, String> {
        let start = address.checked_sub(BASE).map_or(usize::MAX, |at| at as usize);
        let fits = start.checked_add(bytes).is_some_and(|end| end <= self.0.len());
        if fits { Ok(start) } else { Err(format!("{address:#x}")) }
    }

    pub(super) fn word(&self, at: usize) -> u64 {
        self.load(BASE + at as u64, 8).expect("a word in memory")
    }

    pub(super) fn floats(&self) -> Vec<f32> {
        self.0.chunks_exact(4).map(|n| f32::from_le_bytes(n.try_into().expect("four bytes"))).collect()
    }

    pub(super) fn of(floats: &[f32]) -> Vec<u8> {
        floats.iter().flat_map(|n| n.to_le_bytes()).collect()
    }
}

/// A text without variables of its own.
fn read(text: &str, capability: u32) -> Result<Vec<Arc<Kernel>>, Refusal> {
    super::read(text, capability, &mut |_| 0)
}

impl Memory for Flat {
    fn load(&self, address: u64, bytes: usize) -> Result<u64, String> {
        let start = self.place(address, bytes)?;
        let mut word = [0; 8];
        word[..bytes].copy_from_slice(&self.0[start..start + bytes]);
        Ok(u64::from_le_bytes(word))
    }

    fn store(&mut self, address: u64, bytes: usize, value: u64) -> Result<(), String> {
        let start = self.place(address, bytes)?;
        self.0[start..start + bytes].copy_from_slice(&value.to_le_bytes()[..bytes]);
        Ok(())
    }
}

/// Runs the only kernel of a text; its parameters are these words, of eight bytes each.
pub(super) fn run(
    text: &str,
    memory: &mut Flat,
    (blocks, threads, shared): ([u32; 3], [u32; 3], usize),
    parameters: &[u64],
    seed: u64,
) -> Result<u64, Fault> {
    let kernels = read(text, 90).unwrap_or_else(|refusal| panic!("{refusal}\n{text}"));
    let parameters: Vec<u8> = parameters.iter().flat_map(|word| word.to_le_bytes()).collect();
    let kernel = &kernels[0];
    let grid = Launch { kernel, blocks, threads, shared, parameters: &parameters, seed, most: 200_000_000 };
    launch(&grid, memory)
}

/// A kernel `k` around this body, with the parameters `p0` to `p3` of eight bytes.
pub(super) fn kernel(body: &str) -> String {
    format!(
        ".version 8.0\n.target sm_70\n.address_size 64\n.visible .entry k(.param .u64 p0, .param .u64 p1, .param .u64 p2, \
         .param .u64 p3)\n{{\n{body}\nret;\n}}\n"
    )
}

/// One instruction: `%d` is its result, of the first type; `%a`, `%b`, `%c` what it gets, with their types.
pub(super) fn one(instruction: &str, result: &str, given: &[(&str, u64)]) -> u64 {
    let mut body = ".reg .b64 %out;\nld.param.u64 %out, [p3];\n".to_owned();
    for (i, (t, _)) in given.iter().enumerate() {
        let name = ["%a", "%b", "%c"][i];
        if *t == "pred" {
            body += &format!(
                ".reg .pred {name};\n{{ .reg .b32 %x; ld.param.u32 %x, [p{i}]; setp.ne.u32 {name}, %x, 0; }}\n"
            );
        } else {
            let load = if t.ends_with("16") { "u16" } else { t };
            body += &format!(".reg .{t} {name};\nld.param.{load} {name}, [p{i}];\n");
        }
    }
    body += &format!(".reg .{result} %d;\n{instruction}\n");
    if result == "pred" {
        body += ".reg .b32 %y;\nselp.b32 %y, 1, 0, %d;\nst.global.b32 [%out], %y;\n";
    } else {
        body += &format!("st.global.{} [%out], %d;\n", result.replace(['s', 'f', 'u'], "b"));
    }
    let mut memory = Flat(vec![0; 8]);
    let mut parameters = [0, 0, 0, BASE];
    for (parameter, (_, value)) in parameters.iter_mut().zip(given) {
        *parameter = *value;
    }
    run(&kernel(&body), &mut memory, ([1; 3], [1; 3], 0), &parameters, 0).expect("it runs");
    memory.word(0)
}

/// The same for `f32`.
pub(super) fn singles(instruction: &str, given: &[f32]) -> f32 {
    let given: Vec<_> = given.iter().map(|n| ("f32", u64::from(n.to_bits()))).collect();
    f32::from_bits(one(instruction, "f32", &given) as u32)
}

pub(super) fn doubles(instruction: &str, given: &[f64]) -> f64 {
    let given: Vec<_> = given.iter().map(|n| ("f64", n.to_bits())).collect();
    f64::from_bits(one(instruction, "f64", &given))
}
