//! Atomic operations, barriers, and what a warp does.

use super::{Decoder, Done, Modifiers};
use crate::ptx::arithmetic;
use crate::ptx::op::{Op, Place, Slot, Warp};
use crate::ptx::operand::Operand;
use crate::ptx::types::Type;

impl<'a> Decoder<'a> {
    pub(super) fn atomic(&mut self, stem: &str, m: &mut Modifiers<'a>, operands: &[Operand<'a>]) -> Done {
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

    pub(super) fn barrier(&mut self, m: &mut Modifiers<'a>, operands: &[Operand<'a>]) -> Done {
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

    pub(super) fn together(&mut self, what: Warp, to: Option<Slot>, valid: Option<Slot>, from: [Slot; 4]) -> Done {
        let to = to.unwrap_or_else(|| self.register());
        let valid = valid.unwrap_or_else(|| self.register());
        let [a, b, c, mask] = from;
        self.code.push(Op::Warp { what, to, valid, a, b, c, mask });
        Ok(())
    }

    pub(super) fn warp(&mut self, stem: &str, m: &mut Modifiers<'a>, operands: &[Operand<'a>]) -> Done {
        let opcode = m.opcode;
        let t = self.only_type(m)?;
        if stem == "activemask" {
            self.count(operands, 1)?;
            let to = self.target(&operands[0], Type::B32)?;
            self.code.push(Op::Special { to, which: crate::ptx::op::Special::Active });
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

    pub(super) fn warp_reduction(&mut self, m: &mut Modifiers<'a>, operands: &[Operand<'a>]) -> Done {
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
