//! A shape as a Mermaid flowchart.

use std::fmt;

use super::{Link, Shape};
use crate::context::Kind;

/// Text between quotes. Mermaid reads some characters as markup, and `#…;` as a character by name or number.
struct Quoted<T>(T);

impl<T: fmt::Display> fmt::Display for Quoted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        f.write_str("\"")?;
        for c in text.chars() {
            match c {
                '"' => f.write_str("#quot;")?,
                '<' => f.write_str("#lt;")?,
                '>' => f.write_str("#gt;")?,
                '&' => f.write_str("#amp;")?,
                '#' => f.write_str("#35;")?,
                '`' => f.write_str("#96;")?,
                '|' => f.write_str("#124;")?,
                '\\' => f.write_str("#92;")?,
                c if c.is_control() => f.write_str(" ")?,
                c => write!(f, "{c}")?,
            }
        }
        f.write_str("\"")
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "flowchart LR")?;
        for (index, process) in self.processes.iter().enumerate() {
            match process.kind {
                Kind::Task => writeln!(f, "    p{index}[{}]", Quoted(process))?,
                Kind::Thread => writeln!(f, "    p{index}[[{}]]", Quoted(process))?,
            }
        }
        for link in self.links() {
            match link {
                Link::Node(index) => writeln!(f, "    c{index}{{{{{}}}}}", Quoted(&self.channels[index]))?,
                Link::Dot(index) => writeln!(f, "    o{index}((\" \"))")?,
                Link::Arrow(from, to, None) => writeln!(f, "    {from} --> {to}")?,
                Link::Arrow(from, to, Some(channel)) => {
                    writeln!(f, "    {from} -->|{}| {to}", Quoted(&self.channels[channel]))?;
                }
            }
        }
        Ok(())
    }
}
