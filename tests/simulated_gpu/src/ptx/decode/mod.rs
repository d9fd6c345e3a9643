//! One instruction after another, from text to operations.
//!
//! Here are what all instructions have in common and which is which; what computes is in `compute`, what moves and converts
//! in `moves`, and what threads do with each other in `together`.

mod compute;
mod moves;
mod together;

use std::collections::HashMap;

use crate::ptx::op::{Op, Slot};
use crate::ptx::operand::{Names, Operand};
use crate::ptx::text::{Refusal, refusal};
use crate::ptx::types::{Kind, Type};

/// What an unset register holds: nobody may rely on it.
const RUBBISH: u64 = 0xabab_abab_abab_abab;

/// The operations of a kernel so far.
#[derive(Debug, Default)]
pub(crate) struct Decoder<'a> {
    pub(crate) names: Names,
    pub(crate) code: Vec<Op>,
    pub(crate) words: Vec<u64>,
    constants: HashMap<u64, Slot>,
    labels: HashMap<&'a str, u32>,
    /// Jumps whose labels may stand further down.
    jumps: Vec<(usize, u32, &'a str)>,
    line: u32,
}

/// An opcode's modifiers; each is taken once.
struct Modifiers<'a> {
    opcode: &'a str,
    left: Vec<&'a str>,
}

impl<'a> Modifiers<'a> {
    fn take(&mut self, known: &[&str]) -> Option<&'a str> {
        let at = self.left.iter().position(|modifier| known.contains(modifier))?;
        Some(self.left.remove(at))
    }

    fn has(&mut self, name: &str) -> bool {
        self.take(&[name]).is_some()
    }

    fn types(&mut self) -> Vec<Type> {
        let types = self.left.iter().filter_map(|modifier| Type::named(modifier)).collect();
        self.left.retain(|modifier| Type::named(modifier).is_none());
        types
    }
}

type Done = Result<(), Refusal>;

impl<'a> Decoder<'a> {
    pub(crate) fn register(&mut self) -> Slot {
        self.word(RUBBISH)
    }

    fn word(&mut self, value: u64) -> Slot {
        self.words.push(value);
        Slot::try_from(self.words.len() - 1).expect("a kernel has fewer than 2^32 registers")
    }

    fn constant(&mut self, value: u64) -> Slot {
        if let Some(slot) = self.constants.get(&value) {
            return *slot;
        }
        let slot = self.word(value);
        self.constants.insert(value, slot);
        slot
    }

    fn here(&self) -> u32 {
        u32::try_from(self.code.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn label(&mut self, line: u32, name: &'a str) -> Done {
        let here = self.here();
        match self.labels.insert(name, here) {
            None => Ok(()),
            Some(_) => Err(refusal(line, &format!("Duplicate definition of label '{name}'"))),
        }
    }

    /// Fills in the labels.
    pub(crate) fn finish(&mut self) -> Done {
        self.code.push(Op::Exit);
        for (at, line, label) in &self.jumps {
            let Some(target) = self.labels.get(label) else {
                return Err(refusal(*line, &format!("Unknown symbol '{label}'")));
            };
            if let Op::Jump { to } | Op::JumpIf { to, .. } | Op::JumpUnless { to, .. } = &mut self.code[*at] {
                *to = *target;
            }
        }
        Ok(())
    }

    fn refuse<T>(&self, problem: &str) -> Result<T, Refusal> {
        Err(refusal(self.line, problem))
    }

    fn needs<T>(&self, found: Option<T>, opcode: &str) -> Result<T, Refusal> {
        found.ok_or_else(|| {
            refusal(self.line, &format!("the instruction `{opcode}` is wrong, or not known to the simulated driver"))
        })
    }

    /// Decodes one instruction.
    pub(crate) fn instruction(
        &mut self,
        line: u32,
        guard: Option<(Slot, bool)>,
        opcode: &'a str,
        operands: &[Operand<'a>],
    ) -> Done {
        self.line = line;
        let mut parts = opcode.split('.').filter(|part| !part.is_empty());
        let stem = parts.next().unwrap_or_default();
        let mut modifiers = Modifiers { opcode, left: parts.collect() };
        if stem == "bra" {
            modifiers.has("uni");
            let [Operand::Label(label)] = operands else { return self.refuse("`bra` needs a label") };
            self.jumps.push((self.code.len(), line, label));
            self.code.push(match guard {
                None => Op::Jump { to: 0 },
                Some((p, false)) => Op::JumpIf { p, to: 0 },
                Some((p, true)) => Op::JumpUnless { p, to: 0 },
            });
            return self.end(&modifiers);
        }
        let skip = guard.map(|(p, negated)| {
            self.code.push(if negated { Op::JumpIf { p, to: 0 } } else { Op::JumpUnless { p, to: 0 } });
            self.code.len() - 1
        });
        self.body(stem, &mut modifiers, operands)?;
        self.end(&modifiers)?;
        if let Some(skip) = skip {
            let here = self.here();
            if let Op::JumpIf { to, .. } | Op::JumpUnless { to, .. } = &mut self.code[skip] {
                *to = here;
            }
        }
        Ok(())
    }

    fn end(&self, modifiers: &Modifiers<'_>) -> Done {
        match modifiers.left.first() {
            None => Ok(()),
            Some(left) => self.refuse(&format!(
                "the modifier `.{left}` of `{}` is wrong, or not known to the simulated driver",
                modifiers.opcode
            )),
        }
    }

    fn body(&mut self, stem: &str, m: &mut Modifiers<'a>, operands: &[Operand<'a>]) -> Done {
        match stem {
            "ret" | "exit" => {
                m.has("uni");
                self.count(operands, 0)?;
                self.code.push(Op::Exit);
                Ok(())
            }
            "trap" => {
                self.code.push(Op::Trap);
                Ok(())
            }
            // All memory is consistent here.
            "membar" | "fence" | "nanosleep" => {
                m.left.clear();
                Ok(())
            }
            "bar" | "barrier" => self.barrier(m, operands),
            "ld" | "ldu" | "st" => self.load_or_store(stem, m, operands),
            "atom" | "red" => self.atomic(stem, m, operands),
            "shfl" | "vote" | "activemask" => self.warp(stem, m, operands),
            "redux" => self.warp_reduction(m, operands),
            "mov" => self.copy(m, operands),
            "cvta" => self.convert_address(m, operands),
            "cvt" => self.convert(m, operands),
            "setp" => self.compare(m, operands),
            "selp" => {
                let t = self.only_type(m)?;
                self.count(operands, 4)?;
                let (a, b) = (self.source(&operands[1], t)?, self.source(&operands[2], t)?);
                let p = self.source(&operands[3], Type::PREDICATE)?;
                let to = self.target(&operands[0], t)?;
                self.code.push(Op::Select { to, a, b, p });
                Ok(())
            }
            _ => self.compute(stem, m, operands),
        }
    }

    fn count(&self, operands: &[Operand<'_>], wanted: usize) -> Done {
        if operands.len() == wanted {
            return Ok(());
        }
        self.refuse(&format!("Arguments mismatch: {wanted} operands expected, {} found", operands.len()))
    }

    fn only_type(&self, m: &mut Modifiers<'_>) -> Result<Type, Refusal> {
        match m.types()[..] {
            [t] => Ok(t),
            _ => self.refuse(&format!("`{}` needs one type", m.opcode)),
        }
    }

    fn mismatch<T>(&self, found: Type, wanted: Type) -> Result<T, Refusal> {
        self.refuse(&format!("Arguments mismatch: a register of type {found} where {wanted} is needed"))
    }

    /// A slot that holds the operand's value.
    fn source(&mut self, operand: &Operand<'_>, wanted: Type) -> Result<Slot, Refusal> {
        self.source_of(operand, wanted, false)
    }

    fn source_of(&mut self, operand: &Operand<'_>, wanted: Type, wider: bool) -> Result<Slot, Refusal> {
        let mask = if wanted.bits >= 64 { u64::MAX } else { (1 << wanted.bits) - 1 };
        match *operand {
            Operand::Register { slot, t } if t.suits(wanted, wider) => Ok(slot),
            Operand::Register { t, .. } => self.mismatch(t, wanted),
            Operand::Not(slot) if wanted == Type::PREDICATE => {
                let to = self.register();
                self.code.push(Op::One { f: |p| p ^ 1, to, a: slot });
                Ok(to)
            }
            Operand::Integer(_) if wanted.is_float() => {
                self.refuse("Arguments mismatch: an integer where a floating point number is needed")
            }
            Operand::Integer(n) => Ok(self.constant(n & mask)),
            Operand::Single(bits) if wanted.bits == 32 && matches!(wanted.kind, Kind::Float | Kind::Bits) => {
                Ok(self.constant(u64::from(bits)))
            }
            Operand::Double(bits) if wanted.bits == 64 && matches!(wanted.kind, Kind::Float | Kind::Bits) => {
                Ok(self.constant(bits))
            }
            // A decimal number, or a double, becomes a single.
            Operand::Double(bits) if wanted.bits == 32 && wanted.is_float() => {
                Ok(self.constant(u64::from((f64::from_bits(bits) as f32).to_bits())))
            }
            Operand::Variable { offset } if wanted.bits >= 32 => Ok(self.constant(offset)),
            _ => self.refuse(&format!("Arguments mismatch: no operand of type {wanted}")),
        }
    }

    fn target(&mut self, operand: &Operand<'_>, wanted: Type) -> Result<Slot, Refusal> {
        self.target_of(operand, wanted, false).map(|(slot, _)| slot)
    }

    /// The register that a result goes to, and its width.
    fn target_of(&mut self, operand: &Operand<'_>, wanted: Type, wider: bool) -> Result<(Slot, u32), Refusal> {
        match *operand {
            Operand::Register { slot, t } if t.suits(wanted, wider) => Ok((slot, t.bits)),
            Operand::Register { t, .. } => self.mismatch(t, wanted),
            Operand::Nowhere => Ok((self.register(), wanted.bits)),
            _ => self.refuse("a register expected for the result"),
        }
    }
}
