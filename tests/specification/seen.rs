//! What can be seen of a step: the channels and their specification must show the same.

use std::fmt::Debug;

/// Names a value of one history, in the order in which values were made.
pub(crate) type Id = usize;

/// How a channel ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Retired,
    /// By this one of the poisons of the history.
    Poisoned(usize),
}

/// What a step gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// There is nothing to give.
    Done,
    /// The wait goes on.
    Pending,
    Sent,
    /// Received, and holds the sender.
    Holds(Id),
    /// Holds it no longer.
    LetGo,
    /// Not sent, because there is no room and nobody waits.
    Full,
    Refused(End),
    Received(Vec<Id>),
    /// Nothing received, because nothing is there.
    Empty,
    Ended(End),
    /// Nothing can be sent any more.
    Closed(End),
    /// Taken without any channel.
    Skipped,
    /// What the guard with this index gave.
    Chose(usize, Box<Self>),
    /// No guard was ready.
    NotReady,
    /// Every guard is ended or disabled.
    Exhausted,
    /// Whether there is one more end.
    Upgraded(bool),
}

/// What happened to others during a step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Events {
    /// Whose newest waker was woken.
    pub(crate) woken: Vec<usize>,
    /// Whose older wakers were woken.
    pub(crate) woken_in_vain: Vec<usize>,
    /// The values that their senders have again, in order.
    pub(crate) kept: Vec<Id>,
    /// The values that went to the hook, with their channels, in order.
    pub(crate) undelivered: Vec<(usize, Id)>,
    /// The values that were dropped, by whomever.
    pub(crate) gone: Vec<Id>,
}

impl Events {
    /// Without the order of what happens at one instant, except that of the values of one channel or sender.
    pub(crate) fn in_order(mut self) -> Self {
        self.woken.sort_unstable();
        self.woken_in_vain.sort_unstable();
        self.gone.sort_unstable();
        self.undelivered.sort_by_key(|&(chan, _)| chan);
        self
    }
}

/// What an end shows of its channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) len: usize,
    pub(crate) full: bool,
    pub(crate) capacity: Option<usize>,
    pub(crate) undelivered: u64,
    pub(crate) ended: Option<End>,
}

/// Everything that is seen after a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) outcome: Outcome,
    pub(crate) events: Events,
    /// By channel: through a sender and through a receiver, as far as the history holds one.
    pub(crate) views: Vec<(Option<View>, Option<View>)>,
}

impl Seen {
    /// How this differs from what should be seen.
    pub(crate) fn unlike(&self, expected: &Self) -> Option<String> {
        let mut text = String::new();
        let mut compare = |what: &str, seen: &dyn Debug, expected: &dyn Debug| {
            let (seen, expected) = (format!("{seen:?}"), format!("{expected:?}"));
            if seen != expected {
                text += &format!("\n    {what}: {seen}, and should be {expected}");
            }
        };
        compare("outcome", &self.outcome, &expected.outcome);
        compare("woken", &self.events.woken, &expected.events.woken);
        compare("woken by an old waker", &self.events.woken_in_vain, &expected.events.woken_in_vain);
        compare("back at its sender", &self.events.kept, &expected.events.kept);
        compare("undelivered, by channel", &self.events.undelivered, &expected.events.undelivered);
        compare("dropped", &self.events.gone, &expected.events.gone);
        for (chan, (seen, expected)) in self.views.iter().zip(&expected.views).enumerate() {
            for (end, seen, expected) in [("sender", &seen.0, &expected.0), ("receiver", &seen.1, &expected.1)] {
                compare(&format!("{end} of channel {chan}"), seen, expected);
            }
        }
        (self != expected).then_some(text)
    }
}
