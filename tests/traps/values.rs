//! Where values are: T8, T22.

use std::cell::Cell;
use std::pin::pin;
use std::task::Poll;

use aqueduct::prelude::*;

use super::{modes, poll};

// T8

#[test]
fn t08_a_receive_cancelled_after_the_commit_gives_its_value_back_at_its_place() {
    for capacity in [0, 2] {
        let (tx, rx) = aqueduct::buffered(capacity);
        let mut other = pin!(tx.send(3));
        {
            let mut first = pin!(rx.recv());
            let mut second = Box::pin(rx.recv());
            assert!(poll(&mut first).is_pending());
            assert!(poll(&mut second.as_mut()).is_pending());
            tx.try_send(1).unwrap();
            tx.try_send(2).unwrap();
            let _ = poll(&mut other);
            // Dropped in the wrong order, and neither has been polled since.
            drop(second);
        }
        assert_eq!(rx.try_recv(), Ok(1));
        assert_eq!(rx.try_recv(), Ok(2));
        assert_eq!(rx.try_recv(), Ok(3));
    }
}

#[test]
fn t08_a_choice_cancelled_after_the_commit_gives_its_value_back() {
    let (a_tx, a) = aqueduct::channel();
    let (_b_tx, b) = aqueduct::channel::<u32>();
    {
        let mut choice = pin!(async {
            aqueduct::alt! { r = a.recv() => r, r = b.recv() => r }
        });
        assert!(poll(&mut choice).is_pending());
        a_tx.try_send(1).unwrap();
    }
    assert_eq!(a.try_recv(), Ok(1));
    assert!(b.try_recv().is_err());
}

#[test]
fn t08_a_value_that_comes_back_goes_to_a_receiver_that_waits() {
    let (tx, rx) = aqueduct::channel();
    let mut first = Box::pin(rx.recv());
    let mut second = pin!(rx.recv());
    assert!(poll(&mut first.as_mut()).is_pending());
    assert!(poll(&mut second).is_pending());
    tx.try_send(1).unwrap();
    drop(first);
    assert_eq!(poll(&mut second), Poll::Ready(Ok(1)));
}

#[test]
fn t08_a_send_cancelled_after_the_commit_is_delivered_once() {
    let (tx, rx) = aqueduct::channel();
    let mut slot = Some(1);
    {
        let mut send = pin!(tx.send_from(&mut slot));
        assert!(poll(&mut send).is_pending());
        assert_eq!(rx.try_recv(), Ok(1));
    }
    assert_eq!(slot, None);
    {
        slot = Some(2);
        let mut send = pin!(tx.send_from(&mut slot));
        assert!(poll(&mut send).is_pending());
    }
    assert_eq!(slot, Some(2), "withdrawn before anybody took it");
    assert!(rx.try_recv().is_err());
}

// T22

#[test]
fn t22_value_expressions_are_evaluated_once_for_each_choice() {
    for mut choice in modes() {
        let (tx, rx) = aqueduct::channel::<u32>();
        let (ended_tx, ended) = aqueduct::channel::<u32>();
        let evaluated = [const { Cell::new(0) }; 3];
        let count = |index: usize| evaluated[index].set(evaluated[index].get() + 1);
        {
            let mut waiting = pin!(async {
                aqueduct::alt! { choice;
                    s = { count(0); &tx }.send({ count(1); 5 }) => s.unwrap(),
                    Ok(_) = { count(2); &ended }.recv() => unreachable!(),
                    // Looked at again at every poll.
                    () = std::future::pending::<()>() => unreachable!(),
                }
            });
            for _ in 0..5 {
                assert!(poll(&mut waiting).is_pending());
            }
            // The arm switches off, and the choice goes on with the others.
            drop(ended_tx);
            assert!(poll(&mut waiting).is_pending());
            assert_eq!(rx.try_recv(), Ok(5));
            assert!(poll(&mut waiting).is_ready());
        }
        assert_eq!(evaluated.map(Cell::into_inner), [1, 1, 1]);
    }
}

#[test]
fn t22_a_guard_with_a_false_pre_condition_is_not_evaluated() {
    for mut choice in modes() {
        let (tx, rx) = aqueduct::buffered(1);
        let nobody: Option<Receiver<u32>> = None;
        let said = aqueduct::alt_blocking! { choice;
            _ = nobody.as_ref().expect("not evaluated").recv(), if nobody.is_some() => "nobody",
            s = tx.send(1) => { s.unwrap(); "sent" }
        };
        assert_eq!(said, "sent");
        assert_eq!(rx.try_recv(), Ok(1));
        let said = aqueduct::alt_blocking! { choice;
            _ = tx.send(panic!("not evaluated")), if false => "sent",
            default => "default",
        };
        assert_eq!(said, "default");
    }
}

#[test]
fn t22_an_unchosen_value_is_handed_back() {
    let (tx, rx) = aqueduct::channel::<String>();
    let (news_tx, news) = aqueduct::buffered(1);
    let mut slot = Some("kept".to_owned());

    // Nobody is ready.
    aqueduct::alt_blocking! { r = tx.send_from(&mut slot) => r.unwrap(), default => {} }
    assert_eq!(slot.as_deref(), Some("kept"));

    // Another guard is.
    news_tx.try_send(1).unwrap();
    aqueduct::alt_blocking! { r = tx.send_from(&mut slot) => r.unwrap(), _ = news.recv() => {} }
    assert_eq!(slot.as_deref(), Some("kept"));

    // Another guard becomes ready while it waits.
    {
        let mut waiting = pin!(async {
            aqueduct::alt! { r = tx.send_from(&mut slot) => { r.unwrap(); true } _ = news.recv() => false }
        });
        assert!(poll(&mut waiting).is_pending());
        news_tx.try_send(2).unwrap();
        assert_eq!(poll(&mut waiting), Poll::Ready(false));
    }
    assert_eq!(slot.as_deref(), Some("kept"));

    // The choice is dropped.
    {
        let mut waiting = pin!(async {
            aqueduct::alt! { r = tx.send_from(&mut slot) => r.unwrap(), _ = news.recv() => {} }
        });
        assert!(poll(&mut waiting).is_pending());
    }
    assert_eq!(slot.as_deref(), Some("kept"));

    // The arm sees the slot again, and may use it.
    news_tx.try_send(3).unwrap();
    let mut choice = Alt::pri();
    aqueduct::alt_blocking! { choice;
        r = tx.send_from(&mut slot) => r.unwrap(),
        _ = news.recv() => slot.as_mut().unwrap().push_str(" and changed"),
    }
    assert_eq!(slot.as_deref(), Some("kept and changed"));

    // The channel has ended.
    drop(rx);
    let ended = aqueduct::alt_blocking! { r = tx.send_from(&mut slot) => r, _ = news.recv() => unreachable!() };
    assert_eq!(ended, Err(Ended::Retired));
    assert_eq!(slot.as_deref(), Some("kept and changed"));
}

#[test]
fn t22_a_chosen_value_leaves_its_slot_and_an_empty_slot_is_no_guard() {
    for mut choice in modes() {
        let (tx, rx) = aqueduct::buffered(3);
        let mut slot = Some(1);
        let mut rounds = 0;
        loop {
            let more = aqueduct::alt_blocking! { choice;
                r = tx.send_from(&mut slot), if true => { r.unwrap(); true }
                complete => false,
            };
            if !more {
                break;
            }
            rounds += 1;
        }
        assert_eq!((rounds, slot), (1, None));
        assert_eq!(rx.try_iter().collect::<Vec<_>>(), [1]);
    }
}

#[test]
fn t22_every_losing_future_is_dropped_before_the_arm_runs() {
    struct Watched<'a>(&'a Cell<bool>);
    impl Drop for Watched<'_> {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }
    impl Future for Watched<'_> {
        type Output = ();
        fn poll(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> Poll<()> {
            Poll::Pending
        }
    }
    let dropped = Cell::new(false);
    let (tx, rx) = aqueduct::buffered(1);
    tx.try_send(1).unwrap();
    aqueduct::alt_blocking! {
        () = Watched(&dropped) => unreachable!(),
        _ = rx.recv() => assert!(dropped.get()),
    }
}
