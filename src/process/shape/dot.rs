//! A shape in the language of Graphviz.

use std::fmt;

use super::{Link, Shape};
use crate::context::Kind;

/// The text of a [`Shape`] for Graphviz: made by [`Shape::dot`].
#[derive(Debug, Clone, Copy)]
pub struct Dot<'a> {
    shape: &'a Shape,
}

impl<'a> Dot<'a> {
    pub(super) fn new(shape: &'a Shape) -> Self {
        Self { shape }
    }
}

/// Text between quotes, where a backslash begins an escape.
struct Quoted<T>(T);

impl<T: fmt::Display> fmt::Display for Quoted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        f.write_str("\"")?;
        for c in text.chars() {
            match c {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                // Graphviz reads the entities of HTML.
                '&' => f.write_str("&amp;")?,
                '\n' => f.write_str("\\n")?,
                c if c.is_control() => f.write_str(" ")?,
                c => write!(f, "{c}")?,
            }
        }
        f.write_str("\"")
    }
}

impl fmt::Display for Dot<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shape { processes, channels } = self.shape;
        writeln!(f, "digraph network {{")?;
        writeln!(f, "    rankdir=LR;")?;
        writeln!(f, "    node [shape=box];")?;
        for (index, process) in processes.iter().enumerate() {
            match process.kind {
                Kind::Task => writeln!(f, "    p{index} [label={}];", Quoted(process))?,
                Kind::Thread => writeln!(f, "    p{index} [label={}, peripheries=2];", Quoted(process))?,
            }
        }
        for link in self.shape.links() {
            match link {
                Link::Node(index) => writeln!(f, "    c{index} [label={}, shape=hexagon];", Quoted(&channels[index]))?,
                Link::Dot(index) => writeln!(f, "    o{index} [shape=point];")?,
                Link::Arrow(from, to, None) => writeln!(f, "    {from} -> {to};")?,
                Link::Arrow(from, to, Some(channel)) => {
                    writeln!(f, "    {from} -> {to} [label={}];", Quoted(&channels[channel]))?;
                }
            }
        }
        writeln!(f, "}}")
    }
}
