//! Many senders and receivers at once, on threads, on tasks and on both.

use super::*;

fn check(mut all: Vec<(usize, usize)>, senders: usize, each: usize) {
    all.sort_unstable();
    let expected: Vec<_> = (0..senders).flat_map(|sender| (0..each).map(move |n| (sender, n))).collect();
    assert!(all == expected, "every value exactly once");
}

/// What one receiver gets of one sender comes in the order in which it was sent.
fn in_order(received: &[(usize, usize)], senders: usize) {
    let mut last = vec![None; senders];
    for &(sender, n) in received {
        assert!(last[sender] < Some(n), "sender {sender}: {n} after {:?}", last[sender]);
        last[sender] = Some(n);
    }
}

fn send_thread(tx: Sender<(usize, usize)>, sender: usize, each: usize) {
    for n in 0..each {
        tx.send_blocking((sender, n)).unwrap();
    }
}

async fn send_task(tx: Sender<(usize, usize)>, sender: usize, each: usize) {
    for n in 0..each {
        tx.send((sender, n)).await.unwrap();
    }
}

fn recv_thread(rx: Receiver<(usize, usize)>) -> Vec<(usize, usize)> {
    rx.into_iter().map(Result::unwrap).collect()
}

async fn recv_task(rx: Receiver<(usize, usize)>) -> Vec<(usize, usize)> {
    let mut all = Vec::new();
    while let Some(value) = rx.next().await.unwrap() {
        all.push(value);
    }
    all
}

/// `threads` says of each of four senders and of each of three receivers whether it is a thread.
fn crowd(capacity: usize, threads: fn(usize) -> bool) {
    const SENDERS: usize = 4;
    let each = rounds(if capacity == 0 { 400 } else { 1000 });
    on_runtime(async move {
        let (tx, rx) = open(capacity);
        let mut sending = Vec::new();
        let mut receiving = Vec::new();
        for sender in 0..SENDERS {
            let tx = tx.clone();
            sending.push(if threads(sender) {
                tokio::task::spawn_blocking(move || send_thread(tx, sender, each))
            } else {
                tokio::spawn(send_task(tx, sender, each))
            });
        }
        for receiver in 0..3 {
            let rx = rx.clone();
            receiving.push(if threads(receiver) {
                tokio::task::spawn_blocking(move || recv_thread(rx))
            } else {
                tokio::spawn(recv_task(rx))
            });
        }
        drop(tx);
        let mut all = Vec::new();
        for handle in receiving {
            let received = handle.await.unwrap();
            in_order(&received, SENDERS);
            all.extend(received);
        }
        for handle in sending {
            handle.await.unwrap();
        }
        assert_eq!(rx.undelivered(), 0);
        check(all, SENDERS, each);
    });
}

#[test]
fn on_threads_nothing_is_lost_doubled_or_out_of_order() {
    for capacity in FLAVOURS {
        crowd(capacity, |_| true);
    }
}

#[test]
fn on_tasks_nothing_is_lost_doubled_or_out_of_order() {
    for capacity in FLAVOURS {
        crowd(capacity, |_| false);
    }
}

#[test]
fn on_both_nothing_is_lost_doubled_or_out_of_order() {
    for capacity in FLAVOURS {
        crowd(capacity, |index| index % 2 == 0);
    }
}

/// One receiver sees everything, so the order of each sender is whole.
#[test]
fn one_sender_to_one_receiver_is_first_in_first_out() {
    for capacity in FLAVOURS {
        let count = rounds(1000);
        within(LIMIT, move || {
            let (tx, rx) = open(capacity);
            let sender = std::thread::spawn(move || send_thread(tx, 0, count));
            let received = recv_thread(rx);
            assert_eq!(received, (0..count).map(|n| (0, n)).collect::<Vec<_>>());
            sender.join().unwrap();
        });
    }
}
