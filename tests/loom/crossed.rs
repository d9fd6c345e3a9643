//! Choices against choices.

use aqueduct::{Alt, alt_blocking, channel};
use loom::thread::spawn;

use crate::{explore, two};

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Did {
    Sent,
    Received(u32),
}
use Did::{Received, Sent};

#[test]
fn a_choice_that_sends_meets_a_choice_that_receives() {
    let seen = explore(|| {
        let [(a_tx, a), (b_tx, b)] = two(channel);
        let sender = spawn({
            let b = b.clone();
            move || {
                let mut choice = Alt::fair();
                alt_blocking! { choice;
                    r = a_tx.send(1) => { r.unwrap(); Sent }
                    r = b.recv() => Received(r.unwrap()),
                }
            }
        });
        let mut choice = Alt::fair();
        let here = alt_blocking! { choice;
            r = b.recv() => Received(r.unwrap()),
            r = a.recv() => Received(r.unwrap()),
        };
        let there = sender.join().unwrap();
        assert!(b_tx.try_send(2).is_err(), "both choices have left the channel");
        (here, there)
    });
    assert_eq!(seen, [(Received(1), Sent)].into());
}

#[test]
fn a_choice_of_both_directions_of_one_channel_meets_its_mirror_image_and_not_itself() {
    let seen = explore(|| {
        let (tx, rx) = channel();
        let other = spawn({
            let (tx, rx) = (tx.clone(), rx.clone());
            move || {
                let mut choice = Alt::fair();
                alt_blocking! { choice;
                    r = rx.recv() => Received(r.unwrap()),
                    r = tx.send(2) => { r.unwrap(); Sent }
                }
            }
        });
        let mut choice = Alt::fair();
        let here = alt_blocking! { choice;
            r = tx.send(1) => { r.unwrap(); Sent }
            r = rx.recv() => Received(r.unwrap()),
        };
        (here, other.join().unwrap())
    });
    assert_eq!(seen, [(Sent, Received(1)), (Received(2), Sent)].into());
}

#[test]
fn two_choices_crossed_over_two_channels_agree_on_one() {
    let seen = explore(|| {
        let [(x_tx, x), (y_tx, y)] = two(channel);
        let other = spawn(move || {
            let mut choice = Alt::fair();
            // The other order, so that locks taken in textual order would cross.
            alt_blocking! { choice;
                r = y.recv() => Received(r.unwrap()),
                r = x_tx.send(1) => { r.unwrap(); Sent }
            }
        });
        let mut choice = Alt::fair();
        let here = alt_blocking! { choice;
            r = x.recv() => Received(r.unwrap()),
            r = y_tx.send(2) => { r.unwrap(); Sent }
        };
        (here, other.join().unwrap())
    });
    assert_eq!(seen, [(Sent, Received(2)), (Received(1), Sent)].into());
}

#[test]
fn two_strict_offers_crossed_over_two_channels_agree_on_one() {
    let seen = explore(|| {
        let [(x_tx, x), (y_tx, y)] = two(channel);
        let other = spawn(move || {
            let mut choice = Alt::pri();
            let offer = choice.offer().recv(&y, |r| Received(r.unwrap()));
            offer
                .send(&x_tx, 1, |r| {
                    r.unwrap();
                    Sent
                })
                .select_blocking()
                .unwrap()
                .unwrap()
        });
        let mut choice = Alt::pri();
        let offer = choice.offer().recv(&x, |r| Received(r.unwrap()));
        let here = offer
            .send(&y_tx, 2, |r| {
                r.unwrap();
                Sent
            })
            .select_blocking()
            .unwrap()
            .unwrap();
        (here, other.join().unwrap())
    });
    assert_eq!(seen, [(Sent, Received(2)), (Received(1), Sent)].into());
}

#[test]
fn two_choices_that_want_the_same_two_values_get_one_each() {
    let seen = explore(|| {
        let [(x_tx, x), (y_tx, y)] = two(channel);
        let other = spawn({
            let (x, y) = (x.clone(), y.clone());
            move || {
                let mut choice = Alt::fair();
                alt_blocking! { choice;
                    r = x.recv() => r.unwrap(),
                    r = y.recv() => r.unwrap(),
                }
            }
        });
        let sender = spawn(move || {
            x_tx.send_blocking(1).unwrap();
            y_tx.send_blocking(2).unwrap();
            (x_tx, y_tx)
        });
        let mut choice = Alt::fair();
        let here = alt_blocking! { choice;
            r = y.recv() => r.unwrap(),
            r = x.recv() => r.unwrap(),
        };
        let _open = sender.join().unwrap();
        (here, other.join().unwrap())
    });
    assert_eq!(seen, [(1, 2), (2, 1)].into());
}
