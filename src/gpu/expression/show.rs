//! Formulas as people write them, for the head of the PTX.

use super::tree::{Binary, Comparison, Formula, Node, Unary};
use crate::gpu::element::{Element, Number};

/// Longer parts of a formula get a line and a name of their own.
const LONG: usize = 60;

/// The formula as the value of `name`, in lines; inputs are called by `inputs`. Parts that are used more than once, and
/// long ones, stand before it and are called `prefix0`, `prefix1`, …
pub(crate) fn show(formula: &Formula, name: &str, inputs: &[&str], prefix: &str) -> String {
    let uses = formula.uses();
    let mut texts: Vec<(String, bool)> = Vec::with_capacity(formula.nodes.len());
    let mut lines = String::new();
    let mut parts = 0;
    for (id, node) in formula.nodes.iter().enumerate() {
        let (text, joined) = show_node(node, &texts, inputs);
        let named = id != formula.result() && !node.is_leaf() && (uses[id] > 1 || text.len() > LONG);
        texts.push(if named {
            let part = format!("{prefix}{parts}");
            parts += 1;
            lines += &format!("{part} = {text}\n");
            (part, false)
        } else {
            (text, joined)
        });
    }
    format!("{lines}{name} = {}\n", texts[formula.result()].0)
}

/// The text, and whether it needs brackets as an operand.
fn show_node(node: &Node, texts: &[(String, bool)], inputs: &[&str]) -> (String, bool) {
    let plain = |id: usize| texts[id].0.as_str();
    let operand = |id: usize| {
        let (text, joined) = &texts[id];
        if *joined { format!("({text})") } else { text.clone() }
    };
    let joined = |left, sign: &str, right| (format!("{} {sign} {}", operand(left), operand(right)), true);
    match *node {
        Node::Input { place, .. } => (inputs[place].to_owned(), false),
        Node::Constant { number, word } => (constant(number, word), false),
        Node::Index => ("index".to_owned(), false),
        Node::Unary { operation, of, .. } => match method(operation) {
            Ok(sign) => (format!("{sign}{}", operand(of)), true),
            Err(name) => (format!("{}.{name}()", operand(of)), false),
        },
        Node::Binary { operation, left, right, .. } => match sign(operation) {
            Ok(sign) => joined(left, sign, right),
            Err(name) => (format!("{}.{name}({})", operand(left), plain(right)), false),
        },
        Node::MulAdd { left, right, addend, .. } => {
            (format!("{}.mul_add({}, {})", operand(left), plain(right), plain(addend)), false)
        }
        Node::Compare { comparison, left, right, .. } => joined(left, comparison_sign(comparison), right),
        Node::And { left, right } => joined(left, "and", right),
        Node::Or { left, right } => joined(left, "or", right),
        Node::Not { of } => (format!("not {}", operand(of)), true),
        Node::Select { condition, yes, no, .. } => {
            (format!("{}.select({}, {})", operand(condition), plain(yes), plain(no)), false)
        }
        Node::Convert { to, of, .. } => (format!("{}.to_{}()", operand(of), to.rust()), false),
    }
}

fn constant(number: Number, word: u64) -> String {
    match number {
        Number::F32 => format!("{:?}", f32::from_word(word)),
        Number::F64 => format!("{:?}", f64::from_word(word)),
        Number::I32 => i32::from_word(word).to_string(),
        Number::I64 => i64::from_word(word).to_string(),
        Number::U32 | Number::U64 => word.to_string(),
    }
}

/// A sign that stands before its operand, or else a method's name.
fn method(operation: Unary) -> Result<&'static str, &'static str> {
    match operation {
        Unary::Neg => Ok("-"),
        Unary::Not => Ok("!"),
        Unary::Abs => Err("abs"),
        Unary::Sqrt => Err("sqrt"),
        Unary::Floor => Err("floor"),
        Unary::Ceil => Err("ceil"),
        Unary::Trunc => Err("trunc"),
        Unary::Round => Err("round"),
    }
}

/// A sign that stands between its operands, or else a method's name.
fn sign(operation: Binary) -> Result<&'static str, &'static str> {
    match operation {
        Binary::Add => Ok("+"),
        Binary::Sub => Ok("-"),
        Binary::Mul => Ok("*"),
        Binary::Div => Ok("/"),
        Binary::Rem => Ok("%"),
        Binary::And => Ok("&"),
        Binary::Or => Ok("|"),
        Binary::Xor => Ok("^"),
        Binary::Shl => Ok("<<"),
        Binary::Shr => Ok(">>"),
        Binary::Min => Err("min"),
        Binary::Max => Err("max"),
    }
}

fn comparison_sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Lt => "<",
        Comparison::Le => "<=",
        Comparison::Gt => ">",
        Comparison::Ge => ">=",
        Comparison::Eq => "==",
        Comparison::Ne => "!=",
    }
}

impl Number {
    /// Its name in Rust.
    pub(crate) fn rust(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::I32 => "i32",
            Self::U32 => "u32",
            Self::I64 => "i64",
            Self::U64 => "u64",
        }
    }
}
