//! Histories that once went wrong: they are played whatever the seed is.

use crate::history::{Flavour, Guard, Side, Step, Wait};
use crate::play::{Diary, smallest_of};
use crate::watched;

fn plays(flavour: Flavour, steps: &[Step]) {
    let steps = steps.to_vec();
    watched(move |diary: &Diary| {
        if let Some(told) = smallest_of(vec![flavour], steps, diary) {
            panic!("the library and its specification differ\n{told}");
        }
    });
}

/// A poison ends both guards at one instant; the lower one was taken.
#[test]
fn a_choice_in_textual_order_over_both_directions_of_a_channel_learns_of_a_poison_by_the_upper_guard() {
    let both = [[Guard::Recv(0), Guard::Send(0)], [Guard::Send(0), Guard::Recv(0)]];
    for guards in both {
        let steps = [Step::Start(Wait::Choose(guards.into())), Step::Poison(0, Side::Sender), Step::Poll(0)];
        plays(Flavour::Rendezvous, &steps);
    }
}

/// The batch asked for ever whether it may meet the receiver, although it had nothing left to send.
#[test]
fn a_batch_that_has_nothing_more_to_send_ends_beside_a_receiver_that_would_hold_it() {
    for flavour in [Flavour::Rendezvous, Flavour::Buffered(1), Flavour::Dropping(0), Flavour::Unbounded] {
        plays(flavour, &[Step::Start(Wait::RecvHeld(0)), Step::Start(Wait::SendMany(0, 0))]);
        let steps = [
            Step::Start(Wait::RecvHeld(0)),
            Step::Start(Wait::SendMany(0, 1)),
            Step::Poll(0),
            Step::Start(Wait::RecvHeld(0)),
            Step::Poll(0),
            Step::Poll(1),
        ];
        plays(flavour, &steps);
    }
}

/// A send into a channel that never makes its senders wait waited until it was let go.
#[test]
fn where_there_is_room_a_waiting_receiver_holds_nobody() {
    for flavour in
        [Flavour::Buffered(1), Flavour::Unbounded, Flavour::Sliding(1), Flavour::Dropping(0), Flavour::Latest]
    {
        for wait in [Wait::Send(0), Wait::SendFrom(0), Wait::SendMany(0, 2), Wait::Choose(vec![Guard::Send(0)])] {
            plays(flavour, &[Step::Start(Wait::RecvHeld(0)), Step::Start(wait)]);
        }
    }
}

/// The batch looked whether the first in the line would hold it, and saw a choice that had just been served.
#[test]
fn a_batch_is_held_by_a_receiver_that_stands_behind_a_choice_of_one_channel_twice() {
    let twice = Wait::Choose(vec![Guard::Recv(0), Guard::Recv(0)]);
    let steps = [Step::Start(twice), Step::Start(Wait::RecvHeld(0)), Step::Start(Wait::SendMany(0, 2)), Step::Poll(1)];
    plays(Flavour::Rendezvous, &steps);
}
