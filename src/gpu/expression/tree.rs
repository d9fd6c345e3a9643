//! The tree of an expression, as a list of nodes in which operands stand before those that use them.
//!
//! Equal nodes are one node, so what is written twice is computed once. [`Trace`] is the list while the user's function
//! runs; [`Formula`] is what remains of it: only what the result needs, the result last. Everything that reads a formula
//! goes through the list from front to back, so a deep tree needs no deep stack.

use std::collections::HashMap;

use crate::gpu::element::{Element, Number};

/// The place of a node in its list.
pub(crate) type Id = usize;

/// What is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Node {
    /// An element of an input.
    Input { place: usize, number: Number },
    /// The same for every element: its bits, in the low end.
    Constant { number: Number, word: u64 },
    /// The element's place in the batch.
    Index,
    /// One operand.
    Unary { operation: Unary, number: Number, of: Id },
    /// Two operands of one type, which is the result's too.
    Binary { operation: Binary, number: Number, left: Id, right: Id },
    /// `left * right + addend`, rounded once. Floats only.
    MulAdd { number: Number, left: Id, right: Id, addend: Id },
    /// A condition from two numbers of this type.
    Compare { comparison: Comparison, number: Number, left: Id, right: Id },
    /// A condition from two conditions: both of them.
    And { left: Id, right: Id },
    /// A condition from two conditions: at least one of them.
    Or { left: Id, right: Id },
    /// The opposite of a condition.
    Not { of: Id },
    /// One of two numbers.
    Select { number: Number, condition: Id, yes: Id, no: Id },
    /// A number of another type.
    Convert { from: Number, to: Number, of: Id },
}

/// Operations on one number. `Sqrt` and the roundings: floats only; `Not`: integers only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Unary {
    Neg,
    Abs,
    Sqrt,
    Floor,
    Ceil,
    Trunc,
    Round,
    Not,
}

/// Operations on two numbers. From `Rem` on: integers only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Min,
    Max,
    Rem,
    And,
    Or,
    Xor,
    Shl,
    Shr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Comparison {
    Lt,
    Le,
    Gt,
    Ge,
    Eq,
    Ne,
}

impl Node {
    /// A number that is the same everywhere.
    pub(crate) fn constant<T: Element>(value: T) -> Self {
        Self::Constant { number: T::NUMBER, word: value.to_word() }
    }

    /// The type of what is computed; none for a condition.
    pub(crate) fn number(&self) -> Option<Number> {
        match *self {
            Self::Input { number, .. }
            | Self::Constant { number, .. }
            | Self::Unary { number, .. }
            | Self::Binary { number, .. }
            | Self::MulAdd { number, .. }
            | Self::Select { number, .. }
            | Self::Convert { to: number, .. } => Some(number),
            Self::Index => Some(Number::U64),
            Self::Compare { .. } | Self::And { .. } | Self::Or { .. } | Self::Not { .. } => None,
        }
    }

    /// The same node with other operands: `change` is asked for each, in their order.
    pub(crate) fn with_operands(mut self, mut change: impl FnMut(Id) -> Id) -> Self {
        match &mut self {
            Self::Input { .. } | Self::Constant { .. } | Self::Index => {}
            Self::Unary { of, .. } | Self::Not { of } | Self::Convert { of, .. } => *of = change(*of),
            Self::Binary { left, right, .. }
            | Self::Compare { left, right, .. }
            | Self::And { left, right }
            | Self::Or { left, right } => {
                *left = change(*left);
                *right = change(*right);
            }
            Self::MulAdd { left: first, right: second, addend: third, .. }
            | Self::Select { condition: first, yes: second, no: third, .. } => {
                *first = change(*first);
                *second = change(*second);
                *third = change(*third);
            }
        }
        self
    }

    /// Shows each operand to `see`, in their order.
    pub(crate) fn operands(&self, mut see: impl FnMut(Id)) {
        self.with_operands(|id| {
            see(id);
            id
        });
    }

    /// True for what costs nothing to have twice.
    pub(crate) fn is_leaf(&self) -> bool {
        matches!(self, Self::Input { .. } | Self::Constant { .. } | Self::Index)
    }
}

/// The nodes that a function of the user has made so far.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    nodes: Vec<Node>,
    known: HashMap<Node, Id>,
}

impl Trace {
    /// The place of this node, which may have been there before.
    pub(crate) fn add(&mut self, node: Node) -> Id {
        *self.known.entry(node).or_insert_with(|| {
            self.nodes.push(node);
            self.nodes.len() - 1
        })
    }

    /// What `result` needs.
    pub(crate) fn formula(&self, result: Id, inputs: Vec<Number>) -> Formula {
        let mut needed = vec![false; result + 1];
        needed[result] = true;
        for id in (0..=result).rev() {
            if needed[id] {
                self.nodes[id].operands(|operand| needed[operand] = true);
            }
        }
        let mut nodes = Vec::new();
        let mut moved = vec![0; result + 1];
        for id in (0..=result).filter(|&id| needed[id]) {
            moved[id] = nodes.len();
            nodes.push(self.nodes[id].with_operands(|operand| moved[operand]));
        }
        Formula { nodes, inputs }
    }
}

/// A finished expression: what one element of the result is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Formula {
    /// Operands before those that use them, the result last. Never empty.
    pub(crate) nodes: Vec<Node>,
    /// The types of the inputs, also of those that the result does not need.
    pub(crate) inputs: Vec<Number>,
}

impl Formula {
    /// The formula that is its only input.
    pub(crate) fn of_input(number: Number) -> Self {
        Self { nodes: vec![Node::Input { place: 0, number }], inputs: vec![number] }
    }

    /// The place of the result.
    pub(crate) fn result(&self) -> Id {
        self.nodes.len() - 1
    }

    /// How often each node is an operand.
    pub(crate) fn uses(&self) -> Vec<usize> {
        let mut uses = vec![0; self.nodes.len()];
        for node in &self.nodes {
            node.operands(|id| uses[id] += 1);
        }
        uses
    }

    /// True if the result depends on the element's place.
    pub(crate) fn asks_for_index(&self) -> bool {
        self.nodes.contains(&Node::Index)
    }
}

impl Number {
    pub(crate) const fn is_float(self) -> bool {
        matches!(self, Self::F32 | Self::F64)
    }

    pub(crate) const fn is_signed(self) -> bool {
        matches!(self, Self::I32 | Self::I64)
    }
}
