//! Input without an end and a slow consumer: what is read ahead is bounded by the budget, and so is memory.

use std::{
    fs,
    pin::pin,
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    thread,
    time::Duration,
};

use aqueduct::cluster::with;
use futures::future::{Either, select};
use serde::{Deserialize, Serialize};

use crate::support::{Place, Room, on};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Block(#[serde(with = "serde_block")] Vec<u8>);

/// Bytes as bytes: element by element they would take longer than all the rest of the test.
mod serde_block {
    use serde::{Deserializer, Serializer, de};
    use std::fmt;

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(bytes)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        struct Bytes;
        impl de::Visitor<'_> for Bytes {
            type Value = Vec<u8>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }

            fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
                Ok(bytes)
            }
        }
        deserializer.deserialize_byte_buf(Bytes)
    }
}

#[aqueduct::remote]
fn length(block: Block) -> u64 {
    block.0.len() as u64
}

#[aqueduct::remote]
fn echoed(block: Block) -> Block {
    block
}

#[aqueduct::remote]
fn held_back(place: &Place, n: u64) -> u64 {
    place.wait("open");
    n
}

#[aqueduct::remote]
fn quick(n: u64) -> u64 {
    n
}

/// This process's resident memory, in bytes.
fn memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a line for it");
    let kilobytes: u64 = line.split_whitespace().nth(1).and_then(|word| word.parse().ok()).expect("a number");
    kilobytes << 10
}

const BLOCK: usize = 64 << 10;

#[test]
fn input_is_not_read_beyond_the_budget_while_tasks_are_held_back() {
    static READ: AtomicU64 = AtomicU64::new(0);
    let room = Room::new();
    on(2, async move |cluster| {
        let input = (0..).inspect(|_| _ = READ.fetch_add(1, Relaxed));
        let mut map = cluster.map(with(room.place(), held_back), input).chunk(10).in_flight(100 << 10);
        let opener = thread::spawn({
            let room = room.place();
            move || {
                // As long as it is held back, nothing makes the map read on.
                let mut before = 0;
                crate::support::until("the map reads no further", || {
                    thread::sleep(Duration::from_millis(50));
                    std::mem::replace(&mut before, READ.load(Relaxed)) == READ.load(Relaxed) && before > 0
                });
                room.mark("open");
                before
            }
        });
        assert_eq!(map.next().await, Some(Ok(0)));
        let read = opener.join().expect("it stops reading");
        assert!(read <= 100 * 10, "{read} items were read ahead of two held-back workers");
        for n in 1..200 {
            assert_eq!(map.next().await, Some(Ok(n)));
        }
    });
}

#[test]
fn a_slow_consumer_holds_an_endless_input_back_to_the_budget() {
    static READ: AtomicU64 = AtomicU64::new(0);
    let budget = 4 << 20;
    on(2, async move |cluster| {
        let input = (0..).inspect(|_| _ = READ.fetch_add(1, Relaxed)).map(|_| Block(vec![7; BLOCK]));
        let mut map = cluster.map(echoed, input).in_flight(budget);
        let mut most = 0;
        let mut memories = Vec::new();
        for taken in 1..=600_u64 {
            assert_eq!(map.next().await.map(|block| block.map(|block| block.0.len())), Some(Ok(BLOCK)));
            most = most.max(READ.load(Relaxed) - taken);
            if taken % 100 == 0 {
                thread::sleep(Duration::from_millis(20));
                memories.push(memory());
            }
        }
        // One chunk above the budget may be under way, and one may be on its way out of the map.
        let bytes = most as usize * BLOCK;
        assert!(bytes <= budget + (2 << 20), "{bytes} bytes were read ahead; the budget is {budget}");
        let (first, last) = (memories[1], memories[memories.len() - 1]);
        println!("read ahead: {most} blocks; memory {first} then {last}");
        assert!(last < first + (64 << 20), "memory grows with what is done: {memories:?}");
    });
}

#[test]
fn results_that_wait_for_their_turn_count_against_the_budget() {
    // The first is held back: all that is done behind it waits in the driver, in order.
    static READ: AtomicU64 = AtomicU64::new(0);
    #[aqueduct::remote]
    fn first_late(place: &Place, n: u64) -> Block {
        if n == 0 {
            place.wait("open");
        }
        Block(vec![7; BLOCK])
    }
    let room = Room::new();
    let budget = 4 << 20;
    on(2, async move |cluster| {
        let input = (0..).inspect(|_| _ = READ.fetch_add(1, Relaxed));
        let mut map = cluster.map(with(room.place(), first_late), input).chunk(1).in_flight(budget);
        let opener = thread::spawn({
            let room = room.place();
            move || {
                let mut before = 0;
                crate::support::until("the map reads no further", || {
                    thread::sleep(Duration::from_millis(100));
                    std::mem::replace(&mut before, READ.load(Relaxed)) == READ.load(Relaxed) && before > 0
                });
                room.mark("open");
                before
            }
        });
        assert!(map.next().await.is_some_and(|block| block.is_ok()));
        let read = opener.join().expect("it stops reading");
        // How large a result is shows only when it is there: what was under way before that comes on top.
        let under_way = 2 * 258;
        assert!(read as usize <= budget / BLOCK + under_way, "{read} results were waiting in the driver");
    });
}

#[test]
fn results_still_to_come_count_as_large_as_those_that_came() {
    static READ: AtomicU64 = AtomicU64::new(0);
    #[aqueduct::remote]
    fn late_after_twenty(place: &Place, n: u64) -> Block {
        if n >= 20 {
            place.wait("open");
        }
        Block(vec![7; BLOCK])
    }
    let room = Room::new();
    let budget = 16 * BLOCK;
    on(2, async move |cluster| {
        let input = (0..).inspect(|_| _ = READ.fetch_add(1, Relaxed));
        let mut map = cluster.map(with(room.place(), late_after_twenty), input).chunk(1).in_flight(budget);
        for _ in 0..20 {
            assert!(map.next().await.is_some_and(|block| block.is_ok()));
        }
        // Both workers are held back; whatever the map would read it reads while this waits.
        {
            let next = pin!(map.next());
            let time = pin!(aqueduct::after(Duration::from_millis(200)));
            assert!(matches!(select(next, time).await, Either::Right(_)));
        }
        let read = READ.load(Relaxed);
        room.mark("open");
        // Some were under way before the first had come.
        assert!(read <= 20 + 16 + 8, "{read} items were read, for a budget of 16 results");
        assert!(map.next().await.is_some_and(|block| block.is_ok()));
    });
}

#[test]
fn one_item_larger_than_the_budget_still_goes_through() {
    on(1, async |cluster| {
        let input = (1..4).map(|n| Block(vec![7; n * BLOCK]));
        let lengths: Vec<u64> = cluster.map(length, input).in_flight(1).collect().await.unwrap();
        assert_eq!(lengths, [1, 2, 3].map(|n| n * BLOCK as u64));
        assert_eq!(cluster.map(quick, 0..500).in_flight(0).sum().await, Ok(124_750_u64));
    });
}
