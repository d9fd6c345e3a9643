//! Sends to a channel that has ended: the value comes back.

use std::collections::VecDeque;
use std::pin::pin;
use std::task::Poll;
use std::time::Instant;

use aqueduct::prelude::*;
use aqueduct::{Refused, TryRecvError, WaitError};
use futures::executor::block_on;

use super::{LATE, poll};

/// Two channels that nothing can be sent to, and why.
fn ended() -> [(Sender<String>, Ended); 2] {
    let (retired, rx) = aqueduct::channel();
    drop(rx);
    let (poisoned, rx) = aqueduct::buffered(4);
    rx.poison("bad");
    [retired, poisoned].map(|tx| {
        let why = tx.ended().unwrap();
        (tx, why)
    })
}

fn text() -> String {
    "mine".to_owned()
}

#[test]
fn every_form_gives_the_value_back() {
    for (tx, why) in ended() {
        let deadline = Instant::now() + LATE;
        let wait = WaitError::Ended(why.clone());
        assert_eq!(block_on(tx.send(text())).unwrap_err().into_parts(), (text(), why.clone()));
        assert_eq!(tx.try_send(text()).unwrap_err().into_parts(), (text(), Refused::Ended(why.clone())));
        let waits = [
            block_on(tx.send_timeout(text(), LATE)),
            block_on(tx.send_deadline(text(), deadline)),
            tx.send_blocking(text()),
            tx.send_timeout_blocking(text(), LATE),
            tx.send_deadline_blocking(text(), deadline),
        ];
        for refused in waits {
            assert_eq!(refused.unwrap_err().into_parts(), (text(), wait.clone()));
        }

        let mut slot = Some(text());
        assert_eq!(block_on(tx.send_from(&mut slot)), Err(why.clone()));
        assert_eq!(slot, Some(text()));

        let mut many: VecDeque<String> = (0..3).map(|n| n.to_string()).collect();
        let all = many.clone();
        assert_eq!(block_on(tx.send_many(&mut many)), Err(why.clone()));
        assert_eq!(tx.send_many_blocking(&mut many), Err(wait));
        assert_eq!(tx.try_send_many(&mut many), Err(Refused::Ended(why.clone())));
        assert_eq!(many, all);

        let guarded = aqueduct::alt_blocking! { r = tx.send(text()) => r };
        assert_eq!(guarded.unwrap_err().into_parts(), (text(), why.clone()));
        let slotted = aqueduct::alt_blocking! { r = tx.send_from(&mut slot) => r };
        assert_eq!((slotted, slot), (Err(why.clone()), Some(text())));
        let mut choice = Alt::pri();
        let offered = choice.offer().send(&tx, text(), |r| r.unwrap_err().into_inner()).try_select();
        assert_eq!(offered, Ok(Some(text())));
        assert_eq!(block_on(tx.closed()), why);
    }
}

#[test]
fn an_end_that_comes_while_it_waits_gives_the_value_back() {
    for poison in [true, false] {
        let (tx, rx) = aqueduct::channel::<String>();
        let mut slot = Some(text());
        let mut many = VecDeque::from([text(), text()]);
        {
            let mut plain = pin!(tx.send(text()));
            let mut timed = pin!(tx.send_timeout(text(), LATE));
            let mut slotted = pin!(tx.send_from(&mut slot));
            let mut all = pin!(tx.send_many(&mut many));
            assert!(poll(&mut plain).is_pending());
            assert!(poll(&mut timed).is_pending());
            assert!(poll(&mut slotted).is_pending());
            assert!(poll(&mut all).is_pending());
            if poison {
                rx.poison("bad");
            }
            drop(rx);
            let Poll::Ready(Err(error)) = poll(&mut plain) else { panic!("no error") };
            assert_eq!(error.reason().is_poisoned(), poison);
            assert_eq!(error.into_inner(), text());
            let Poll::Ready(Err(error)) = poll(&mut timed) else { panic!("no error") };
            assert_eq!(error.reason().cause().is_some(), poison);
            assert_eq!(error.into_inner(), text());
            assert!(matches!(poll(&mut slotted), Poll::Ready(Err(_))));
            assert!(matches!(poll(&mut all), Poll::Ready(Err(_))));
        }
        assert_eq!(slot, Some(text()));
        assert_eq!(many, [text(), text()]);
    }
}

#[test]
fn the_side_that_poisoned_is_refused_as_well() {
    let (tx, rx) = aqueduct::channel::<String>();
    tx.poison("bad");
    assert!(tx.try_send(text()).unwrap_err().reason().to_string().contains("bad"));
    assert!(matches!(rx.try_recv(), Err(TryRecvError::Ended(Ended::Poisoned(_)))));
}
