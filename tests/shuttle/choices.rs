//! Choices that meet choices.

use super::*;

/// What one choice between sending to the right and receiving from the left did.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Did {
    Sent,
    Received(usize),
}

async fn choose(index: usize, right: Sender<usize>, left: Receiver<usize>) -> (Did, Sender<usize>, Receiver<usize>) {
    let mut choice = Alt::fair();
    let did = alt! { choice;
        result = right.send(index) => {
            result.unwrap();
            Did::Sent
        }
        result = left.recv() => Did::Received(result.unwrap()),
    };
    (did, right, left)
}

fn choose_blocking(index: usize, right: Sender<usize>, left: Receiver<usize>) -> (Did, Sender<usize>, Receiver<usize>) {
    let mut choice = Alt::pri();
    let did = alt_blocking! { choice;
        result = right.send(index) => {
            result.unwrap();
            Did::Sent
        }
        result = left.recv() => Did::Received(result.unwrap()),
    };
    (did, right, left)
}

/// A cycle of an even number of opposing choices: they pair up, whoever comes first. Some are threads, some futures.
fn cycle(members: usize, is_thread: fn(usize) -> bool) {
    let (ends, mut inlets): (Vec<_>, Vec<_>) = (0..members).map(|_| aqueduct::channel()).unzip();
    inlets.rotate_right(1);
    let mut threads = Vec::new();
    let mut futures = Vec::new();
    for (index, (right, left)) in ends.into_iter().zip(inlets).enumerate() {
        if is_thread(index) {
            threads.push((index, thread::spawn(move || choose_blocking(index, right, left))));
        } else {
            futures.push((index, future::spawn(choose(index, right, left))));
        }
    }
    let mut did = vec![Did::Sent; members];
    // The ends live until everybody has chosen.
    let mut kept = Vec::new();
    for (index, thread) in threads {
        let (own, right, left) = thread.join().unwrap();
        did[index] = own;
        kept.push((right, left));
    }
    for (index, handle) in futures {
        let (own, right, left) = future::block_on(handle).unwrap();
        did[index] = own;
        kept.push((right, left));
    }
    for (index, own) in did.iter().enumerate() {
        let next = did[(index + 1) % members];
        match own {
            Did::Sent => assert_eq!(next, Did::Received(index), "{did:?}"),
            Did::Received(from) => assert_eq!((from + 1) % members, index, "{did:?}"),
        }
    }
    assert_eq!(did.iter().filter(|own| **own == Did::Sent).count(), members / 2, "{did:?}");
}

#[test]
fn two_opposing_choices_make_one_communication_on_threads() {
    explore(18000, || cycle(2, |_| true));
}

#[test]
fn two_opposing_choices_make_one_communication_on_futures() {
    explore(18000, || cycle(2, |_| false));
}

#[test]
fn two_opposing_choices_make_one_communication_on_both() {
    explore(18000, || cycle(2, |index| index == 0));
}

#[test]
fn four_opposing_choices_in_a_ring_make_two_on_threads() {
    explore(9000, || cycle(4, |_| true));
}

#[test]
fn four_opposing_choices_in_a_ring_make_two_on_futures() {
    explore(9000, || cycle(4, |_| false));
}

#[test]
fn four_opposing_choices_in_a_ring_make_two_on_both() {
    explore(9000, || cycle(4, |index| index % 2 == 0));
}

/// Both ends of one channel in each of two choices: they meet each other and never themselves.
#[test]
fn choices_that_offer_both_directions_of_one_channel() {
    explore(18000, || {
        let (tx, rx) = aqueduct::channel();
        let threads: Vec<_> = (0..2)
            .map(|index| {
                let (tx, rx) = (tx.clone(), rx.clone());
                thread::spawn(move || choose_blocking(index, tx, rx).0)
            })
            .collect();
        let did = join(threads);
        assert!(did == [Did::Sent, Did::Received(0)] || did == [Did::Received(1), Did::Sent], "{did:?}");
    });
}
