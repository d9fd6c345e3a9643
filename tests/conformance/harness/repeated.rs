//! Choices that are made again and again: put together anew for each round, or kept from round to round.

use aqueduct::{Alt, AltSet, Ended, Exhausted, Key, Outcome, Receiver, Sender};

use super::party::Party;

/// How a choice goes from one round to the next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Style {
    /// It enters all queues in each round: `alt!`, or `Alt::offer`.
    Anew,
    /// It stays in them: `AltSet`.
    Kept,
}

impl Style {
    pub(crate) const BOTH: [Self; 2] = [Self::Anew, Self::Kept];
}

/// A choice over receives. An input that has ended takes no part any more.
pub(crate) enum Inputs<T> {
    /// Each with whether it is open: as a guard that is disabled it keeps its place in the order.
    Anew(Alt, Vec<(Receiver<T>, bool)>),
    Kept(AltSet<(usize, Result<T, Ended>)>),
}

impl<T: Send + 'static> Inputs<T> {
    pub(crate) fn new(style: Style, order: Alt, inputs: Vec<Receiver<T>>) -> Self {
        if style == Style::Anew {
            return Self::Anew(order, inputs.into_iter().map(|input| (input, true)).collect());
        }
        let mut set = AltSet::new(order);
        for (number, input) in inputs.into_iter().enumerate() {
            set.recv(input, move |value| (number, value));
        }
        Self::Kept(set)
    }

    /// The next value, and the number of the input from which it came; `None` when all have ended.
    pub(crate) async fn next(&mut self, me: Party) -> Option<(usize, T)> {
        loop {
            let taken = match self {
                Self::Anew(order, inputs) => {
                    let mut offer = order.offer();
                    for (number, (input, is_open)) in inputs.iter().enumerate() {
                        offer = offer.recv(input, move |value| (number, value)).when(*is_open);
                    }
                    me.select(offer).await
                }
                Self::Kept(set) => me.select_in(set).await,
            };
            match taken {
                Ok((number, Ok(value))) => return Some((number, value)),
                Ok((number, Err(_))) => {
                    if let Self::Anew(_, inputs) = self {
                        inputs[number].1 = false;
                    }
                }
                Err(Exhausted) => return None,
            }
        }
    }
}

/// A choice over sends, each of a copy of the same value.
pub(crate) enum Outputs<T> {
    Anew(Alt, Vec<Sender<T>>),
    Kept(AltSet<(usize, Option<Ended>)>, Vec<Key<Sender<T>>>),
}

impl<T: Clone + Send + 'static> Outputs<T> {
    pub(crate) fn new(style: Style, order: Alt, outputs: Vec<Sender<T>>) -> Self {
        if style == Style::Anew {
            return Self::Anew(order, outputs);
        }
        let mut set = AltSet::new(order);
        let keys = outputs.into_iter().enumerate().map(|(number, output)| {
            set.send(output, move |sent| (number, sent.err().map(|error| error.into_parts().1)))
        });
        let keys = keys.collect();
        Self::Kept(set, keys)
    }

    /// Sends the value to one of them, and tells to which.
    pub(crate) async fn send(&mut self, me: Party, value: T) -> Outcome<usize> {
        let (number, ended) = match self {
            Self::Anew(order, outputs) => {
                let mut offer = order.offer();
                for (number, output) in outputs.iter().enumerate() {
                    offer = offer.send(output, value.clone(), move |sent| {
                        (number, sent.err().map(|error| error.into_parts().1))
                    });
                }
                me.select(offer).await?
            }
            Self::Kept(set, keys) => {
                for &key in &*keys {
                    let _ = set.offer(key, value.clone());
                }
                let taken = me.select_in(set).await?;
                for &key in &*keys {
                    drop(set.take_back(key));
                }
                taken
            }
        };
        match ended {
            None => Ok(number),
            Some(ended) => Err(ended.into()),
        }
    }
}
