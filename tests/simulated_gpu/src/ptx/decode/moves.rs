//! Moves, conversions, loads and stores.

use super::{Decoder, Done, Modifiers};
use crate::ptx::arithmetic;
use crate::ptx::convert::{self, Whole};
use crate::ptx::float::Rounding;
use crate::ptx::op::{Op, Place, Slot, Space};
use crate::ptx::operand::{Base, Operand};
use crate::ptx::text::Refusal;
use crate::ptx::types::{Kind, Type};

impl<'a> Decoder<'a> {
    pub(super) fn copy(&mut self, m: &mut Modifiers<'a>, operands: &[Operand<'a>]) -> Done {
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

    pub(super) fn part(&self, t: Type, parts: usize) -> Result<Type, Refusal> {
        let bits = t.bits / u32::try_from(parts).unwrap_or(u32::MAX).max(1);
        if t.kind == Kind::Bits && matches!(parts, 2 | 4) && bits >= 8 {
            return Ok(Type { kind: Kind::Bits, bits });
        }
        self.refuse("a vector of two or four parts of a .b type is needed")
    }

    pub(super) fn pack(&mut self, t: Type, to: &Operand<'a>, parts: &[Operand<'a>]) -> Done {
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

    pub(super) fn unpack(&mut self, t: Type, parts: &[Operand<'a>], from: &Operand<'a>) -> Done {
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

    pub(super) fn convert(&mut self, m: &mut Modifiers<'a>, operands: &[Operand<'a>]) -> Done {
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
    pub(super) fn lanes<'o>(
        &self,
        m: &mut Modifiers<'_>,
        operand: &'o Operand<'a>,
    ) -> Result<&'o [Operand<'a>], Refusal> {
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

    pub(super) fn space(m: &mut Modifiers<'_>) -> Space {
        match m.take(&["global", "const", "shared", "local", "param"]) {
            // Constants lie among the rest here.
            Some("global" | "const") => Space::Global,
            Some("shared") => Space::Shared,
            Some("local") => Space::Local,
            Some(_) => Space::Parameter,
            None => Space::Generic,
        }
    }

    /// Where in memory: the slot of the base, and the offset.
    pub(super) fn base(&mut self, operand: &Operand<'_>, space: Space) -> Result<(Slot, i64), Refusal> {
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

    pub(super) fn load_or_store(&mut self, stem: &str, m: &mut Modifiers<'a>, operands: &[Operand<'a>]) -> Done {
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

    pub(super) fn convert_address(&mut self, m: &mut Modifiers<'a>, operands: &[Operand<'a>]) -> Done {
        let t = self.only_type(m)?;
        let to_space = m.has("to");
        let space = Self::space(m);
        self.count(operands, 2)?;
        let start = match space {
            Space::Global => 0,
            Space::Shared => crate::ptx::memory_access::SHARED,
            Space::Local => crate::ptx::memory_access::LOCAL,
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
}
