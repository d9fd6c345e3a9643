//! One instruction after another, from text to operations.

use std::collections::HashMap;

use super::arithmetic;
use super::convert::{self, Whole};
use super::float::Rounding;
use super::op::{Op, Place, Slot, Space, Warp};
use super::operand::{Base, Names, Operand};
use super::text::{Refusal, refusal};
use super::types::{Kind, Type};

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

    /// All that computes one value from one to three of nearly the same type.
    fn compute(&mut self, stem: &str, m: &mut Modifiers<'a>, operands: &[Operand<'a>]) -> Done {
        let opcode = m.opcode;
        let t = self.only_type(m)?;
        let flush = m.has("ftz") && t.is_float();
        let saturate = m.has("sat") && t.is_float();
        let approximate = m.take(&["approx", "full"]).is_some();
        let rounding = match m.take(&["rn", "rz", "rm", "rp"]) {
            Some("rz") => Some(Rounding::Zero),
            Some("rm") => Some(Rounding::Down),
            Some("rp") => Some(Rounding::Up),
            Some(_) => Some(Rounding::Nearest),
            None => None,
        };
        if rounding.is_some() && !t.is_float() {
            return self.refuse(&format!("Rounding modifier not allowed for instruction `{opcode}`"));
        }
        let must_round = t.is_float() && matches!(stem, "fma" | "mad" | "div" | "sqrt" | "rcp");
        if must_round && rounding.is_none() && !approximate {
            return self.refuse(&format!("Rounding modifier required for instruction `{stem}`"));
        }
        if approximate && t.bits == 64 && !matches!(stem, "rcp" | "rsqrt") {
            return self.refuse(&format!("Illegal modifier '.approx' for instruction `{opcode}`"));
        }
        let part = m.take(&["lo", "hi", "wide"]).unwrap_or_default();
        let mode = if stem == "shf" {
            format!(
                "shf.{}.{}",
                m.take(&["l", "r"]).unwrap_or_default(),
                m.take(&["wrap", "clamp"]).unwrap_or_default()
            )
        } else {
            stem.to_owned()
        };
        let directed = rounding.unwrap_or(Rounding::Nearest);
        let nearest = directed == Rounding::Nearest;
        // Amounts and positions are 32 bits wide, whatever is shifted.
        let types = match stem {
            "shl" | "shr" => [t, Type::B32, t],
            "bfe" => [t, Type::B32, Type::B32],
            "mad" if part == "wide" => [t, t, t.wider()],
            _ => [t; 3],
        };
        let result = match stem {
            "popc" | "clz" => Type::B32,
            "mul" | "mad" if part == "wide" => t.wider(),
            _ => t,
        };
        let inputs = operands.len().saturating_sub(1);
        if stem == "bfi" {
            return self.insert(t, operands);
        }
        if stem == "lop3" {
            return self.lookup(t, operands);
        }
        if !(1..=3).contains(&inputs) {
            return self.refuse(&format!("Arguments mismatch for instruction `{opcode}`"));
        }
        let mut from = [0; 3];
        for i in 0..inputs {
            from[i] = self.source(&operands[i + 1], types[i])?;
            if flush {
                let to = self.register();
                let f = self.needs(arithmetic::one("flush", t), opcode)?;
                self.code.push(Op::One { f, to, a: from[i] });
                from[i] = to;
            }
        }
        let to = self.target(&operands[0], result)?;
        let [a, b, c] = from;
        let name = if part.is_empty() { mode } else { format!("{mode}.{part}") };
        match (stem, inputs) {
            ("mad", 3) if !t.is_float() => {
                let f = self.needs(arithmetic::two(&format!("mul.{part}"), t), opcode)?;
                let sum = self.needs(arithmetic::two("add", Type { kind: Kind::Unsigned, ..result }), opcode)?;
                let product = self.register();
                self.code.push(Op::Two { f, to: product, a, b });
                self.code.push(Op::Two { f: sum, to, a: product, b: c });
            }
            ("fma" | "mad", 3) if part.is_empty() => {
                let f = self.needs(arithmetic::fma(t, directed), opcode)?;
                self.code.push(Op::Three { f, to, a, b, c });
            }
            (_, 1) if nearest => {
                let f = self.needs(arithmetic::one(&name, t), opcode)?;
                self.code.push(Op::One { f, to, a });
            }
            (_, 2) if nearest => {
                let f = self.needs(arithmetic::two(&name, t), opcode)?;
                self.code.push(Op::Two { f, to, a, b });
            }
            (_, 2) if t.bits == 32 => {
                let f = self.needs(arithmetic::two_rounded(&name, directed), opcode)?;
                self.code.push(Op::Two { f, to, a, b });
            }
            (_, 3) => {
                let f = self.needs(arithmetic::three(&name, t), opcode)?;
                self.code.push(Op::Three { f, to, a, b, c });
            }
            _ => return self.needs(None, opcode),
        }
        for (asked, after) in [(flush, "flush"), (saturate, "saturate")] {
            if asked {
                let f = self.needs(arithmetic::one(after, t), opcode)?;
                self.code.push(Op::One { f, to, a: to });
            }
        }
        Ok(())
    }

    /// `bfi`: where and how long are put into one word, so that three operands are enough.
    fn insert(&mut self, t: Type, operands: &[Operand<'a>]) -> Done {
        self.count(operands, 5)?;
        let (a, b) = (self.source(&operands[1], t)?, self.source(&operands[2], t)?);
        let (at, length) = (self.source(&operands[3], Type::B32)?, self.source(&operands[4], Type::B32)?);
        let to = self.target(&operands[0], t)?;
        let both = self.register();
        self.code.push(Op::Two { f: |at, length| at & 0xff | (length & 0xff) << 8, to: both, a: at, b: length });
        let f = match (t.kind, t.bits) {
            (Kind::Bits, 32) => |a, b, both| arithmetic::insert(a, b, both, both >> 8, 32),
            (Kind::Bits, 64) => |a, b, both| arithmetic::insert(a, b, both, both >> 8, 64),
            _ => return self.refuse("`bfi` needs .b32 or .b64"),
        };
        self.code.push(Op::Three { f, to, a, b, c: both });
        Ok(())
    }

    /// `lop3`: any function of three bits, as the sum of the rows of its table.
    fn lookup(&mut self, t: Type, operands: &[Operand<'a>]) -> Done {
        let ([to, a, b, c, Operand::Integer(table)], Type::B32) = (operands, t) else {
            return self.refuse("`lop3` needs .b32, three operands and a table");
        };
        let sources = [self.source(a, t)?, self.source(b, t)?, self.source(c, t)?];
        let to = self.target(to, t)?;
        let (sum, row, zero) = (self.register(), self.register(), self.constant(0));
        self.code.push(Op::Copy { to: sum, from: zero });
        for minterm in (0..8_u32).filter(|minterm| table >> minterm & 1 == 1) {
            let ones = self.constant(0xffff_ffff);
            self.code.push(Op::Copy { to: row, from: ones });
            for (i, source) in sources.into_iter().enumerate() {
                let set = minterm >> (2 - i) & 1 == 1;
                let f = if set { |row, x| row & x } else { |row, x: u64| row & !x };
                self.code.push(Op::Two { f, to: row, a: row, b: source });
            }
            self.code.push(Op::Two { f: |sum, row| sum | row, to: sum, a: sum, b: row });
        }
        self.code.push(Op::Copy { to, from: sum });
        Ok(())
    }

    fn compare(&mut self, m: &mut Modifiers<'a>, operands: &[Operand<'a>]) -> Done {
        let opcode = m.opcode;
        let t = self.only_type(m)?;
        let flush = m.has("ftz");
        let join = m.take(&["and", "or", "xor"]);
        let name = match m.left[..] {
            [name] => name,
            _ => return self.refuse(&format!("`{opcode}` needs one comparison")),
        };
        m.left.clear();
        self.count(operands, if join.is_some() { 4 } else { 3 })?;
        let f = self.needs(arithmetic::compare(name, t), opcode)?;
        let (mut a, mut b) = (self.source(&operands[1], t)?, self.source(&operands[2], t)?);
        if flush {
            let f = self.needs(arithmetic::one("flush", t), opcode)?;
            for side in [&mut a, &mut b] {
                let to = self.register();
                self.code.push(Op::One { f, to, a: *side });
                *side = to;
            }
        }
        let (p, q) = match operands[0] {
            Operand::Pair { p, q } => (p, Some(q)),
            ref single => (self.target(single, Type::PREDICATE)?, None),
        };
        let with = match join {
            Some(join) => Some((self.needs(arithmetic::two(join, Type::PREDICATE), opcode)?, operands[3].clone())),
            None => None,
        };
        let found = self.register();
        self.code.push(Op::Two { f, to: found, a, b });
        let opposite = q.map(|q| {
            let to = self.register();
            self.code.push(Op::One { f: |p| p ^ 1, to, a: found });
            (q, to)
        });
        if let Some((f, third)) = with {
            let c = self.source(&third, Type::PREDICATE)?;
            // Both results are made before either is written: the third operand may be one of them.
            self.code.push(Op::Two { f, to: found, a: found, b: c });
            if let Some((_, to)) = opposite {
                self.code.push(Op::Two { f, to, a: to, b: c });
            }
        }
        self.code.push(Op::Copy { to: p, from: found });
        if let Some((q, from)) = opposite {
            self.code.push(Op::Copy { to: q, from });
        }
        Ok(())
    }

    fn copy(&mut self, m: &mut Modifiers<'a>, operands: &[Operand<'a>]) -> Done {
        let t = self.only_type(m)?;
        self.count(operands, 2)?;
        match (&operands[0], &operands[1]) {
            (to, Operand::Vector(parts)) => self.pack(t, to, parts),
            (Operand::Vector(parts), from) => self.unpack(t, parts, from),
            (to, Operand::Special(which)) => {
                // `%clock64` alone is wider than 32 bits; a wider register takes any.
                let to = self.target(to, t)?;
                self.code.push(Op::Special { to, which: *which });
                Ok(())
            }
            (to, from) => {
                let from = self.source(from, t)?;
                let to = self.target(to, t)?;
                self.code.push(Op::Copy { to, from });
                Ok(())
            }
        }
    }

    fn part(&self, t: Type, parts: usize) -> Result<Type, Refusal> {
        let bits = t.bits / u32::try_from(parts).unwrap_or(u32::MAX).max(1);
        if t.kind == Kind::Bits && matches!(parts, 2 | 4) && bits >= 8 {
            return Ok(Type { kind: Kind::Bits, bits });
        }
        self.refuse("a vector of two or four parts of a .b type is needed")
    }

    fn pack(&mut self, t: Type, to: &Operand<'a>, parts: &[Operand<'a>]) -> Done {
        let part = self.part(t, parts.len())?;
        let sum = self.constant(0);
        let mut sum = sum;
        for source in parts.iter().rev() {
            let from = self.source(source, part)?;
            let next = self.register();
            let f = match part.bits {
                8 => |sum, part| sum << 8 | part,
                16 => |sum, part| sum << 16 | part,
                _ => |sum, part| sum << 32 | part,
            };
            self.code.push(Op::Two { f, to: next, a: sum, b: from });
            sum = next;
        }
        let to = self.target(to, t)?;
        self.code.push(Op::Copy { to, from: sum });
        Ok(())
    }

    fn unpack(&mut self, t: Type, parts: &[Operand<'a>], from: &Operand<'a>) -> Done {
        let part = self.part(t, parts.len())?;
        let from = self.source(from, t)?;
        let whole = self.register();
        self.code.push(Op::Copy { to: whole, from });
        for (i, target) in parts.iter().enumerate() {
            let to = self.target(target, part)?;
            let amount = self.constant(i as u64 * u64::from(part.bits));
            self.code.push(Op::Two { f: |whole, amount| whole >> amount, to, a: whole, b: amount });
            let f = self.needs(convert::low(part.bits), "mov")?;
            self.code.push(Op::One { f, to, a: to });
        }
        Ok(())
    }

    fn convert(&mut self, m: &mut Modifiers<'a>, operands: &[Operand<'a>]) -> Done {
        let opcode = m.opcode;
        let types = m.types();
        let [to, from] = types[..] else { return self.refuse("`cvt` needs two types") };
        self.count(operands, 2)?;
        let flush = m.has("ftz");
        let saturating = m.has("sat");
        let whole = match m.take(&["rni", "rzi", "rmi", "rpi"]) {
            Some("rni") => Some(Whole::Nearest),
            Some("rzi") => Some(Whole::Zero),
            Some("rmi") => Some(Whole::Down),
            Some(_) => Some(Whole::Up),
            None => None,
        };
        let rounding = match m.take(&["rn", "rz", "rm", "rp"]) {
            Some("rn") => Some(Rounding::Nearest),
            Some("rz") => Some(Rounding::Zero),
            Some("rm") => Some(Rounding::Down),
            Some(_) => Some(Rounding::Up),
            None => None,
        };
        let f = match (from.is_float(), to.is_float()) {
            (false, false) if whole.is_none() && rounding.is_none() => {
                convert::integer_to_integer(from, to, saturating)
            }
            (true, false) => whole.and_then(|whole| convert::float_to_integer(from, to, whole)),
            (false, true) => rounding.and_then(|rounding| convert::integer_to_float(from, to, rounding)),
            (true, true) if from.bits != to.bits && whole.is_some() => None,
            // Only the way from `f64` to `f32` rounds.
            (true, true) if rounding.is_some() != (from.bits > to.bits) => None,
            (true, true) => convert::float_to_float(from, to, rounding, whole),
            _ => None,
        };
        let f = self.needs(f, opcode)?;
        let mut a = self.source_of(&operands[1], from, true)?;
        let (target, width) = self.target_of(&operands[0], to, true)?;
        if flush && from == (Type { kind: Kind::Float, bits: 32 }) {
            let to = self.register();
            let f = self.needs(arithmetic::one("flush", from), opcode)?;
            self.code.push(Op::One { f, to, a });
            a = to;
        }
        self.code.push(Op::One { f, to: target, a });
        for (asked, name) in [(flush && to.bits == 32, "flush"), (saturating, "saturate")] {
            if asked && to.is_float() {
                let f = self.needs(arithmetic::one(name, to), opcode)?;
                self.code.push(Op::One { f, to: target, a: target });
            }
        }
        if to.is_signed() && width > to.bits {
            let f = self.needs(convert::extend(to, width), opcode)?;
            self.code.push(Op::One { f, to: target, a: target });
        }
        Ok(())
    }

    /// A vector's registers, or one.
    fn lanes<'o>(&self, m: &mut Modifiers<'_>, operand: &'o Operand<'a>) -> Result<&'o [Operand<'a>], Refusal> {
        let wanted = match m.take(&["v2", "v4"]) {
            Some("v2") => 2,
            Some(_) => 4,
            None => 1,
        };
        match operand {
            Operand::Vector(parts) if parts.len() == wanted => Ok(parts),
            Operand::Vector(_) => self.refuse("the vector has not as many parts as its instruction says"),
            _ if wanted > 1 => self.refuse("a vector expected"),
            one => Ok(std::slice::from_ref(one)),
        }
    }

    fn space(m: &mut Modifiers<'_>) -> Space {
        match m.take(&["global", "shared", "local", "param"]) {
            Some("global") => Space::Global,
            Some("shared") => Space::Shared,
            Some("local") => Space::Local,
            Some(_) => Space::Parameter,
            None => Space::Generic,
        }
    }

    /// Where in memory: the slot of the base, and the offset.
    fn base(&mut self, operand: &Operand<'_>, space: Space) -> Result<(Slot, i64), Refusal> {
        let Operand::Address { base, offset } = *operand else { return self.refuse("an address expected") };
        match base {
            Base::Register { slot, t } if t.bits == 64 || (t.bits == 32 && space != Space::Global) => {
                Ok((slot, offset))
            }
            Base::Register { t, .. } => self.refuse(&format!("a register of type {t} is no address")),
            Base::Variable { space: own, offset: place } if own == space => Ok((self.constant(place), offset)),
            Base::Variable { space: own, .. } => self.refuse(&format!("a variable in {own:?} is not in {space:?}")),
            Base::Nothing => Ok((self.constant(0), offset)),
        }
    }

    fn load_or_store(&mut self, stem: &str, m: &mut Modifiers<'a>, operands: &[Operand<'a>]) -> Done {
        while m
            .take(&[
                "volatile", "relaxed", "acquire", "release", "weak", "ca", "cg", "cs", "lu", "cv", "wb", "wt", "nc",
                "cta", "gpu", "sys", "cluster",
            ])
            .is_some()
        {}
        // Hints about caches: they change nothing that can be seen.
        m.left.retain(|modifier| !modifier.starts_with("L1") && !modifier.starts_with("L2"));
        let t = self.only_type(m)?;
        let space = Self::space(m);
        self.count(operands, 2)?;
        let (data, address) = if stem == "st" { (1, 0) } else { (0, 1) };
        let lanes = self.lanes(m, &operands[data])?.to_vec();
        let (mut base, offset) = self.base(&operands[address], space)?;
        let bytes = u8::try_from(t.bytes()).unwrap_or(8);
        if t.kind == Kind::Predicate || (space == Space::Parameter && stem == "st") {
            return self.needs(None, m.opcode);
        }
        if lanes.len() > 1 {
            let all = bytes * u8::try_from(lanes.len()).unwrap_or(4);
            // One of the results may be the address.
            let kept = self.register();
            self.code.push(Op::Copy { to: kept, from: base });
            base = kept;
            self.code.push(Op::Align { base, offset, bytes: all });
        }
        for (i, lane) in lanes.iter().enumerate() {
            let place = Place { space, bytes, base, offset: offset + i as i64 * i64::from(bytes) };
            if stem == "st" {
                let from = self.source_of(lane, t, true)?;
                self.code.push(Op::Store { to: place, from });
                continue;
            }
            let (to, width) = self.target_of(lane, t, true)?;
            self.code.push(Op::Load { to, from: place });
            if t.is_signed() && width > t.bits {
                let f = self.needs(convert::extend(t, width), m.opcode)?;
                self.code.push(Op::One { f, to, a: to });
            }
        }
        Ok(())
    }

    fn convert_address(&mut self, m: &mut Modifiers<'a>, operands: &[Operand<'a>]) -> Done {
        let t = self.only_type(m)?;
        let to_space = m.has("to");
        let space = Self::space(m);
        self.count(operands, 2)?;
        let start = match space {
            Space::Global => 0,
            Space::Shared => super::memory_access::SHARED,
            Space::Local => super::memory_access::LOCAL,
            Space::Generic | Space::Parameter => return self.needs(None, m.opcode),
        };
        if t.bits != 64 {
            return self.refuse("addresses have 64 bits");
        }
        let a = self.source(&operands[1], t)?;
        let b = self.constant(if to_space { start.wrapping_neg() } else { start });
        let to = self.target(&operands[0], t)?;
        self.code.push(Op::Two { f: u64::wrapping_add, to, a, b });
        Ok(())
    }

    fn atomic(&mut self, stem: &str, m: &mut Modifiers<'a>, operands: &[Operand<'a>]) -> Done {
        while m.take(&["relaxed", "acquire", "release", "acq_rel", "cta", "gpu", "sys", "cluster"]).is_some() {}
        let space = Self::space(m);
        let t = self.only_type(m)?;
        let opcode = m.opcode;
        let known = ["add", "min", "max", "inc", "dec", "and", "or", "xor", "exch", "cas"];
        let name = self.needs(m.take(&known), opcode)?;
        let f = self.needs(arithmetic::atomic(name, t), opcode)?;
        let cas = usize::from(name == "cas");
        let (result, rest) = match (stem, operands.split_first()) {
            ("atom", Some((first, rest))) => (Some(first), rest),
            _ => (None, operands),
        };
        self.count(rest, 2 + cas)?;
        let (base, offset) = self.base(&rest[0], space)?;
        let a = self.source(&rest[1], t)?;
        let b = if cas == 1 { self.source(&rest[2], t)? } else { a };
        let to = match result {
            Some(result) => self.target(result, t)?,
            None => self.register(),
        };
        let at = Place { space, bytes: u8::try_from(t.bytes()).unwrap_or(8), base, offset };
        self.code.push(Op::Atomic { f, to, at, a, b });
        Ok(())
    }

    fn barrier(&mut self, m: &mut Modifiers<'a>, operands: &[Operand<'a>]) -> Done {
        let opcode = m.opcode;
        m.take(&["cta"]);
        m.take(&["aligned"]);
        if m.has("warp") {
            m.has("sync");
            let [mask] = operands else { return self.refuse("`bar.warp.sync` needs a mask") };
            let mask = self.source(mask, Type::B32)?;
            return self.together(Warp::Sync, None, None, [mask; 4]);
        }
        if !m.has("sync") {
            return self.needs(None, opcode);
        }
        let [which] = operands else {
            return self.refuse("the simulated driver knows barriers of all threads only: `bar.sync n`");
        };
        let which = self.source(which, Type::B32)?;
        self.code.push(Op::Barrier { which });
        Ok(())
    }

    fn together(&mut self, what: Warp, to: Option<Slot>, valid: Option<Slot>, from: [Slot; 4]) -> Done {
        let to = to.unwrap_or_else(|| self.register());
        let valid = valid.unwrap_or_else(|| self.register());
        let [a, b, c, mask] = from;
        self.code.push(Op::Warp { what, to, valid, a, b, c, mask });
        Ok(())
    }

    fn warp(&mut self, stem: &str, m: &mut Modifiers<'a>, operands: &[Operand<'a>]) -> Done {
        let opcode = m.opcode;
        let t = self.only_type(m)?;
        if stem == "activemask" {
            self.count(operands, 1)?;
            let to = self.target(&operands[0], Type::B32)?;
            self.code.push(Op::Special { to, which: super::op::Special::Active });
            return Ok(());
        }
        if !m.has("sync") {
            return self.refuse(&format!("`{opcode}` without .sync is not in this version of PTX"));
        }
        if stem == "vote" {
            self.count(operands, 3)?;
            let (what, result) = match self.needs(m.take(&["ballot", "any", "all", "uni"]), opcode)? {
                "ballot" => (Warp::Ballot, Type::B32),
                "any" => (Warp::Any, Type::PREDICATE),
                "all" => (Warp::All, Type::PREDICATE),
                _ => (Warp::Uniform, Type::PREDICATE),
            };
            let a = self.source(&operands[1], Type::PREDICATE)?;
            let mask = self.source(&operands[2], Type::B32)?;
            let to = self.target(&operands[0], result)?;
            return self.together(what, Some(to), None, [a, a, a, mask]);
        }
        let what = match self.needs(m.take(&["up", "down", "bfly", "idx"]), opcode)? {
            "up" => Warp::ShuffleUp,
            "down" => Warp::ShuffleDown,
            "bfly" => Warp::ShuffleButterfly,
            _ => Warp::ShuffleIndex,
        };
        if t != Type::B32 {
            return self.refuse("`shfl` needs .b32");
        }
        self.count(operands, 5)?;
        let (to, valid) = match operands[0] {
            Operand::Pair { p, q } => (p, Some(q)),
            ref one => (self.target(one, t)?, None),
        };
        let mut from = [0; 4];
        for (slot, operand) in from.iter_mut().zip(&operands[1..]) {
            *slot = self.source(operand, t)?;
        }
        self.together(what, Some(to), valid, from)
    }

    fn warp_reduction(&mut self, m: &mut Modifiers<'a>, operands: &[Operand<'a>]) -> Done {
        let opcode = m.opcode;
        let t = self.only_type(m)?;
        let name = self.needs(m.take(&["add", "min", "max", "and", "or", "xor"]), opcode)?;
        let f = self.needs(arithmetic::two(name, t), opcode)?;
        if !m.has("sync") || t.bits != 32 {
            return self.needs(None, opcode);
        }
        self.count(operands, 3)?;
        let a = self.source(&operands[1], t)?;
        let mask = self.source(&operands[2], Type::B32)?;
        let to = self.target(&operands[0], t)?;
        self.together(Warp::Reduce(f), Some(to), None, [a, a, a, mask])
    }
}
