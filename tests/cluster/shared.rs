//! Constants that many tasks share: sent once to each host, dropped when there are too many, fetched again when needed.

use std::fmt;

use aqueduct::{
    Cluster,
    cluster::{Shared, TaskError, Worker, with},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::support::{Place, Room, on, on_built, signal, until};

/// Bytes as bytes.
struct Blob(Vec<u8>);

impl Serialize for Blob {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Blob {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Bytes;
        impl de::Visitor<'_> for Bytes {
            type Value = Blob;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Blob, E> {
                Ok(Blob(bytes.to_vec()))
            }

            fn visit_byte_buf<E: de::Error>(self, bytes: Vec<u8>) -> Result<Blob, E> {
                Ok(Blob(bytes))
            }
        }
        deserializer.deserialize_byte_buf(Bytes)
    }
}

fn blob(size: usize, seed: u64) -> Blob {
    let mut blob = Blob(vec![0; size]);
    fastrand::Rng::with_seed(seed).fill(&mut blob.0);
    blob
}

#[aqueduct::remote]
fn byte_at(blob: &Shared<Blob>, at: u64) -> u8 {
    blob.get().expect("the driver keeps it").0[at as usize]
}

#[aqueduct::remote]
fn byte_of(blob: Shared<Blob>, at: u64) -> Result<u8, String> {
    blob.get().map(|blob| blob.0[at as usize]).map_err(|error| error.to_string())
}

#[aqueduct::remote]
fn later_byte_of(held: &(Shared<Blob>, Place), at: u64) -> Result<u8, String> {
    held.1.note("begun");
    held.1.wait("open");
    held.0.get().map(|blob| blob.0[at as usize]).map_err(|error| error.to_string())
}

#[test]
fn a_hundred_megabytes_for_200_tasks_go_to_the_host_once() {
    const SIZE: usize = 100 << 20;
    on(2, async |cluster| {
        let all = blob(SIZE, 1);
        let expected: Vec<u8> = (0..200).map(|n| all.0[n * (SIZE / 200)]).collect();
        let shared = cluster.share(all).unwrap();
        let places = (0..200).map(|n| n as u64 * (SIZE / 200) as u64);
        let map = cluster.map(with(shared.clone(), byte_at), places).chunk(1);
        let results: Vec<u8> = map.collect().await.unwrap();
        assert_eq!(results, expected);
        let summary = cluster.summary();
        let most = SIZE as u64 + SIZE as u64 / 20;
        assert!(summary.constants_sent.bytes <= most, "{:?}", summary.constants_sent);
        assert!(summary.bytes_sent <= most, "{} bytes sent", summary.bytes_sent);
        assert!(summary.workers.iter().all(|worker| worker.tasks > 0), "both took part");
        assert!(summary.constants_sent.bytes >= SIZE as u64, "it was sent");
    });
}

#[test]
fn small_constants_go_to_each_worker_once() {
    on(2, async |cluster| {
        let shared = cluster.share(blob(1000, 2)).unwrap();
        for _ in 0..3 {
            let map = cluster.map(with(shared.clone(), byte_at), (0..200).map(|n| n % 1000)).chunk(1);
            assert_eq!(map.count().await, Ok(200));
        }
        let sent = cluster.summary().constants_sent;
        assert!((1..=2).contains(&sent.count), "{sent:?}");
    });
}

#[test]
fn equal_constants_are_one() {
    on(1, async |cluster| {
        let (one, other) = (cluster.share(blob(200_000, 3)).unwrap(), cluster.share(blob(200_000, 3)).unwrap());
        assert_eq!(cluster.map(byte_of, [(one.clone(), 1), (other.clone(), 1)]).count().await, Ok(2));
        assert_eq!(cluster.summary().constants_sent.count, 1);
        // One of the two is enough to keep it.
        drop(one);
        assert_eq!(cluster.submit(byte_of, (other.clone(), 5)).await.map(|byte| byte.is_ok()), Ok(true));
    });
}

#[test]
fn what_is_too_much_for_a_worker_is_dropped_and_fetched_again() {
    on_built(Cluster::builder().workers(1).constants(500_000), async |cluster| {
        let blobs: Vec<_> = (0..4).map(|seed| cluster.share(blob(200_000, seed)).unwrap()).collect();
        let expected: Vec<u8> = blobs.iter().map(|blob| blob.get().unwrap().0[7]).collect();
        for _ in 0..3 {
            let items: Vec<_> = blobs.iter().map(|blob| (blob.clone(), 7)).collect();
            let results: Vec<_> = cluster.map(byte_of, items).chunk(1).collect().await.unwrap();
            assert_eq!(results, expected.iter().copied().map(Ok).collect::<Vec<_>>());
        }
    });
}

#[test]
fn a_constant_stays_as_long_as_a_task_that_was_given_it() {
    let room = Room::new();
    on(1, async move |cluster| {
        let shared = cluster.share(blob(100_000, 5)).unwrap();
        let byte = shared.get().unwrap().0[7];
        // The last clones are moved into the calls.
        let first = cluster.submit(with((shared.clone(), room.place()), later_byte_of), 7);
        let second = cluster.submit(byte_of, (shared.clone(), 7));
        let third = cluster.map(byte_of, [(shared, 7)]).collect::<Vec<_>>();
        until("it has begun", || room.log().len() == 1);
        room.mark("open");
        assert_eq!(first.await.unwrap(), Ok(byte));
        assert_eq!(second.await.unwrap(), Ok(byte));
        assert_eq!(third.await.unwrap(), [Ok(byte)]);
    });
}

#[test]
fn a_dropped_constant_is_an_error_that_says_so() {
    #[aqueduct::remote]
    fn back(shared: Shared<Blob>) -> Shared<Blob> {
        shared
    }
    on(1, async |cluster| {
        let shared = cluster.share(blob(100_000, 5)).unwrap();
        // What comes back names the constant, and does not keep it.
        let name = cluster.submit(back, shared).await.unwrap();
        let error = cluster.submit(byte_of, (name, 7)).await.unwrap().expect_err("it is gone");
        assert!(error.contains("dropped its `Shared`"), "{error}");
        // The same value again is found again.
        let again = cluster.share(blob(100_000, 5)).unwrap();
        let byte = again.get().unwrap().0[7];
        assert_eq!(cluster.submit(byte_of, (again.clone(), 7)).await, Ok(Ok(byte)));
    });
}

#[test]
fn a_constant_read_as_another_type_is_an_error() {
    #[aqueduct::remote]
    fn disguised(n: Shared<Blob>) -> Shared<Blob> {
        n
    }
    on(1, async |cluster| {
        let shared = cluster.share(blob(1000, 6)).unwrap();
        // What comes back from a task is a reference without a keeper, and of no use outside of tasks.
        let travelled = cluster.submit(disguised, shared.clone()).await.unwrap();
        assert!(matches!(travelled.get(), Err(TaskError::Codec { .. })));
        assert_eq!(cluster.submit(byte_of, (travelled, 3)).await.map(|byte| byte.is_ok()), Ok(true));
        let number = cluster.share(0xFFFF_FFFF_u32).unwrap();
        let error = cluster.submit(with(number.clone(), wrong_number), 0).await.unwrap();
        assert!(error.unwrap_err().contains("a shared constant cannot be decoded"));
    });
}

/// Its constant was shared as a `u32`; told as text, it is none.
#[aqueduct::remote]
fn wrong_number(number: &Shared<u32>, _: u64) -> Result<usize, String> {
    let bytes = under_another_type(number);
    bytes.get().map(|text| text.0.len()).map_err(|error| error.to_string())
}

/// The same reference under another type, as a program with a mistake would send it.
fn under_another_type(number: &Shared<u32>) -> Shared<(String, Vec<String>)> {
    let bytes = aqueduct::net::codec::encode(number).expect("a digest");
    aqueduct::net::codec::decode(&bytes).expect("the same digest")
}

#[test]
fn the_death_of_the_worker_that_stores_a_constant_holds_up_nobody() {
    let room = Room::new();
    on_built(Cluster::builder().workers(2), async move |cluster| {
        let shared = cluster.share(blob(20 << 20, 8)).unwrap();
        let byte = shared.get().unwrap().0[7];
        let handles: Vec<_> =
            (0..2).map(|_| cluster.submit(with((shared.clone(), room.place()), later_byte_of), 7)).collect();
        until("both have begun", || room.log().len() == 2);
        let victim = cluster.workers()[0].pid;
        room.mark("open");
        signal("KILL", victim);
        for handle in handles {
            assert_eq!(handle.await, Ok(Ok(byte)));
        }
        cluster.add_worker(Worker::new()).await.unwrap();
        let results = cluster.map(byte_of, (0..50).map(|_| (shared.clone(), 7))).chunk(1);
        assert_eq!(results.collect::<Vec<_>>().await, Ok(vec![Ok(byte); 50]));
    });
}
