//! The spans of a worker: their names, their fields, which are open, and which this thread is in.
//!
//! A span holds its parent, so that the path of an event is whole even where the parent's last handle is gone. Parents
//! are named by number and let go in a loop: a chain of any length needs no deep recursion.

use std::{
    cell::RefCell,
    collections::HashMap,
    sync::atomic::{AtomicU64, Ordering},
};

use parking_lot::RwLock;
use tracing::{
    Event, Metadata,
    span::{Attributes, Id, Record},
};
use tracing_core::span::Current;

use super::text::{Fields, within};

/// The fields of one span take so many bytes at most.
const SPAN_TEXT_MOST: usize = 1024;
/// So many spans are kept; code that never closes its spans must not fill the memory. Others have a number only.
const SPANS_MOST: usize = 65_536;
/// A path names so many spans, the innermost.
const PATH_MOST: usize = 32;

/// Numbers are unique in the process: the stack of a thread serves any number of subscribers (tests have some).
static NEXT: AtomicU64 = AtomicU64::new(1);

thread_local! {
    /// The spans that this thread is in, the innermost last.
    static STACK: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

#[derive(Debug, Default)]
pub(super) struct Spans(RwLock<HashMap<u64, Span>>);

#[derive(Debug)]
struct Span {
    metadata: &'static Metadata<'static>,
    fields: Vec<(String, String)>,
    parent: Option<u64>,
    /// Handles, and children.
    held: usize,
}

impl Spans {
    pub(super) fn open(&self, attributes: &Attributes<'_>) -> Id {
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let fields = fields(|visitor| attributes.record(visitor));
        let parent = match attributes.parent() {
            Some(parent) => Some(parent.into_u64()),
            None if attributes.is_contextual() => self.innermost(),
            None => None,
        };
        let mut spans = self.0.write();
        if spans.len() < SPANS_MOST {
            let parent = parent.filter(|parent| spans.get_mut(parent).map(|span| span.held += 1).is_some());
            spans.insert(id, Span { metadata: attributes.metadata(), fields, parent, held: 1 });
        }
        Id::from_u64(id)
    }

    /// A field that is recorded again takes its new value.
    pub(super) fn record(&self, id: &Id, values: &Record<'_>) {
        let new = fields(|visitor| values.record(visitor));
        let mut spans = self.0.write();
        let Some(span) = spans.get_mut(&id.into_u64()) else { return };
        span.fields.retain(|(name, _)| new.iter().all(|(other, _)| name != other));
        let mut room = SPAN_TEXT_MOST.saturating_sub(span.fields.iter().map(size).sum());
        span.fields.extend(new.into_iter().map(|(name, value)| (name, within(&mut room, format_args!("{value}")))));
    }

    pub(super) fn hold(&self, id: &Id) {
        if let Some(span) = self.0.write().get_mut(&id.into_u64()) {
            span.held += 1;
        }
    }

    /// Whether that was the last handle.
    pub(super) fn release(&self, id: &Id) -> bool {
        let mut spans = self.0.write();
        let mut next = Some(id.into_u64());
        let mut closed = false;
        while let Some(id) = next.take() {
            let Some(span) = spans.get_mut(&id) else { break };
            span.held -= 1;
            if span.held == 0 {
                closed = true;
                next = spans.remove(&id).and_then(|span| span.parent);
            }
        }
        closed
    }

    pub(super) fn enter(&self, id: &Id) {
        // A thread's last destructors may still trace: then there is no stack any more.
        let _ = STACK.try_with(|stack| stack.borrow_mut().push(id.into_u64()));
    }

    /// Spans need not be left in the order in which they were entered.
    pub(super) fn exit(&self, id: &Id) {
        let _ = STACK.try_with(|stack| {
            let mut stack = stack.borrow_mut();
            if let Some(at) = stack.iter().rposition(|&other| other == id.into_u64()) {
                stack.remove(at);
            }
        });
    }

    pub(super) fn current(&self) -> Current {
        let id = self.innermost();
        match id.and_then(|id| Some((id, self.0.read().get(&id)?.metadata))) {
            Some((id, metadata)) => Current::new(Id::from_u64(id), metadata),
            None => Current::none(),
        }
    }

    /// `job{id=7}:load`: the spans of an event, the outermost first.
    pub(super) fn path(&self, event: &Event<'_>, budget: &mut usize) -> String {
        let mut next = match event.parent() {
            Some(parent) => Some(parent.into_u64()),
            None if event.is_contextual() => self.innermost(),
            None => None,
        };
        let spans = self.0.read();
        let mut names = Vec::new();
        while let Some(span) = next.and_then(|id| spans.get(&id)) {
            if names.len() == PATH_MOST {
                names.push("…".to_owned());
                break;
            }
            names.push(span.text());
            next = span.parent;
        }
        names.reverse();
        within(budget, format_args!("{}", names.join(":")))
    }

    /// The innermost span of this thread that is one of these.
    fn innermost(&self) -> Option<u64> {
        let spans = self.0.read();
        STACK.try_with(|stack| stack.borrow().iter().rev().copied().find(|id| spans.contains_key(id))).ok()?
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.read().len()
    }
}

impl Span {
    fn text(&self) -> String {
        let name = self.metadata.name();
        if self.fields.is_empty() {
            return name.to_owned();
        }
        let fields: Vec<_> = self.fields.iter().map(|(field, value)| format!("{field}={value}")).collect();
        format!("{name}{{{}}}", fields.join(" "))
    }
}

fn fields(record: impl FnOnce(&mut Fields<'_>)) -> Vec<(String, String)> {
    let mut budget = SPAN_TEXT_MOST;
    let mut visitor = Fields::new(&mut budget);
    record(&mut visitor);
    let (message, mut fields) = visitor.finish();
    if !message.is_empty() {
        fields.insert(0, ("message".to_owned(), message));
    }
    fields
}

fn size((name, value): &(String, String)) -> usize {
    name.len() + value.len()
}
