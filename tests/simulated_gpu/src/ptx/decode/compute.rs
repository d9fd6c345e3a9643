//! Arithmetic, logic and comparisons.

use super::{Decoder, Done, Modifiers};
use crate::ptx::arithmetic;
use crate::ptx::float::Rounding;
use crate::ptx::op::Op;
use crate::ptx::operand::Operand;
use crate::ptx::types::{Kind, Type};

impl<'a> Decoder<'a> {
    /// All that computes one value from one to three of nearly the same type.
    pub(super) fn compute(&mut self, stem: &str, m: &mut Modifiers<'a>, operands: &[Operand<'a>]) -> Done {
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
    pub(super) fn insert(&mut self, t: Type, operands: &[Operand<'a>]) -> Done {
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
    pub(super) fn lookup(&mut self, t: Type, operands: &[Operand<'a>]) -> Done {
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

    pub(super) fn compare(&mut self, m: &mut Modifiers<'a>, operands: &[Operand<'a>]) -> Done {
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
}
