//! The shape of a network: its processes, their ports, and the channels between them.
//!
//! A process draws itself into a [`Sketch`], which is cheap; a [`Shape`] is what can be read and printed.

mod dot;
mod mermaid;
mod ports;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use crate::channel::{ChannelId, Direction};
use crate::context::probe::{About, PortName};
use crate::context::{Context, EndInfo, Identity, Kind, Meta};

pub use dot::Dot;
use ports::ends;
pub(super) use ports::tell;
pub use ports::{Derived, Parameter, Port, PortList, Ports, ViaEnd, ViaOther};

/// For how many processes and ends an empty sketch keeps its room.
const KEPT: usize = 16;

/// Processes that were drawn, and their ends.
#[doc(hidden)]
#[derive(Default)]
pub struct Sketch {
    processes: Vec<About>,
    /// Each with the index of its process, in order.
    ends: Vec<(usize, Option<PortName>, EndInfo)>,
}

impl Sketch {
    /// Adds a process that has not started.
    pub(super) fn process(&mut self, context: &Context, kind: Kind, ports: &[Port]) {
        let ends = ends(context.meta().ports, ports);
        self.add(context.about(kind), ends.map(|(name, end)| (Some(name), end)));
    }

    /// Adds a struct that may become a process.
    pub fn derived(&mut self, meta: &'static Meta, kind: Kind, ports: &[Port]) {
        self.process(&Context::unstarted(meta), kind, ports);
    }

    pub(super) fn add(&mut self, about: About, ends: impl IntoIterator<Item = (Option<PortName>, EndInfo)>) {
        let process = self.processes.len();
        self.processes.push(about);
        self.ends.extend(ends.into_iter().map(|(name, end)| (process, name, end)));
    }

    /// Takes everything out; keeps a little room for more.
    pub(super) fn clear(&mut self) {
        self.processes.clear();
        self.processes.shrink_to(KEPT);
        self.ends.clear();
        self.ends.shrink_to(KEPT);
    }

    /// Adds everything in another sketch.
    pub(super) fn merge(&mut self, other: &Self) {
        let offset = self.processes.len();
        self.processes.extend_from_slice(&other.processes);
        self.ends.extend(other.ends.iter().map(|(process, name, end)| (offset + process, name.clone(), end.clone())));
    }

    pub(super) fn finish(self) -> Shape {
        let mut shape =
            Shape { processes: self.processes.into_iter().map(ProcessShape::new).collect(), channels: Vec::new() };
        let mut known = HashMap::new();
        for (process, name, end) in self.ends {
            let channel = *known.entry(end.key.channel).or_insert_with(|| {
                shape.channels.push(ChannelShape::new(&end));
                shape.channels.len() - 1
            });
            let direction = if end.key.sends { Direction::Sender } else { Direction::Receiver };
            let port = PortShape { name, direction, payload: (end.payload)(), channel };
            shape.channels[channel].join(process, &port);
            shape.processes[process].ports.push(port);
        }
        shape
    }
}

impl fmt::Debug for Sketch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sketch").field("processes", &self.processes.len()).finish_non_exhaustive()
    }
}

/// The shape of a network: processes with their ports, and the channels between them.
///
/// [`Process::shape`](crate::Process::shape) knows it before anything runs; [`Picture`](crate::Picture) sees a network
/// that runs. Printed, it is a Mermaid flowchart; [`dot`](Self::dot) is its text for Graphviz.
///
/// Thread processes are drawn with double sides. A channel with several ends on both sides is drawn as a node of its
/// own. An end whose other side is outside the picture leads to a dot.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
/// use aqueduct::{Direction, ProcessKind};
///
/// #[process]
/// async fn count(out: Sender<u32>) -> Outcome {
///     for n in 0.. {
///         out.send(n).await?;
///     }
///     Ok(())
/// }
///
/// #[process]
/// fn deal(input: Receiver<u32>, outs: Vec<Sender<u32>>) -> Outcome {
///     for out in outs.iter().cycle() {
///         out.send_blocking(input.recv_blocking()?)?;
///     }
///     Ok(())
/// }
///
/// let (numbers, numbers_in) = Channel::buffered(8).named("numbers").open();
/// let (left, _left_in) = aqueduct::channel();
/// let (right, _right_in) = aqueduct::channel();
/// let shape = par!(count(numbers), deal(numbers_in, vec![left, right])).shape();
///
/// let deal = &shape.processes()[1];
/// assert_eq!((deal.name(), deal.kind()), ("deal", ProcessKind::Thread));
/// assert_eq!(deal.ports()[2].to_string(), "outs[1]: Sender<u32>");
/// assert_eq!(deal.ports()[0].direction(), Direction::Receiver);
///
/// let numbers = &shape.channels()[0];
/// assert_eq!((numbers.name(), numbers.capacity()), (Some("numbers"), Some(8)));
/// assert_eq!((numbers.senders(), numbers.receivers()), (&[0][..], &[1][..]));
///
/// // A check before the network runs: who would wait for ever?
/// assert_eq!(shape.one_sided().map(|channel| channel.label()).collect::<Vec<_>>(), ["outs[0]", "outs[1]"]);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Shape {
    processes: Vec<ProcessShape>,
    channels: Vec<ChannelShape>,
}

impl Shape {
    /// The processes: in the order of their composition, or of their start.
    #[must_use]
    pub fn processes(&self) -> &[ProcessShape] {
        &self.processes
    }

    /// The channels, in the order in which the processes hold their ends.
    #[must_use]
    pub fn channels(&self) -> &[ChannelShape] {
        &self.channels
    }

    /// The channels of which only one side is in the picture.
    pub fn one_sided(&self) -> impl Iterator<Item = &ChannelShape> {
        self.channels.iter().filter(|channel| channel.is_one_sided())
    }

    /// The shape in the language of Graphviz.
    #[must_use]
    pub fn dot(&self) -> Dot<'_> {
        Dot::new(self)
    }
}

/// One process of a [`Shape`].
#[derive(Debug, Clone)]
pub struct ProcessShape {
    identity: Identity,
    kind: Kind,
    location: String,
    ports: Vec<PortShape>,
}

impl ProcessShape {
    fn new(about: About) -> Self {
        Self { identity: about.identity, kind: about.kind, location: about.location.to_string(), ports: Vec::new() }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.identity.name()
    }

    /// Its name and number; the number is 0 until it starts.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Whether it is a task or has a thread of its own.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// `file:line` of its definition, or of the place where it is written in place.
    #[must_use]
    pub fn location(&self) -> &str {
        &self.location
    }

    /// Its channel ends, in the order of the parameters or fields; those that came later are last.
    #[must_use]
    pub fn ports(&self) -> &[PortShape] {
        &self.ports
    }
}

/// The name, and the number of a process that runs.
impl fmt::Display for ProcessShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.identity.fmt(f)
    }
}

/// One channel end of a process in a [`Shape`].
#[derive(Debug, Clone)]
pub struct PortShape {
    name: Option<PortName>,
    direction: Direction,
    payload: &'static str,
    channel: usize,
}

impl PortShape {
    /// What the process calls it; `None` for an end that came to a process that was running.
    ///
    /// An end in a collection has its place in its name, as in `outs[3]`.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        self.name.as_ref().map(|PortName { base, index }| match index {
            Some(index) => format!("{base}[{index}]"),
            None => (*base).to_owned(),
        })
    }

    /// Which end it is.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// The name of the type of the values, with its path.
    #[must_use]
    pub fn payload(&self) -> &'static str {
        self.payload
    }

    /// The index of its channel in [`Shape::channels`].
    #[must_use]
    pub fn channel(&self) -> usize {
        self.channel
    }
}

/// As it would be declared: `input: Receiver<u32>`.
impl fmt::Display for PortShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = match self.direction {
            Direction::Sender => "Sender",
            Direction::Receiver => "Receiver",
        };
        write!(f, "{}: {end}<{}>", self.name().as_deref().unwrap_or("_"), Short(self.payload))
    }
}

/// The name of a type, without the paths in it.
struct Short(&'static str);

impl fmt::Display for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
        for piece in self.0.split_inclusive(|c| !word(c)) {
            f.write_str(piece.rsplit("::").next().unwrap_or(piece))?;
        }
        Ok(())
    }
}

/// One channel of a [`Shape`].
#[derive(Debug, Clone)]
pub struct ChannelShape {
    id: ChannelId,
    name: Option<Arc<str>>,
    /// What the first sender calls its end, or else the first receiver.
    port: Option<(Direction, String)>,
    payload: &'static str,
    capacity: usize,
    senders: Vec<usize>,
    receivers: Vec<usize>,
}

impl ChannelShape {
    fn new(end: &EndInfo) -> Self {
        Self {
            id: ChannelId::at(end.key.channel),
            name: end.name.clone(),
            port: None,
            payload: (end.payload)(),
            capacity: end.capacity,
            senders: Vec::new(),
            receivers: Vec::new(),
        }
    }

    fn join(&mut self, process: usize, port: &PortShape) {
        match port.direction {
            Direction::Sender => self.senders.push(process),
            Direction::Receiver => self.receivers.push(process),
        }
        let better = match &self.port {
            None => true,
            Some((known, _)) => *known == Direction::Receiver && port.direction == Direction::Sender,
        };
        if better && let Some(name) = port.name() {
            self.port = Some((port.direction, name));
        }
    }

    /// The name given to [`Channel::named`](crate::Channel::named).
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// What a picture calls it: its name, or else what its first sender calls its end, or its first receiver.
    #[must_use]
    pub fn label(&self) -> &str {
        match (&self.name, &self.port) {
            (Some(name), _) => name,
            (None, Some((_, port))) => port,
            (None, None) => "channel",
        }
    }

    /// The name of the type of the values, with its path.
    #[must_use]
    pub fn payload(&self) -> &'static str {
        self.payload
    }

    /// How many values there is room for; `None` if unbounded.
    #[must_use]
    pub fn capacity(&self) -> Option<usize> {
        (self.capacity != usize::MAX).then_some(self.capacity)
    }

    /// The indexes in [`Shape::processes`] of those who send, once for each end.
    #[must_use]
    pub fn senders(&self) -> &[usize] {
        &self.senders
    }

    /// The indexes in [`Shape::processes`] of those who receive, once for each end.
    #[must_use]
    pub fn receivers(&self) -> &[usize] {
        &self.receivers
    }

    /// True if only one side is in the picture.
    #[must_use]
    pub fn is_one_sided(&self) -> bool {
        self.senders.is_empty() || self.receivers.is_empty()
    }

    /// True if this is an end of it.
    #[must_use]
    pub fn is_of(&self, end: &impl crate::ChannelEnd) -> bool {
        end.channel_id() == self.id
    }

    /// Several on both sides: an arrow for each pair would say less than a node.
    fn is_crowded(&self) -> bool {
        self.senders.len() > 1 && self.receivers.len() > 1
    }
}

/// The label, and the room if there is any: `numbers (8)`.
impl fmt::Display for ChannelShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())?;
        match self.capacity {
            0 => Ok(()),
            usize::MAX => f.write_str(" (unbounded)"),
            capacity => write!(f, " ({capacity})"),
        }
    }
}

/// The channels as the two languages draw them.
enum Link {
    /// A node for the channel.
    Node(usize),
    /// A dot for what is outside.
    Dot(usize),
    Arrow(Point, Point, Option<usize>),
}

#[derive(Clone, Copy)]
enum Point {
    Process(usize),
    Channel(usize),
    Outside(usize),
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process(index) => write!(f, "p{index}"),
            Self::Channel(index) => write!(f, "c{index}"),
            Self::Outside(index) => write!(f, "o{index}"),
        }
    }
}

impl Shape {
    /// Every node and arrow of the channels, in order; an arrow with a label names its channel.
    fn links(&self) -> Vec<Link> {
        let mut links = Vec::new();
        for (index, channel) in self.channels.iter().enumerate() {
            if channel.is_crowded() {
                links.push(Link::Node(index));
                let node = Point::Channel(index);
                links.extend(channel.senders.iter().map(|&from| Link::Arrow(Point::Process(from), node, None)));
                links.extend(channel.receivers.iter().map(|&to| Link::Arrow(node, Point::Process(to), None)));
                continue;
            }
            let side = |processes: &[usize]| match processes {
                [] => vec![Point::Outside(index)],
                some => some.iter().map(|&process| Point::Process(process)).collect(),
            };
            if channel.is_one_sided() {
                links.push(Link::Dot(index));
            }
            let senders = side(&channel.senders);
            for to in side(&channel.receivers) {
                links.extend(senders.iter().map(|&from| Link::Arrow(from, to, Some(index))));
            }
        }
        links
    }
}
