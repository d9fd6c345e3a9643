//! Which channel ends a parameter or a field holds.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;

use crate::channel::{ChannelEnd, Receiver, Sender};
use crate::context::probe::{self, PortName};
use crate::context::{Context, EndInfo, Kind};

/// Something that holds channel ends: an end, a reference to one, or a collection of them.
///
/// What implements it is a *port* of a process whose parameter, or field with `#[port]`, it is: it is in the process's
/// picture. Implement it for a type of your own that holds ends.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
/// use aqueduct::{PortList, Ports};
///
/// /// Both directions of a conversation.
/// struct Line {
///     ask: Sender<String>,
///     answer: Receiver<u32>,
/// }
///
/// impl Ports for Line {
///     fn list(&self, ports: &mut PortList) {
///         self.ask.list(ports);
///         self.answer.list(ports);
///     }
/// }
///
/// #[process]
/// async fn client(line: Line) -> Outcome<u32> {
///     line.ask.send("how many?".to_owned()).await?;
///     Ok(line.answer.recv().await?)
/// }
///
/// let (ask, _questions) = aqueduct::channel();
/// let (_answers, answer) = aqueduct::channel();
/// let shape = client(Line { ask, answer }).shape();
/// let names: Vec<_> = shape.processes()[0].ports().iter().map(|port| port.to_string()).collect();
/// assert_eq!(names, ["line[0]: Sender<String>", "line[1]: Receiver<u32>"]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a channel end",
    label = "neither a `Sender` nor a `Receiver`, nor a collection of them",
    note = "a port is a `Sender`, a `Receiver`, or a `Vec`, an `Option`, an array, … of them: take `#[port]` away from \
            what is none; a type of your own that holds ends implements `aqueduct::Ports`"
)]
pub trait Ports {
    /// Lists every end in it, in order.
    fn list(&self, ports: &mut PortList);
}

/// The channel ends that were found in one parameter or field.
#[derive(Debug, Default)]
pub struct PortList {
    found: Found,
    /// They are numbered, even if there is only one.
    several: bool,
}

/// One end, the usual case, needs no memory of its own.
#[derive(Debug, Default)]
enum Found {
    #[default]
    None,
    One(EndInfo),
    Many(Vec<EndInfo>),
}

impl PortList {
    /// Adds an end.
    #[inline]
    pub fn end<E: ChannelEnd>(&mut self, end: &E) {
        let info = end.end_info();
        match &mut self.found {
            Found::None => self.found = Found::One(info),
            _ => self.one_more(info),
        }
    }

    #[inline(never)]
    fn one_more(&mut self, info: EndInfo) {
        self.found = match std::mem::take(&mut self.found) {
            Found::None => Found::One(info),
            Found::One(first) => Found::Many(vec![first, info]),
            Found::Many(mut ends) => {
                ends.push(info);
                Found::Many(ends)
            }
        };
    }

    /// Adds the ends in each of several, which are then numbered.
    pub fn each<'a, P: Ports + 'a>(&mut self, several: impl IntoIterator<Item = &'a P>) {
        self.several = true;
        for one in several {
            one.list(self);
        }
    }
}

impl<T> Ports for Sender<T> {
    fn list(&self, ports: &mut PortList) {
        ports.end(self);
    }
}

impl<T> Ports for Receiver<T> {
    fn list(&self, ports: &mut PortList) {
        ports.end(self);
    }
}

macro_rules! through_a_pointer {
    ($($Pointer:ty),*) => {$(
        impl<P: Ports + ?Sized> Ports for $Pointer {
            fn list(&self, ports: &mut PortList) {
                (**self).list(ports);
            }
        }
    )*};
}

through_a_pointer!(&P, &mut P, Box<P>, Arc<P>, std::rc::Rc<P>);

impl<P: Ports> Ports for Option<P> {
    fn list(&self, ports: &mut PortList) {
        if let Some(some) = self {
            some.list(ports);
        }
    }
}

impl<P: Ports> Ports for [P] {
    fn list(&self, ports: &mut PortList) {
        ports.each(self);
    }
}

impl<P: Ports, const N: usize> Ports for [P; N] {
    fn list(&self, ports: &mut PortList) {
        ports.each(self);
    }
}

impl<P: Ports> Ports for Vec<P> {
    fn list(&self, ports: &mut PortList) {
        ports.each(self);
    }
}

impl<P: Ports> Ports for VecDeque<P> {
    fn list(&self, ports: &mut PortList) {
        ports.each(self);
    }
}

impl<K, P: Ports, S> Ports for HashMap<K, P, S> {
    fn list(&self, ports: &mut PortList) {
        ports.each(self.values());
    }
}

impl<K, P: Ports> Ports for BTreeMap<K, P> {
    fn list(&self, ports: &mut PortList) {
        ports.each(self.values());
    }
}

macro_rules! tuples {
    ($(($($P:ident $index:tt),+))*) => {$(
        impl<$($P: Ports),+> Ports for ($($P,)+) {
            fn list(&self, ports: &mut PortList) {
                ports.several = true;
                $(self.$index.list(ports);)+
            }
        }
    )*};
}

tuples! {
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
}

/// What a process keeps of one parameter or field: the ends that it holds.
#[doc(hidden)]
#[derive(Default)]
pub struct Port(PortList);

impl Port {
    /// The ends in something that has some.
    #[inline]
    pub fn of<P: Ports + ?Sized>(holder: &P) -> Self {
        let mut list = PortList::default();
        holder.list(&mut list);
        Self(list)
    }

    /// The ends, each with the name that it gets from its parameter or field.
    fn ends(&self, base: &'static str) -> impl Iterator<Item = (PortName, &EndInfo)> {
        let ends = match &self.0.found {
            Found::None => &[],
            Found::One(end) => std::slice::from_ref(end),
            Found::Many(ends) => &ends[..],
        };
        let several = self.0.several || ends.len() > 1;
        ends.iter().enumerate().map(move |(index, end)| {
            let index = several.then(|| u32::try_from(index).unwrap_or(u32::MAX));
            (PortName { base, index }, end)
        })
    }
}

/// The ports of a struct with `#[derive(Process)]`.
#[doc(hidden)]
pub trait Derived<const PORTS: usize> {
    /// The ends in its fields with `#[port]`.
    fn ports(&self) -> [Port; PORTS];
}

/// Tells the probe that a process has started, with the ends in its ports.
///
/// All is taken by value, and the function is declared as one that cannot unwind (it does not: a panic would abort).
/// So a process that starts is built in its place: what is pointed at, or may have to be dropped by unwinding, is copied
/// once more, watched or not. (By callgrind, a loop of CommsTime PAR takes 4384 instructions, and took 4574 to 4711 otherwise.)
#[cold]
#[inline(never)]
#[allow(improper_ctypes_definitions, reason = "called from here only")]
pub(in crate::process) extern "C" fn tell<const PORTS: usize>(context: Context, kind: Kind, ports: [Port; PORTS]) {
    probe::started(context.about(kind), ends(context.meta().ports, &ports));
}

/// All ends of a process.
pub(super) fn ends<'a>(
    names: &'static [&'static str],
    ports: &'a [Port],
) -> impl Iterator<Item = (PortName, EndInfo)> + use<'a> {
    ports.iter().zip(names).flat_map(|(port, name)| port.ends(name)).map(|(name, end)| (name, end.clone()))
}

impl fmt::Debug for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ends("").map(|(_, end)| if end.key.sends { "Sender" } else { "Receiver" })).finish()
    }
}

/// A parameter that is about to move into a process.
#[doc(hidden)]
#[derive(Debug)]
pub struct Parameter<'a, T: ?Sized>(pub &'a T);

/// Asked first, by method resolution: it holds ends.
#[doc(hidden)]
pub trait ViaEnd {
    fn aqueduct_port(&self) -> Port;
}

impl<P: Ports + ?Sized> ViaEnd for &Parameter<'_, P> {
    fn aqueduct_port(&self) -> Port {
        Port::of(self.0)
    }
}

/// Asked second: it is something else.
#[doc(hidden)]
pub trait ViaOther {
    fn aqueduct_port(&self) -> Port {
        Port::default()
    }
}

impl<T: ?Sized> ViaOther for Parameter<'_, T> {}
