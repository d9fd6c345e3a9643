//! One value, once.

use super::*;
use aqueduct::oneshot;

#[test]
fn the_value_comes_by_every_form() {
    let send = |value| {
        let (tx, rx) = oneshot();
        tx.send(value).unwrap();
        rx
    };
    assert_eq!(send(1).try_recv(), Ok(1));
    assert_eq!(send(2).recv_blocking(), Ok(2));
    assert_eq!(send(3).recv_timeout_blocking(Duration::ZERO), Ok(3));
    assert_eq!(send(4).recv_deadline_blocking(Instant::now()), Ok(4));
    on_runtime(async move {
        assert_eq!(send(5).await, Ok(5));
        assert_eq!(send(6).recv().await, Ok(6));
        assert_eq!(send(7).recv_timeout(LIMIT).await, Ok(7));
        assert_eq!(send(8).recv_deadline(Instant::now()).await, Ok(8));
        let answer = send(9);
        let (_silent_tx, silent) = aqueduct::channel::<u32>();
        let got = alt! {
            n = answer.recv() => n,
            n = silent.recv() => n,
        };
        assert_eq!(got, Ok(9));
    });
}

#[test]
fn after_the_value_the_channel_is_retired() {
    let (tx, rx) = oneshot();
    tx.send(1).unwrap();
    assert_eq!(rx.try_recv(), Ok(1));
    assert_eq!(rx.recv_blocking(), Err(WaitError::Ended(Ended::Retired)));
}

#[test]
fn a_sender_that_goes_retires_and_one_that_fails_poisons() {
    let (tx, rx) = oneshot::<u32>();
    let mut waiting = pin!(rx.into_future());
    assert!(poll(waiting.as_mut()).is_pending());
    drop(tx);
    assert_eq!(poll(waiting), Poll::Ready(Err(Ended::Retired)));

    let (tx, rx) = oneshot::<u32>();
    on_runtime(failing(tx)).unwrap_err();
    let ended = rx.recv_blocking().unwrap_err();
    assert!(ended.is_poisoned() && ended.to_string().contains("out of paper"), "{ended}");

    let (tx, rx) = oneshot::<u32>();
    tx.poison("no");
    assert!(rx.recv_blocking().unwrap_err().is_poisoned());
}

#[test]
fn a_receiver_that_goes_gives_the_value_back() {
    let (tx, rx) = oneshot();
    assert!(!tx.is_ended());
    let mut closed = Box::pin(tx.closed());
    assert!(poll(closed.as_mut()).is_pending());
    drop(rx);
    assert_eq!(poll(closed.as_mut()), Poll::Ready(Ended::Retired));
    drop(closed);
    let error = tx.send("precious").unwrap_err();
    assert_eq!((error.reason().clone(), error.into_inner()), (Ended::Retired, "precious"));
}

#[test]
fn a_dropped_future_of_it_loses_nothing_that_others_could_have() {
    let (tx, rx) = oneshot();
    let mut receive = Box::pin(rx.recv());
    assert!(poll(receive.as_mut()).is_pending());
    tx.send(1).unwrap();
    drop(receive);
    assert_eq!(rx.try_recv(), Ok(1));
}
