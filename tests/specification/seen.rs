//! What can be seen of a step: the channels and their specification must show the same.

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
    Chose(usize, Box<Outcome>),
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
        if self == expected {
            return None;
        }
        let mut text = String::new();
        if self.outcome != expected.outcome {
            text += &format!("gives {:?}, and not {:?}. ", self.outcome, expected.outcome);
        }
        if self.events != expected.events {
            text += &format!("does {:?}, and not {:?}. ", self.events, expected.events);
        }
        for (chan, (shown, expected)) in self.views.iter().zip(&expected.views).enumerate() {
            if shown != expected {
                text += &format!("shows of channel {chan} {shown:?}, and not {expected:?}. ");
            }
        }
        Some(format!("the library {}", text.trim_end()))
    }
}
