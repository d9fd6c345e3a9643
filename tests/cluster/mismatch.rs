//! Workers that do not fit: each is refused with a message of its own, none hangs, the pool goes on.
//!
//! An impostor is this binary, running [`impostor`] alone as a worker's program: it has a true identity and speaks the
//! true protocol, up to the one lie that it is told to tell.

use std::{
    io::{self, Read, Write as _},
    process::{self, Stdio},
    time::Duration,
};

use aqueduct::{
    Cluster,
    cluster::{
        ClusterError, Worker,
        registry::{Listed, build_id, registry},
    },
    net::{
        codec,
        endpoint::{self, Patience},
        identity::Identity,
        link::{self, Limits, Payload},
    },
};
use serde::{Deserialize, Serialize};

use crate::support::{Place, Room, is_alive, on, on_built, this_binary, until, worker_command};

const LIE: &str = "AQUEDUCT_TEST_LIE";
const ROOM: &str = "AQUEDUCT_TEST_LIE_ROOM";

#[aqueduct::remote]
fn square(n: u64) -> u64 {
    n * n
}

/// The first words of a worker, as the protocol has them; a truthful impostor shows that they are right.
#[derive(Debug, Serialize)]
enum FromWorker {
    Hello(Hello),
}

#[derive(Debug, Serialize)]
struct Hello {
    protocol: u32,
    version: String,
    architecture: String,
    build: Vec<u8>,
    functions: Vec<Listed>,
    host: String,
    pid: u32,
}

/// The driver's answer; of a welcome nothing is read.
#[derive(Debug, Deserialize)]
enum ToWorker {
    Answer(Answer),
}

#[derive(Debug, Deserialize)]
enum Answer {
    #[allow(dead_code, reason = "it must be the first")]
    Welcome,
    Refused(String),
}

fn truth() -> Hello {
    let endian = if cfg!(target_endian = "big") { "big" } else { "little" };
    Hello {
        protocol: 1,
        version: env!("CARGO_PKG_VERSION").into(),
        architecture: format!(
            "{}-{}, {} bits, {endian} endian",
            std::env::consts::ARCH,
            std::env::consts::OS,
            usize::BITS
        ),
        build: build_id().unwrap().to_vec(),
        functions: registry().unwrap().listing().to_vec(),
        host: "here".into(),
        pid: process::id(),
    }
}

fn identity() -> (Vec<u8>, Identity) {
    let mut length = [0; 4];
    io::stdin().read_exact(&mut length).expect("an identity");
    let mut bytes = vec![0; u32::from_le_bytes(length) as usize];
    io::stdin().read_exact(&mut bytes).expect("an identity");
    let identity = codec::decode(&bytes).expect("an identity");
    ([&length[..], &bytes].concat(), identity)
}

/// Not a test: workers that lie. In an ordinary run it passes at once.
#[test]
fn impostor() {
    let Ok(lie) = std::env::var(LIE) else { return };
    let room = std::env::var_os(ROOM).map(|path| {
        let bytes = codec::encode(&std::path::PathBuf::from(path)).expect("a path");
        codec::decode::<Place>(&bytes).expect("a place is its path")
    });
    if let Some(room) = &room {
        room.note(&lie);
    }
    let (bytes, identity) = identity();
    if lie == "thief" {
        // Copies the identity, and lets a true worker use it first.
        std::fs::write(room.expect("a room").path().join("stolen"), &bytes).expect("it is stolen");
        let mut worker = worker_command();
        let mut worker = worker.stdin(Stdio::piped()).spawn().expect("a true worker");
        let mut stdin = worker.stdin.take().expect("a pipe");
        stdin.write_all(&bytes).expect("it is passed on");
        // The true worker ends when this one does.
        let _ = io::copy(&mut io::stdin(), &mut stdin);
        drop(stdin);
        let _ = worker.wait();
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let connection = endpoint::dial(&identity, Patience::default()).await.expect("the driver is there");
        if lie == "garbage" {
            let (mut send, _recv) = connection.open_bi().await.unwrap();
            send.write_all(&[0xA5; 4096]).await.unwrap();
            connection.closed().await;
            return;
        }
        if lie == "vanish" {
            connection.close(0_u32.into(), b"bored");
            connection.closed().await;
            return;
        }
        let (outbox, mut inbox) = link::open(connection, Limits::default()).await.expect("a link");
        let mut hello = truth();
        match lie.as_str() {
            "build" => hello.build[0] ^= 1,
            "protocol" => hello.protocol = 99,
            "architecture" => hello.architecture = "abacus, 8 beads".into(),
            "missing" => hello.functions.retain(|listed| listed.name != "cluster::mismatch::square"),
            "surplus" => {
                let name = "other_crate::extra\u{1b}[31m".into();
                hello.functions.push(Listed { name, signature: 1 });
                hello.functions.sort();
            }
            "signature" => {
                let changed = hello.functions.iter_mut().find(|listed| listed.name == "cluster::mismatch::square");
                changed.expect("it is there").signature ^= 1;
            }
            "mute" => loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
            },
            "nothing" => {}
            other => panic!("no lie {other}"),
        }
        outbox.send(&FromWorker::Hello(hello), Vec::new().into()).expect("the link is open");
        let mut batch: Vec<(ToWorker, Payload)> = Vec::new();
        let heard = inbox.recv(&mut batch).await;
        match batch.pop() {
            Some((ToWorker::Answer(Answer::Refused(reason)), _)) => eprintln!("turned away: {reason}"),
            // A welcome has more in it than is read here.
            _ => eprintln!("let in: {heard:?}"),
        }
    });
    process::exit(71);
}

fn lying(lie: &'static str, room: &Room) -> Worker {
    let path = room.path().to_owned();
    Worker::new().command(move || {
        let mut command = this_binary("mismatch::impostor");
        command.env(LIE, lie).env(ROOM, &path);
        command
    })
}

#[test]
fn each_mismatch_is_refused_with_its_own_message_and_the_pool_goes_on() {
    let room = Room::new();
    on_built(Cluster::builder().workers(1), async move |cluster| {
        for (lie, words) in [
            ("build", &["another build", "compatible_builds"][..]),
            ("protocol", &["protocol 99", "build both with one version"]),
            ("architecture", &["abacus, 8 beads"]),
            ("missing", &["`cluster::mismatch::square` is missing in the other process", "use cluster as _;"]),
            ("surplus", &["`other_crate::extra\\u{1b}[31m` is missing in this process", "use other_crate as _;"]),
            ("signature", &["`cluster::mismatch::square` has other types", "signature"]),
        ] {
            let error = cluster.add_worker(lying(lie, &room)).await.unwrap_err();
            let ClusterError::Refused { reason, .. } = &error else { panic!("{lie}: {error}") };
            for word in words {
                assert!(reason.contains(word), "{lie}: `{word}` is in: {reason}");
            }
            assert!(!reason.contains('\u{1b}'), "what others wrote is shown escaped: {reason}");
            assert_eq!(cluster.map(square, 1..=30).sum().await, Ok(9455_u64), "after {lie}");
        }
        assert_eq!(cluster.workers().len(), 1);
        assert_eq!(cluster.summary().deaths, 0, "none of them was a worker");
        let tried = room.log();
        assert_eq!(tried, ["build", "protocol", "architecture", "missing", "surplus", "signature"], "each came once");
    });
}

#[test]
fn what_breaks_the_protocol_or_goes_away_is_told_and_the_pool_goes_on() {
    let room = Room::new();
    on_built(Cluster::builder().workers(1).join_time(Duration::from_secs(5)), async move |cluster| {
        for lie in ["nothing", "garbage", "vanish"] {
            let error = cluster.add_worker(lying(lie, &room)).await.unwrap_err();
            assert!(matches!(error, ClusterError::Stillborn { .. } | ClusterError::Refused { .. }), "{lie}: {error}");
            if lie == "nothing" {
                assert!(error.to_string().contains("let in"), "the truth is welcome: {error}");
            }
            assert_eq!(cluster.map(square, 1..=30).sum().await, Ok(9455_u64), "after {lie}");
        }
        let error = cluster.add_worker(lying("mute", &room)).await.unwrap_err();
        assert!(matches!(error, ClusterError::Late { .. }), "{error}");
        assert_eq!(cluster.map(square, 1..=30).sum().await, Ok(9455_u64));
    });
}

#[test]
fn another_build_may_join_where_that_is_allowed() {
    let room = Room::new();
    on_built(Cluster::builder().workers(1).compatible_builds(), async move |cluster| {
        let error = cluster.add_worker(lying("build", &room)).await.unwrap_err();
        // Welcomed; it ends then, because it is no real worker.
        assert!(matches!(error, ClusterError::Stillborn { .. }), "{error}");
        let error = cluster.add_worker(lying("signature", &room)).await.unwrap_err();
        assert!(matches!(error, ClusterError::Refused { .. }), "other types are never allowed: {error}");
    });
}

#[test]
fn an_identity_is_good_for_one_connection_and_while_its_worker_lives() {
    let room = Room::new();
    on(1, async move |cluster| {
        let added = cluster.add_worker(lying("thief", &room)).await.unwrap();
        let bytes = std::fs::read(room.path().join("stolen")).unwrap();
        let stolen: Identity = codec::decode(&bytes[4..]).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let attempt = || {
            let outcome = std::thread::scope(|scope| {
                let attempt = async {
                    let connection = endpoint::dial(&stolen, Patience::default()).await.map_err(|e| e.to_string())?;
                    link::open(connection, Limits::default()).await.map(drop).map_err(|e| e.to_string())
                };
                scope.spawn(|| runtime.block_on(attempt)).join().expect("it does not panic")
            });
            outcome.expect_err("it is refused")
        };
        let refused = attempt();
        assert!(refused.contains("used before"), "{refused}");
        let place = cluster.workers().into_iter().find(|place| place.worker == added).expect("it joined");
        assert!(cluster.retire_worker(added));
        until("it has gone", || !is_alive(place.pid) && cluster.workers().len() == 1);
        let refused = attempt();
        assert!(refused.contains("its worker is gone"), "{refused}");
        assert_eq!(cluster.map(square, 1..=30).sum().await, Ok(9455_u64));
    });
}
