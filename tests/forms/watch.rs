//! One state, seen by many.

use super::*;
use aqueduct::watch;

#[test]
fn a_reader_sees_the_state_of_now_and_every_last_one() {
    let (tx, rx) = watch(0);
    assert_eq!((*rx.get(), rx.has_changed()), (0, false));
    assert!(poll(pin!(rx.changed())).is_pending(), "what is there at the beginning counts as seen");
    for n in 1..=3 {
        tx.send(n).unwrap();
    }
    assert!(rx.has_changed());
    assert_eq!(poll(pin!(rx.changed())), Poll::Ready(Ok(())));
    assert_eq!(*rx.get(), 3);
    assert!(poll(pin!(rx.changed())).is_pending(), "three replacements are told once");
}

#[test]
fn each_reader_is_told_for_itself() {
    let (tx, rx) = watch("a");
    let other = rx.clone();
    let third = tx.subscribe();
    tx.send("b").unwrap();
    for reader in [&rx, &other, &third] {
        assert_eq!(poll(pin!(reader.changed())), Poll::Ready(Ok(())));
        assert_eq!(*reader.get(), "b");
    }
    assert!(!other.clone().has_changed(), "a new reader has seen what is there");
}

#[test]
fn it_ends_when_the_last_writer_goes_after_the_last_state_was_told() {
    let (tx, rx) = watch(0);
    let second = tx.clone();
    drop(tx);
    second.send(1).unwrap();
    drop(second);
    assert!(!rx.is_ended());
    assert_eq!(poll(pin!(rx.next())).map(|next| next.unwrap().as_deref().copied()), Poll::Ready(Some(1)));
    assert!(rx.is_ended());
    assert!(matches!(poll(pin!(rx.next())), Poll::Ready(Ok(None))));
    assert_eq!(*rx.get(), 1, "the last state stays");
    assert!(rx.clone().is_ended(), "a reader that comes late sees the end, too");
}

#[test]
fn a_writer_that_fails_poisons_every_reader_those_that_come_late_too() {
    let (tx, rx) = watch(0);
    let other_writer = tx.clone();
    let other = rx.clone();
    on_runtime(failing(tx)).unwrap_err();
    for reader in [rx.clone(), rx, other] {
        assert!(reader.changed_blocking().unwrap_err().to_string().contains("out of paper"));
    }
    let error = other_writer.send(1).unwrap_err();
    assert!(error.reason().is_poisoned(), "the other writers learn it, too");

    let (tx, rx) = watch(0);
    tx.poison("broken");
    assert!(rx.changed_blocking().unwrap_err().to_string().contains("broken"));
}

#[test]
fn without_readers_a_state_comes_back_or_is_kept_as_one_likes() {
    let (tx, rx) = watch(0);
    drop(rx);
    assert_eq!(tx.send(1).unwrap_err().into_inner(), 1);
    assert_eq!(*tx.get(), 0);
    assert_eq!(*tx.replace(2), 0);
    let late = tx.subscribe();
    assert_eq!(*late.get(), 2);
    tx.send(3).unwrap();
    assert_eq!(*late.get(), 3);
}

#[test]
fn the_limits_and_the_blocking_forms() {
    let (tx, rx) = watch(0);
    assert!(rx.changed_timeout_blocking(Duration::from_millis(2)).unwrap_err().is_timeout());
    assert!(rx.changed_deadline_blocking(Instant::now()).unwrap_err().is_timeout());
    tx.send(1).unwrap();
    rx.changed_blocking().unwrap();
    on_runtime(async move {
        assert!(rx.changed_timeout(Duration::from_millis(2)).await.unwrap_err().is_timeout());
        assert!(rx.changed_deadline(Instant::now()).await.unwrap_err().is_timeout());
        let waiting = rx.clone();
        let wanted = task("wanted", async move { Ok(*waiting.wait_for(|n| *n >= 5).await?) }).spawn();
        for n in 2..=5 {
            tx.send(n).unwrap();
            tokio::task::yield_now().await;
        }
        assert_eq!(wanted.await.unwrap(), 5);
        drop(tx);
        assert_eq!(rx.wait_for(|n| *n > 5).await, Err(Ended::Retired));
    });
}

#[test]
fn readers_that_come_and_go_leave_nothing_behind() {
    let state = Arc::new(());
    let (tx, rx) = watch(Arc::clone(&state));
    for _ in 0..1000 {
        drop(tx.subscribe());
        tx.send(Arc::clone(&state)).unwrap();
    }
    assert_eq!(Arc::strong_count(&state), 2, "only the state of now is kept");
    drop((tx, rx));
    assert_eq!(Arc::strong_count(&state), 1);
}

#[test]
fn readers_that_come_and_go_without_news_leave_nothing_behind_either() {
    // As the readers of a shutdown flag, one a connection.
    let (tx, rx) = watch(0);
    let (news, _reader) = aqueduct::broadcast::<u32>(1);
    for _ in 0..10_000 {
        drop(rx.clone());
        drop(news.subscribe());
    }
    let number = |shown: String, field: &str| -> u32 {
        let digits = shown.split_once(field).unwrap().1.chars().skip(2).take_while(char::is_ascii_digit);
        digits.collect::<String>().parse().unwrap()
    };
    assert!(number(format!("{tx:?}"), "readers") < 10, "{tx:?}");
    assert!(number(format!("{news:?}"), "outlets") < 10, "{news:?}");
}

#[test]
fn under_load_every_reader_ends_with_the_last_state() {
    let total = rounds(5000) as u64;
    let (tx, rx) = watch((0_u64, 0_u64));
    let last = within(LIMIT, move || {
        let readers: Vec<_> = (0..3)
            .map(|_| {
                let reader = rx.clone();
                std::thread::spawn(move || {
                    let mut last = (0, 0);
                    while reader.changed_blocking().is_ok() {
                        let seen = *reader.get();
                        assert!(seen.0 >= last.0 && seen.1 == 2 * seen.0, "{last:?} then {seen:?}");
                        last = seen;
                    }
                    last
                })
            })
            .collect();
        drop(rx);
        for n in 1..=total {
            tx.send((n, 2 * n)).unwrap();
        }
        drop(tx);
        readers.into_iter().map(|reader| reader.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(last, [(total, 2 * total); 3]);
}
