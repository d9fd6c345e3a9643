//! The instructions of a formula.

use super::text::{Kind, Register, Writer};
use crate::gpu::element::Number;
use crate::gpu::expression::tree::{Binary, Comparison, Formula, Node, Unary};

impl Writer {
    /// Writes what `formula` computes of these inputs, and gives the register of the result.
    ///
    /// `index` is the element's place; [`None`] if the formula does not ask for it.
    pub(crate) fn formula(
        &mut self,
        formula: &Formula,
        mut input: impl FnMut(&mut Self, usize, Number) -> Register,
        index: Option<Register>,
    ) -> Register {
        let mut registers: Vec<Register> = Vec::with_capacity(formula.nodes.len());
        for node in &formula.nodes {
            let register = match *node {
                Node::Input { place, number } => input(self, place, number),
                Node::Index => index.expect("who has a formula that asks for the index has the index"),
                _ => self.node(node, &registers),
            };
            registers.push(register);
        }
        registers[formula.result()]
    }

    fn node(&mut self, node: &Node, registers: &[Register]) -> Register {
        match *node {
            Node::Input { .. } | Node::Index => unreachable!("they are not computed"),
            Node::Constant { number, word } => self.constant(number, word),
            Node::Unary { operation, number, of } => self.unary(operation, number, registers[of]),
            Node::Binary { operation, number, left, right } => {
                self.binary(operation, number, registers[left], registers[right])
            }
            Node::MulAdd { number, left, right, addend } => self.make(
                number.kind(),
                format_args!("fma.rn.{}", number.ptx()),
                format_args!("{}, {}, {}", registers[left], registers[right], registers[addend]),
            ),
            Node::Compare { comparison, number, left, right } => {
                self.compare(comparison, number, registers[left], registers[right])
            }
            Node::And { left, right } => self.predicate("and.pred", registers[left], registers[right]),
            Node::Or { left, right } => self.predicate("or.pred", registers[left], registers[right]),
            Node::Not { of } => self.make(Kind::Predicate, "not.pred", registers[of]),
            Node::Select { number, condition, yes, no } => {
                self.select(number, registers[condition], registers[yes], registers[no])
            }
            Node::Convert { from, to, of } => self.convert(from, to, registers[of]),
        }
    }

    /// `yes` where the condition holds, else `no`.
    pub(crate) fn select(&mut self, number: Number, condition: Register, yes: Register, no: Register) -> Register {
        let operation = format_args!("selp.{}", number.ptx_word()).to_string();
        self.make(number.kind(), operation, format_args!("{yes}, {no}, {condition}"))
    }

    fn predicate(&mut self, operation: &str, left: Register, right: Register) -> Register {
        self.make(Kind::Predicate, operation, format_args!("{left}, {right}"))
    }

    fn unary(&mut self, operation: Unary, number: Number, of: Register) -> Register {
        let (kind, ptx) = (number.kind(), number.ptx());
        match operation {
            Unary::Neg => self.make(kind, format_args!("neg.{ptx}"), of),
            // That of the smallest integer has to be itself, which `abs` does not promise.
            Unary::Abs if !number.is_float() => {
                let opposite = self.unary(Unary::Neg, number, of);
                self.binary(Binary::Max, number, of, opposite)
            }
            Unary::Abs => self.make(kind, format_args!("abs.{ptx}"), of),
            Unary::Sqrt => self.make(kind, format_args!("sqrt.rn.{ptx}"), of),
            Unary::Floor => self.make(kind, format_args!("cvt.rmi.{ptx}.{ptx}"), of),
            Unary::Ceil => self.make(kind, format_args!("cvt.rpi.{ptx}.{ptx}"), of),
            Unary::Trunc => self.make(kind, format_args!("cvt.rzi.{ptx}.{ptx}"), of),
            Unary::Round => self.make(kind, format_args!("cvt.rni.{ptx}.{ptx}"), of),
            Unary::Not => self.make(kind, format_args!("not.{}", number.ptx_word()), of),
        }
    }

    fn binary(&mut self, operation: Binary, number: Number, left: Register, right: Register) -> Register {
        let (kind, ptx) = (number.kind(), number.ptx());
        // `.rn` on floats, so that nothing is contracted; the low half of a product of integers.
        let (rounded, low) = if number.is_float() { (".rn", ".rn") } else { ("", ".lo") };
        let operation = match operation {
            Binary::Add => format!("add{rounded}.{ptx}"),
            Binary::Sub => format!("sub{rounded}.{ptx}"),
            Binary::Mul => format!("mul{low}.{ptx}"),
            Binary::Div if number.is_float() => format!("div.rn.{ptx}"),
            Binary::Div | Binary::Rem => return self.divide(operation, number, left, right),
            Binary::Min => format!("min.{ptx}"),
            Binary::Max => format!("max.{ptx}"),
            Binary::And => format!("and.{}", number.ptx_word()),
            Binary::Or => format!("or.{}", number.ptx_word()),
            Binary::Xor => format!("xor.{}", number.ptx_word()),
            Binary::Shl | Binary::Shr => {
                let amount = self.shift_amount(number, right);
                let operation =
                    if operation == Binary::Shl { format!("shl.{}", number.ptx_word()) } else { format!("shr.{ptx}") };
                return self.make(kind, operation, format_args!("{left}, {amount}"));
            }
        };
        self.make(kind, operation, format_args!("{left}, {right}"))
    }

    /// The low bits of a number, as many as say how far to shift; 32 bits wide.
    fn shift_amount(&mut self, number: Number, amount: Register) -> Register {
        let low = if number.bytes() == 8 { self.make(Kind::Word32, "cvt.u32.u64", amount) } else { amount };
        self.make(Kind::Word32, "and.b32", format_args!("{low}, {}", number.bytes() * 8 - 1))
    }

    /// Division of integers, which is total: what PTX leaves open, by 0 and of the smallest number by -1, is done apart.
    fn divide(&mut self, operation: Binary, number: Number, left: Register, right: Register) -> Register {
        let (kind, ptx) = (number.kind(), number.ptx());
        let one = self.constant(number, 1);
        let by_zero = self.make(Kind::Predicate, format_args!("setp.eq.{ptx}"), format_args!("{right}, 0"));
        let opposite = number
            .is_signed()
            .then(|| self.make(Kind::Predicate, format_args!("setp.eq.{ptx}"), format_args!("{right}, -1")));
        let apart = match opposite {
            Some(opposite) => self.predicate("or.pred", by_zero, opposite),
            None => by_zero,
        };
        let divisor = self.select(number, apart, one, right);
        if operation == Binary::Div {
            let mut quotient = self.make(kind, format_args!("div.{ptx}"), format_args!("{left}, {divisor}"));
            if let Some(opposite) = opposite {
                let negative = self.unary(Unary::Neg, number, left);
                quotient = self.select(number, opposite, negative, quotient);
            }
            let zero = self.constant(number, 0);
            self.select(number, by_zero, zero, quotient)
        } else {
            // Divided by 1 instead of by -1 leaves 0 as well.
            let rest = self.make(kind, format_args!("rem.{ptx}"), format_args!("{left}, {divisor}"));
            self.select(number, by_zero, left, rest)
        }
    }

    fn compare(&mut self, comparison: Comparison, number: Number, left: Register, right: Register) -> Register {
        let name = match comparison {
            Comparison::Lt => "lt",
            Comparison::Le => "le",
            Comparison::Gt => "gt",
            Comparison::Ge => "ge",
            Comparison::Eq => "eq",
            // Also true of NaN.
            Comparison::Ne if number.is_float() => "neu",
            Comparison::Ne => "ne",
        };
        self.make(Kind::Predicate, format_args!("setp.{name}.{}", number.ptx()), format_args!("{left}, {right}"))
    }

    fn convert(&mut self, from: Number, to: Number, of: Register) -> Register {
        let kind = to.kind();
        let types = format!("{}.{}", to.ptx(), from.ptx());
        match (from.is_float(), to.is_float()) {
            (true, true) if to == Number::F64 => self.make(kind, format_args!("cvt.{types}"), of),
            (_, true) => self.make(kind, format_args!("cvt.rn.{types}"), of),
            (true, false) => {
                // It keeps to the bounds by itself, but what it makes of NaN differs from type to type.
                let whole = self.make(kind, format_args!("cvt.rzi.{types}"), of);
                let zero = self.constant(to, 0);
                let nan =
                    self.make(Kind::Predicate, format_args!("setp.nan.{}", from.ptx()), format_args!("{of}, {of}"));
                self.select(to, nan, zero, whole)
            }
            (false, false) if to.bytes() > from.bytes() => {
                let wide = if from.is_signed() { "cvt.s64.s32" } else { "cvt.u64.u32" };
                self.make(kind, wide, of)
            }
            (false, false) if to.bytes() < from.bytes() => self.make(kind, "cvt.u32.u64", of),
            // The same bits.
            (false, false) => of,
        }
    }
}
