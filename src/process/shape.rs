//! The picture of a network, from what its processes know of themselves before they run.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::channel::{ChannelEnd, ChannelId, Direction};
use crate::context::Context;

/// One channel end among the parameters of a process.
#[doc(hidden)]
#[derive(Clone)]
pub struct Port {
    /// `None`: something else that is called like an end.
    channel: Option<ChannelId>,
    direction: Direction,
    label: Option<Arc<str>>,
}

/// A parameter that is called like an end, about to move into a process.
#[doc(hidden)]
#[derive(Debug)]
pub struct Parameter<'a, T>(pub &'a T);

/// Asked first, by method resolution: it is an end.
#[doc(hidden)]
pub trait ViaEnd {
    fn aqueduct_port(&self) -> Port;
}

impl<E: ChannelEnd> ViaEnd for &Parameter<'_, E> {
    fn aqueduct_port(&self) -> Port {
        let end = self.0;
        Port { channel: Some(end.channel_id()), direction: end.direction(), label: end.channel_name().cloned() }
    }
}

/// Asked second: it is something else.
#[doc(hidden)]
pub trait ViaOther {
    fn aqueduct_port(&self) -> Port {
        Port { channel: None, direction: Direction::Sender, label: None }
    }
}

impl<T> ViaOther for Parameter<'_, T> {}

impl fmt::Debug for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.direction)
    }
}

/// The shape of a network: processes, and the channels between them. Its text is a Mermaid flowchart.
///
/// Thread processes are drawn with double sides. A channel with several ends on both sides is drawn as a node of its
/// own. An end whose other side is outside the picture leads to a dot.
#[derive(Debug, Default)]
pub struct Shape {
    processes: Vec<Node>,
    channels: BTreeMap<ChannelId, Edge>,
    /// The channels in the order in which they were met, so that a picture is the same in every run.
    order: Vec<ChannelId>,
}

#[derive(Debug)]
struct Node {
    name: String,
    kind: &'static str,
}

#[derive(Debug, Default)]
struct Edge {
    label: Option<Arc<str>>,
    /// What the first receiver calls it.
    port: Option<&'static str>,
    from: Vec<usize>,
    to: Vec<usize>,
}

impl Shape {
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// Adds a process that has not started.
    pub(super) fn process(&mut self, context: &Context, kind: &'static str, ports: &[Port]) {
        let process = self.processes.len();
        self.processes.push(Node { name: context.identity().name().to_owned(), kind });
        let names = context.meta().ports;
        for (index, port) in ports.iter().enumerate() {
            let Some(channel) = port.channel else { continue };
            let edge = self.channels.entry(channel).or_insert_with(|| {
                self.order.push(channel);
                Edge::default()
            });
            match port.direction {
                Direction::Sender => {
                    edge.from.push(process);
                    // A channel without a name is called after the sender's port.
                    if edge.label.is_none() {
                        edge.label = port.label.clone().or_else(|| names.get(index).map(|name| Arc::from(*name)));
                    }
                }
                Direction::Receiver => {
                    edge.to.push(process);
                    edge.port = edge.port.or_else(|| names.get(index).copied());
                }
            }
            if port.label.is_some() {
                edge.label.clone_from(&port.label);
            }
        }
    }

    /// The names of the processes, in the order of their composition.
    pub fn processes(&self) -> impl Iterator<Item = &str> {
        self.processes.iter().map(|node| node.name.as_str())
    }

    /// How many channels there are.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.order.len()
    }
}

/// Mermaid reads these as markup.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => escaped.push_str("#quot;"),
            '|' => escaped.push_str("#124;"),
            '<' => escaped.push_str("#lt;"),
            '>' => escaped.push_str("#gt;"),
            '#' => escaped.push_str("#35;"),
            '\n' | '\r' => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "flowchart LR")?;
        for (index, node) in self.processes.iter().enumerate() {
            let name = escape(&node.name);
            match node.kind {
                "thread" => writeln!(f, "    p{index}[[\"{name}\"]]")?,
                _ => writeln!(f, "    p{index}[\"{name}\"]")?,
            }
        }
        for (index, channel) in self.order.iter().enumerate() {
            let edge = &self.channels[channel];
            let label = escape(edge.label.as_deref().or(edge.port).unwrap_or("channel"));
            if edge.from.len() > 1 && edge.to.len() > 1 {
                writeln!(f, "    c{index}{{{{\"{label}\"}}}}")?;
                for from in &edge.from {
                    writeln!(f, "    p{from} --> c{index}")?;
                }
                for to in &edge.to {
                    writeln!(f, "    c{index} --> p{to}")?;
                }
                continue;
            }
            if edge.from.is_empty() || edge.to.is_empty() {
                writeln!(f, "    o{index}((\" \"))")?;
            }
            for to in &edge.to {
                if edge.from.is_empty() {
                    writeln!(f, "    o{index} -->|{label}| p{to}")?;
                }
                for from in &edge.from {
                    writeln!(f, "    p{from} -->|{label}| p{to}")?;
                }
            }
            if edge.to.is_empty() {
                for from in &edge.from {
                    writeln!(f, "    p{from} -->|{label}| o{index}")?;
                }
            }
        }
        Ok(())
    }
}
