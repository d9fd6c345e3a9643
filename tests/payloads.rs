//! Whatever a value is made of: its size, its alignment, its drop that panics. Each is dropped exactly once, and none
//! takes the others with it.

use std::cell::Cell;
use std::collections::VecDeque;
use std::fmt::Debug;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use aqueduct::SendError;
use aqueduct::prelude::*;

fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// The message of a panic, which there must be.
fn panic_of<R>(body: impl FnOnce() -> R) -> String {
    let payload = catch_unwind(AssertUnwindSafe(body)).err().expect("it panics");
    payload.downcast_ref::<&str>().map_or_else(|| "another payload".to_owned(), |text| (*text).to_owned())
}

/// Counts its drops, and may panic in them.
struct Bomb {
    number: u32,
    armed: bool,
    dropped: Arc<Mutex<Vec<u32>>>,
}

impl Drop for Bomb {
    fn drop(&mut self) {
        self.dropped.lock().unwrap().push(self.number);
        if self.armed {
            panic!("dropped");
        }
    }
}

#[derive(Default)]
struct Bombs(Arc<Mutex<Vec<u32>>>);

impl Bombs {
    fn armed(&self, number: u32) -> Bomb {
        Bomb { number, armed: true, dropped: Arc::clone(&self.0) }
    }

    fn dud(&self, number: u32) -> Bomb {
        Bomb { number, armed: false, dropped: Arc::clone(&self.0) }
    }

    fn dropped(&self) -> Vec<u32> {
        let mut numbers = self.0.lock().unwrap().clone();
        numbers.sort_unstable();
        numbers
    }
}

#[test]
fn a_cancelled_send_whose_value_panics_leaves_the_channel_usable() {
    let bombs = Bombs::default();
    let (tx, rx) = aqueduct::channel();
    let mut other = Box::pin(tx.send(bombs.dud(2)));
    let mut waiting = Box::pin(tx.send(bombs.armed(1)));
    assert!(poll_once(waiting.as_mut()).is_pending());
    assert!(poll_once(other.as_mut()).is_pending());
    assert_eq!(panic_of(|| drop(waiting)), "dropped");
    assert_eq!(panic_of(|| drop(tx.send(bombs.armed(3)))), "dropped");
    assert_eq!(rx.try_recv().map(|bomb| bomb.number), Ok(2));
    assert!(matches!(poll_once(other.as_mut()), Poll::Ready(Ok(()))));
    assert_eq!(bombs.dropped(), [1, 2, 3]);
}

#[test]
fn an_unchosen_send_whose_value_panics_takes_nothing_with_it() {
    let bombs = Bombs::default();
    let (tx, rx) = aqueduct::channel();
    let (other_tx, other) = aqueduct::buffered(1);
    other_tx.try_send(5).unwrap();
    let mut choice = Box::pin(async {
        alt! {
            _ = tx.send(bombs.armed(1)) => unreachable!("nobody receives"),
            n = other.recv() => n,
        }
    });
    assert_eq!(panic_of(|| poll_once(choice.as_mut()).is_ready()), "dropped");
    drop(choice);
    other_tx.try_send(6).unwrap();
    assert_eq!(other.try_recv(), Ok(6));
    let mut recv = pin!(rx.recv());
    assert!(poll_once(recv.as_mut()).is_pending());
    assert!(tx.try_send(bombs.dud(2)).is_ok());
    let Poll::Ready(Ok(bomb)) = poll_once(recv) else { panic!("committed") };
    assert_eq!(bomb.number, 2);
    drop(bomb);
    assert_eq!(bombs.dropped(), [1, 2]);
}

#[test]
fn discarded_at_the_last_receiver_one_panic_does_not_keep_the_others() {
    for armed in 0..4 {
        let bombs = Bombs::default();
        let (tx, rx) = aqueduct::buffered(4);
        for number in 0..4 {
            let bomb = if number == armed { bombs.armed(number) } else { bombs.dud(number) };
            assert!(tx.try_send(bomb).is_ok());
        }
        let mut waiting = Box::pin(tx.send(bombs.dud(9)));
        assert!(poll_once(waiting.as_mut()).is_pending());
        assert_eq!(panic_of(|| drop(rx)), "dropped");
        assert_eq!(bombs.dropped(), [0, 1, 2, 3]);
        assert_eq!(tx.undelivered(), 4);
        let Poll::Ready(Err(error)) = poll_once(waiting.as_mut()) else { panic!("the sender has been told") };
        assert_eq!(error.into_inner().number, 9);
        assert_eq!(tx.ended(), Some(Ended::Retired));
    }
}

#[test]
fn a_poison_that_discards_a_value_that_panics_still_poisons() {
    let bombs = Bombs::default();
    let (tx, rx) = aqueduct::buffered(3);
    for bomb in [bombs.dud(1), bombs.armed(2), bombs.dud(3)] {
        assert!(tx.try_send(bomb).is_ok());
    }
    assert_eq!(panic_of(|| tx.poison("a test")), "dropped");
    assert_eq!(bombs.dropped(), [1, 2, 3]);
    assert_eq!(rx.undelivered(), 3);
    assert!(rx.ended().is_some_and(|ended| ended.is_poisoned()));
    assert!(tx.ended().is_some_and(|ended| ended.is_poisoned()));
}

#[test]
fn a_value_that_came_back_too_late_panics_where_it_is_dropped() {
    let bombs = Bombs::default();
    let (tx, rx) = aqueduct::channel();
    let mut recv = Box::pin(rx.recv());
    assert!(poll_once(recv.as_mut()).is_pending());
    assert!(tx.try_send(bombs.armed(1)).is_ok());
    tx.poison("a test");
    assert_eq!(panic_of(|| drop(recv)), "dropped");
    assert_eq!(tx.undelivered(), 1);
    assert_eq!(bombs.dropped(), [1]);
}

/// While the thread unwinds, a second panic that left a drop would abort the process.
#[test]
fn a_hook_that_panics_has_all_the_values_and_panics_once() {
    let handed = Arc::new(AtomicUsize::new(0));
    let open = || {
        let handed = Arc::clone(&handed);
        Channel::buffered(5)
            .on_undelivered(move |_: u32| {
                handed.fetch_add(1, Ordering::SeqCst);
                panic!("the hook");
            })
            .open()
    };
    let fill = |tx: &Sender<u32>| (0..5).for_each(|n| tx.try_send(n).unwrap());

    let (tx, rx) = open();
    fill(&tx);
    assert_eq!(panic_of(|| drop(rx)), "the hook");
    assert_eq!((handed.swap(0, Ordering::SeqCst), tx.undelivered()), (5, 5));

    let (tx, rx) = open();
    fill(&tx);
    assert_eq!(panic_of(|| rx.poison("a test")), "the hook");
    assert_eq!((handed.swap(0, Ordering::SeqCst), tx.undelivered()), (5, 5));
    assert!(rx.ended().is_some_and(|ended| ended.is_poisoned()));

    let (tx, rx) = open();
    fill(&tx);
    let first = panic_of(|| {
        let _rx = rx;
        panic!("the first");
    });
    assert_eq!(first, "the first");
    assert_eq!((handed.load(Ordering::SeqCst), tx.undelivered()), (5, 5));
}

#[test]
fn a_hook_may_use_the_channel_that_calls_it() {
    let tx_in_hook = Arc::new(Mutex::new(None::<Sender<u32>>));
    let hook = Arc::clone(&tx_in_hook);
    let refused = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&refused);
    let (tx, rx) = Channel::buffered(2)
        .on_undelivered(move |n| {
            let tx = hook.lock().unwrap().clone().unwrap();
            assert!(tx.try_send(n).is_err() && tx.is_ended());
            count.fetch_add(1, Ordering::SeqCst);
        })
        .open();
    *tx_in_hook.lock().unwrap() = Some(tx.clone());
    tx.try_send(1).unwrap();
    tx.try_send(2).unwrap();
    drop(rx);
    assert_eq!(refused.load(Ordering::SeqCst), 2);
    tx_in_hook.lock().unwrap().take();
}

#[test]
fn a_value_may_use_its_own_channel_while_it_is_dropped() {
    struct Echo(Option<Sender<Self>>);
    impl Drop for Echo {
        fn drop(&mut self) {
            if let Some(tx) = self.0.take() {
                let _ = tx.try_send(Self(None));
                tx.poison("from a drop");
            }
        }
    }
    let (tx, rx) = aqueduct::buffered(4);
    for _ in 0..3 {
        assert!(tx.try_send(Echo(Some(tx.clone()))).is_ok());
    }
    drop(rx);
    assert_eq!(tx.undelivered(), 3);
    assert_eq!(tx.ended(), Some(Ended::Retired));
}

/// How many of a type are alive, and how many drops there have been.
#[derive(Debug, Default)]
struct Census {
    alive: AtomicUsize,
    drops: AtomicUsize,
}

/// A payload of any shape that is counted.
#[derive(Debug)]
struct Counted<P> {
    #[allow(dead_code, reason = "it is there for its size and alignment")]
    payload: P,
    token: Token,
}

#[derive(Debug)]
struct Token(Arc<Census>);

impl Drop for Token {
    fn drop(&mut self) {
        self.0.alive.fetch_sub(1, Ordering::SeqCst);
        self.0.drops.fetch_add(1, Ordering::SeqCst);
    }
}

impl<P> Counted<P> {
    fn new(census: &Arc<Census>, payload: P) -> Self {
        census.alive.fetch_add(1, Ordering::SeqCst);
        Self { payload, token: Token(Arc::clone(census)) }
    }
}

#[derive(Debug, Clone, PartialEq)]
#[repr(align(64))]
struct Aligned([u8; 3]);

/// Sends values of one shape along every path that a value can take, and counts them.
fn every_path<P: Clone + Debug + PartialEq + Send + 'static>(payload: P) {
    let census = Arc::new(Census::default());
    let made = Cell::new(0);
    let value = || {
        made.set(made.get() + 1);
        Counted::new(&census, payload.clone())
    };
    let check = |got: &Counted<P>| {
        assert_eq!(got.payload, payload);
        assert_eq!(std::ptr::from_ref(&got.payload).addr() % align_of::<P>(), 0);
        assert!(Arc::ptr_eq(&got.token.0, &census));
    };
    for capacity in [0, 1, 2, usize::MAX] {
        let (tx, rx) = Channel::buffered(capacity).open();
        // Handed over to a waiting receiver.
        {
            let mut recv = pin!(rx.recv());
            assert!(poll_once(recv.as_mut()).is_pending());
            assert!(tx.try_send(value()).is_ok());
            let Poll::Ready(Ok(got)) = poll_once(recv) else { panic!("committed") };
            check(&got);
        }
        // Handed over, and put back; taken by a waiting receiver or later.
        {
            let mut recv = Box::pin(rx.recv());
            let mut next = pin!(rx.next());
            assert!(poll_once(recv.as_mut()).is_pending());
            assert!(poll_once(next.as_mut()).is_pending());
            assert!(tx.try_send(value()).is_ok());
            drop(recv);
            let Poll::Ready(Ok(Some(got))) = poll_once(next) else { panic!("passed on") };
            check(&got);
            let mut recv = Box::pin(rx.recv());
            assert!(poll_once(recv.as_mut()).is_pending());
            assert!(tx.try_send(value()).is_ok());
            drop(recv);
            check(&rx.try_recv().unwrap());
        }
        // A sender waits, is served, is cancelled, keeps its value.
        if capacity != usize::MAX {
            (0..capacity).for_each(|_| assert!(tx.try_send(value()).is_ok()));
            let mut slot = Some(value());
            {
                let mut first = pin!(tx.send(value()));
                let mut second = Box::pin(tx.send(value()));
                let mut third = pin!(tx.send_from(&mut slot));
                assert!(poll_once(first.as_mut()).is_pending());
                assert!(poll_once(second.as_mut()).is_pending());
                assert!(poll_once(third.as_mut()).is_pending());
                check(&rx.try_recv().unwrap());
                assert!(matches!(poll_once(first), Poll::Ready(Ok(()))));
                drop(second);
            }
            check(&slot.unwrap());
            check(&tx.try_send(value()).map_or_else(SendError::into_inner, |()| rx.try_recv().unwrap()));
        }
        // Chosen, unchosen, dropped in a choice.
        {
            let mut slot = Some(value());
            let (other_tx, other) = aqueduct::buffered(1);
            other_tx.try_send(()).unwrap();
            let full = tx.is_full();
            let mut choice = Box::pin(async {
                alt! { Alt::pri();
                    _ = other.recv() => {}
                    r = tx.send_from(&mut slot) => r.unwrap(),
                    _ = tx.send(value()) => {}
                }
            });
            assert!(poll_once(choice.as_mut()).is_ready());
            drop(choice);
            check(slot.as_ref().unwrap());
            let mut choice = Box::pin(async {
                alt! { _ = tx.send_from(&mut slot) => {}, _ = other.recv() => {} }
            });
            assert_eq!(poll_once(choice.as_mut()).is_pending(), full);
            drop(choice);
            assert_eq!(slot.is_some(), full);
        }
        // Many at once.
        {
            let mut values: VecDeque<_> = (0..5).map(|_| value()).collect();
            let mut got = Vec::new();
            {
                let mut send = Box::pin(tx.send_many(&mut values));
                while poll_once(send.as_mut()).is_pending() {
                    assert!(rx.try_recv_many(&mut got, 2) > 0);
                    if got.len() > 3 {
                        break;
                    }
                }
            }
            rx.try_recv_many(&mut got, 100);
            got.iter().for_each(check);
            values.iter().for_each(check);
        }
        // Refused, and left in the channel.
        let mut waiting = Box::pin(tx.send(value()));
        let _ = poll_once(waiting.as_mut()).is_ready();
        let _ = tx.try_send(value());
        drop(rx);
        drop(waiting);
        check(&tx.try_send(value()).unwrap_err().into_inner());
        drop(tx);
        assert_eq!(census.alive.load(Ordering::SeqCst), 0);
        assert_eq!(census.drops.load(Ordering::SeqCst), made.get());
    }
    // On a thread.
    let (tx, rx) = aqueduct::channel();
    let receiver = std::thread::spawn(move || rx.iter().map(Result::unwrap).collect::<Vec<_>>());
    for _ in 0..10 {
        tx.send_blocking(value()).unwrap();
    }
    drop(tx);
    let got = receiver.join().unwrap();
    assert_eq!(got.len(), 10);
    got.iter().for_each(check);
    drop(got);
    assert_eq!((census.alive.load(Ordering::SeqCst), census.drops.load(Ordering::SeqCst)), (0, made.get()));
}

#[test]
fn every_shape_is_dropped_once_on_every_path() {
    every_path(());
    every_path(7_u8);
    every_path([0x5a_u8; 4096]);
    every_path(Aligned([1, 2, 3]));
    every_path(Cell::new(3_u64));
    every_path(Some("text".to_owned()));
    every_path((1_u8, Aligned([4, 5, 6]), 9_u128));
}

/// Truly without size: it is not wrapped, so only the count of receives tells.
#[test]
fn values_without_a_size_are_counted() {
    for capacity in [0, 1, usize::MAX] {
        let (tx, rx) = aqueduct::buffered(capacity);
        let mut got = 0;
        for _ in 0..100 {
            let mut recv = Box::pin(rx.recv());
            if poll_once(recv.as_mut()).is_ready() {
                got += 1;
            }
            drop(recv);
            while tx.try_send(()).is_ok() && tx.len() < 3 {}
            got += rx.try_iter().count();
        }
        let mut send = Box::pin(tx.send(()));
        let waits = poll_once(send.as_mut()).is_pending();
        assert_eq!(waits, capacity == 0);
        got += rx.try_iter().count();
        assert_eq!(tx.undelivered(), 0);
        match capacity {
            0 => assert_eq!(got, 1),
            1 => assert_eq!(got, 101),
            _ => assert_eq!(got, 301),
        }
    }
}

/// The error of a send is `Sync` whatever its value is, so `?` takes it.
#[test]
fn errors_of_values_that_are_not_sync_go_through_the_question_mark() {
    #[process]
    async fn produce(tx: Sender<Cell<u8>>) -> Outcome {
        tx.send(Cell::new(1)).await?;
        tx.send_timeout(Cell::new(2), Duration::from_secs(60)).await?;
        tx.try_send(Cell::new(3))?;
        let mut slot = Some(Cell::new(4));
        tx.send_from(&mut slot).await?;
        Ok(())
    }
    #[process]
    fn produce_blocking(tx: Sender<Cell<u8>>) -> Outcome {
        tx.send_blocking(Cell::new(1))?;
        Ok(())
    }
    let (tx, rx) = aqueduct::channel();
    drop(rx);
    aqueduct::run(produce(tx.clone())).unwrap();
    aqueduct::run(produce_blocking(tx)).unwrap();
    let (tx, rx) = aqueduct::channel();
    rx.poison("a test");
    let error = aqueduct::run(produce(tx)).unwrap_err();
    assert!(error.to_string().contains("a test"), "{error}");
}

/// An end that travels over a channel of its own type.
#[derive(Debug)]
struct Carrier {
    depth: u32,
    rx: Option<Receiver<Self>>,
    tx: Option<Sender<Self>>,
    #[allow(dead_code, reason = "it counts")]
    census: Token,
}

fn carrier(census: &Arc<Census>, depth: u32) -> Carrier {
    census.alive.fetch_add(1, Ordering::SeqCst);
    Carrier { depth, rx: None, tx: None, census: Token(Arc::clone(census)) }
}

#[test]
fn ends_travel_over_channels_of_their_own_type() {
    let census = Arc::new(Census::default());
    let (tx, rx) = aqueduct::channel();
    let (inner_tx, inner_rx) = aqueduct::buffered(1);
    assert!(inner_tx.try_send(carrier(&census, 2)).is_ok());
    let mut recv = pin!(rx.recv());
    assert!(poll_once(recv.as_mut()).is_pending());
    let outer = Carrier { rx: Some(inner_rx), tx: Some(inner_tx), ..carrier(&census, 1) };
    assert!(tx.try_send(outer).is_ok());
    let Poll::Ready(Ok(mut outer)) = poll_once(recv) else { panic!("committed") };
    let inner = outer.rx.take().unwrap().try_recv().unwrap();
    assert_eq!((outer.depth, inner.depth), (1, 2));
    assert_eq!(outer.tx.take().unwrap().ended(), Some(Ended::Retired));
    drop((outer, inner));
    assert_eq!(census.alive.load(Ordering::SeqCst), 0);
}

/// A chain of channels, each with the receiver of the next in its buffer, goes with the first one.
#[test]
fn a_chain_of_channels_is_dropped_from_its_head() {
    let census = Arc::new(Census::default());
    let (mut tx, head) = aqueduct::buffered(1);
    let mut senders = Vec::new();
    for depth in 0..200 {
        let (next_tx, next_rx) = aqueduct::buffered(1);
        let link = Carrier { rx: Some(next_rx), ..carrier(&census, depth) };
        assert!(tx.try_send(link).is_ok());
        senders.push(std::mem::replace(&mut tx, next_tx));
    }
    drop(head);
    assert_eq!(census.alive.load(Ordering::SeqCst), 0);
    assert!(senders.iter().all(|tx| tx.undelivered() == 1 && tx.ended() == Some(Ended::Retired)));
    assert_eq!(tx.ended(), Some(Ended::Retired));
}

#[test]
fn a_channel_that_carries_its_own_sender_goes_with_its_receiver() {
    let census = Arc::new(Census::default());
    let (tx, rx) = aqueduct::unbounded();
    for depth in 0..3 {
        let own = Carrier { tx: Some(tx.clone()), ..carrier(&census, depth) };
        assert!(tx.try_send(own).is_ok());
    }
    drop(tx);
    assert_eq!(rx.ended(), None, "a sender is still on its way");
    let own = rx.try_recv().unwrap();
    assert_eq!(own.depth, 0);
    drop((rx, own));
    assert_eq!(census.alive.load(Ordering::SeqCst), 0);
}

#[test]
fn a_channel_that_carries_its_own_receiver_is_taken_out_or_poisoned() {
    let census = Arc::new(Census::default());
    // Taken out by another receiver.
    let (tx, rx) = aqueduct::buffered(1);
    let own = Carrier { rx: Some(rx.clone()), ..carrier(&census, 0) };
    assert!(tx.try_send(own).is_ok());
    let own = rx.try_recv().unwrap();
    drop(rx);
    assert_eq!(tx.ended(), None, "the one that travelled is the last receiver");
    drop(own);
    assert_eq!(tx.ended(), Some(Ended::Retired));
    assert_eq!(census.alive.load(Ordering::SeqCst), 0);
    // The last receiver is in the channel, where nobody can take it out: a poison breaks the circle.
    let (tx, rx) = aqueduct::buffered(1);
    let own = Carrier { rx: Some(rx), ..carrier(&census, 1) };
    assert!(tx.try_send(own).is_ok());
    tx.poison("a test");
    assert_eq!(census.alive.load(Ordering::SeqCst), 0);
    assert_eq!(tx.undelivered(), 1);
    // The same over a rendezvous: it is never inside, so its send can be dropped.
    let (tx, rx) = aqueduct::channel();
    let own = Carrier { rx: Some(rx), ..carrier(&census, 2) };
    {
        let mut send = pin!(tx.send(own));
        assert!(poll_once(send.as_mut()).is_pending());
    }
    assert_eq!(tx.ended(), Some(Ended::Retired));
    assert_eq!(census.alive.load(Ordering::SeqCst), 0);
}

/// The end of a stream goes after its wait, so a value that is on its way has a channel to go back to.
#[test]
fn a_value_that_comes_back_while_its_channel_goes_is_dropped_once() {
    let census = Arc::new(Census::default());
    let (tx, rx) = aqueduct::channel();
    let mut stream = Box::pin(rx.into_stream());
    let mut cx = Context::from_waker(Waker::noop());
    assert!(futures::Stream::poll_next(stream.as_mut(), &mut cx).is_pending());
    assert!(tx.try_send(carrier(&census, 0)).is_ok());
    drop(tx);
    assert_eq!(census.drops.load(Ordering::SeqCst), 0);
    drop(stream);
    assert_eq!(census.drops.load(Ordering::SeqCst), 1);
}
