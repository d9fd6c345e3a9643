//! Poison and retire against traffic.

use super::*;

/// Every value is received, or its sender has it back, or it is undelivered and handed over: once.
fn poison_against_traffic(capacity: usize) {
    let lost = Arc::new(Mutex::new(Vec::new()));
    let hook = lost.clone();
    let (tx, rx) = Channel::buffered(capacity).on_undelivered(move |n: u32| hook.lock().unwrap().push(n)).open();
    let senders: Vec<_> = (0..2)
        .map(|sender| {
            let tx = tx.clone();
            thread::spawn(move || {
                let mut back = Vec::new();
                let mut ended = None;
                for n in 0..2 {
                    if let Err(error) = tx.send_blocking(10 * sender + n) {
                        let (value, reason) = error.into_parts();
                        back.push(value);
                        ended = Some(reason);
                    }
                }
                (back, ended)
            })
        })
        .collect();
    let poisoner = thread::spawn(move || {
        tx.poison("first or second");
        tx
    });
    let receiver = thread::spawn(move || {
        let mut got = Vec::new();
        loop {
            match rx.recv_blocking() {
                Ok(n) => got.push(n),
                Err(ended) => return (got, ended, rx),
            }
        }
    });
    let mut all = Vec::new();
    let mut endings = Vec::new();
    for (back, ended) in join(senders) {
        all.extend(back);
        endings.extend(ended);
    }
    let (got, ended, rx) = receiver.join().unwrap();
    let tx = poisoner.join().unwrap();
    all.extend(got);
    let lost = lost.lock().unwrap();
    assert_eq!(tx.undelivered(), lost.len() as u64);
    assert_eq!(rx.len(), 0);
    all.extend(lost.iter());
    assert_eq!(sorted(all), [0, 1, 10, 11]);
    assert!(ended.cause().is_some(), "the receiver never sees a retire: {ended:?}");
    assert!(endings.iter().all(|other| *other == ended), "one cause for all");
}

#[test]
fn poison_races_with_traffic() {
    explore(12000, || poison_against_traffic(0));
}

#[test]
fn poison_races_with_traffic_through_a_buffer() {
    explore(6000, || poison_against_traffic(1));
}

#[test]
fn of_two_poisons_everybody_sees_the_same() {
    explore(12000, || {
        let (tx, rx) = aqueduct::channel::<u32>();
        let poisoners =
            [(tx.clone(), "one"), (tx.clone(), "other")].map(|(tx, text)| thread::spawn(move || tx.poison(text)));
        let waiting = [
            thread::spawn({
                let rx = rx.clone();
                move || rx.recv_blocking().unwrap_err()
            }),
            thread::spawn(move || WaitError::from(future::block_on(tx.closed()))),
            thread::spawn(move || {
                let mut choice = Alt::pri();
                alt_blocking! { choice; r = rx.recv() => WaitError::from(r.unwrap_err()) }
            }),
        ];
        let seen: Vec<_> = waiting.into_iter().map(|thread| thread.join().unwrap()).collect();
        join(poisoners);
        assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{seen:?}");
        assert!(seen[0].cause().is_some());
    });
}

/// A retire by the last end of either side, against those who join through weak references and those who wait.
#[test]
fn retire_races_with_joining_and_waiting() {
    explore(12000, || {
        let (tx, rx) = aqueduct::channel::<u32>();
        let weak = tx.downgrade();
        let watched = tx.clone();
        let joins = thread::spawn(move || match weak.upgrade() {
            Some(tx) => tx.send_blocking(7).is_ok(),
            None => false,
        });
        let closes = thread::spawn(move || drop(tx));
        let receives = thread::spawn(move || {
            let mut got = 0;
            while let Some(n) = rx.next_blocking().unwrap() {
                got += n;
            }
            got
        });
        drop(watched);
        let joined = joins.join().unwrap();
        closes.join().unwrap();
        assert_eq!(receives.join().unwrap(), if joined { 7 } else { 0 });

        let (tx, rx) = aqueduct::channel::<u32>();
        let other = tx.clone();
        let watches = future::spawn(async move { tx.closed().await });
        let sends = thread::spawn(move || other.send_blocking(1).is_ok());
        let leaves = thread::spawn(move || rx.try_recv().is_ok());
        assert_eq!(future::block_on(watches).unwrap(), Ended::Retired);
        assert_eq!(sends.join().unwrap(), leaves.join().unwrap());
    });
}
