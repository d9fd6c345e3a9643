//! quinn alone, between two processes, with the settings of the library's own endpoint; and what a wake of a thread costs.
//!
//! Each side has one thread with a runtime of its own, as the library's two ends have.

use crate::{ours::PIECE, report, sizes::Sizes};
use aqueduct::net::{
    codec,
    endpoint::{self, Patience},
    identity::{Authority, Identity},
};
use bytes::Bytes;
use quinn::{Connection, Endpoint, RecvStream, SendStream};
use rustix::thread::{CpuSet, sched_setaffinity};
use std::{
    env,
    error::Error,
    io::{self, Read, Write, stdin},
    net::{Ipv4Addr, SocketAddr},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// About what a submitted no-op and its result take.
const SMALL: usize = 64;
/// Pieces before the clock starts.
const WARM: u64 = 8;

/// What the other side does, as the first byte tells it.
const ECHO: u8 = 0;
const TAKE: u8 = 1;
const GIVE: u8 = 2;

pub(crate) fn run(cell: &str, sizes: &Sizes) -> Outcome {
    block_on(async {
        match cell {
            "round-trip" => {
                echo(sizes.number("tasks")?).await?;
                let count = sizes.number("tasks")?;
                wakes("wake of a thread", count, None)?;
                wakes("wake of a thread on another processor", count, Some([0, 1]))
            }
            "arguments" => both(TAKE, sizes.number("pieces")?).await,
            "results" => both(GIVE, sizes.number("pieces")?).await,
            other => Err(format!("no such cell of raw quinn: {other}").into()),
        }
    })
}

fn block_on<T>(side: impl Future<Output = Outcome<T>>) -> Outcome<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(side)
}

/// The other process; it ends with this value.
struct Other {
    child: Child,
    _endpoint: Endpoint,
    send: SendStream,
    recv: RecvStream,
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Other {
    async fn start(role: u8, count: u64) -> Outcome<Self> {
        let authority = Authority::new()?;
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = endpoint::listen(any, &authority.driver()?, Patience::default())?;
        let mut identity = authority.issue("other")?;
        identity.addresses.push(listener.local_addr()?);
        let mut child = Command::new(env::current_exe()?).arg("--other-side").stdin(Stdio::piped()).spawn()?;
        child.stdin.take().ok_or("no pipe")?.write_all(&codec::encode(&identity)?)?;
        let connection = listener.accept().await.ok_or("the endpoint is closed")?.await?;
        let (mut send, mut recv) = connection.accept_bi().await?;
        recv.read_exact(&mut [0]).await?;
        let mut head = vec![role];
        head.extend_from_slice(&count.to_le_bytes());
        send.write_all(&head).await?;
        Ok(Self { child, _endpoint: listener, send, recv })
    }

    /// Sends or receives so many pieces.
    async fn move_pieces(&mut self, role: u8, count: u64) -> Outcome {
        if role == GIVE {
            return take_pieces(&mut self.recv, count).await;
        }
        let piece = Bytes::from(vec![7; PIECE]);
        for _ in 0..count {
            self.send.write_chunk(piece.clone()).await?;
        }
        // It has read them all.
        Ok(self.recv.read_exact(&mut [0]).await?)
    }
}

async fn take_pieces(recv: &mut RecvStream, count: u64) -> Outcome {
    let mut left = count as usize * PIECE;
    while left > 0 {
        let chunk = recv.read_chunk(left, true).await?.ok_or("the stream ended early")?;
        if chunk.bytes.last() != Some(&7) {
            return Err("a piece is not what was sent".into());
        }
        left -= chunk.bytes.len();
    }
    Ok(())
}

/// What the other process does.
pub(crate) fn other_side() -> Outcome {
    let mut bytes = Vec::new();
    stdin().read_to_end(&mut bytes)?;
    let identity: Identity = codec::decode(&bytes)?;
    block_on(async {
        let connection: Connection = endpoint::dial(&identity, Patience::default()).await?;
        let (mut send, mut recv) = connection.open_bi().await?;
        send.write_all(b"!").await?;
        let mut head = [0; 9];
        recv.read_exact(&mut head).await?;
        let count = u64::from_le_bytes(head[1..].try_into()?);
        match head[0] {
            ECHO => {
                let mut bytes = [0; SMALL];
                while recv.read_exact(&mut bytes).await.is_ok() {
                    send.write_all(&bytes).await?;
                }
            }
            TAKE => {
                for pieces in [WARM, count] {
                    take_pieces(&mut recv, pieces).await?;
                    send.write_all(b"!").await?;
                }
            }
            _ => {
                let piece = Bytes::from(vec![7; PIECE]);
                for _ in 0..WARM + count {
                    send.write_chunk(piece.clone()).await?;
                }
            }
        }
        connection.closed().await;
        Ok(())
    })
}

async fn echo(count: u64) -> Outcome {
    let mut other = Other::start(ECHO, count).await?;
    let mut bytes = [7; SMALL];
    let mut times = Vec::new();
    for _ in 0..count {
        let start = Instant::now();
        other.send.write_all(&bytes).await?;
        other.recv.read_exact(&mut bytes).await?;
        times.push(start.elapsed());
        assert_eq!(bytes, [7; SMALL]);
    }
    report::latencies("echo of 64 bytes", times);
    Ok(())
}

/// One stream to one process, and one to each of two, as the map has.
async fn both(role: u8, count: u64) -> Outcome {
    let mut one = Other::start(role, count).await?;
    one.move_pieces(role, WARM).await?;
    let start = Instant::now();
    one.move_pieces(role, count).await?;
    report::megabytes("one process", count * PIECE as u64, start.elapsed());
    drop(one);

    let half = count / 2;
    let mut first = Other::start(role, half).await?;
    let mut second = Other::start(role, half).await?;
    both_move(&mut first, &mut second, role, WARM).await?;
    let start = Instant::now();
    both_move(&mut first, &mut second, role, half).await?;
    report::megabytes("two processes", 2 * half * PIECE as u64, start.elapsed());
    Ok(())
}

async fn both_move(first: &mut Other, second: &mut Other, role: u8, count: u64) -> Outcome {
    let (first, second) = tokio::join!(first.move_pieces(role, count), second.move_pieces(role, count));
    first.and(second)
}

/// Two threads that wake each other in turn, and sleep in between: half of a round is a wake. Without `processors` the
/// system places them, often both on one.
fn wakes(way: &str, count: u64, processors: Option<[usize; 2]>) -> Outcome {
    let pair = thread::spawn(move || {
        stay_on(processors.map(|[first, _]| first))?;
        let turn = Arc::new(AtomicU64::new(0));
        let this = thread::current();
        let partner = {
            let turn = Arc::clone(&turn);
            thread::spawn(move || {
                stay_on(processors.map(|[_, second]| second))?;
                for round in 0..count {
                    while turn.load(Ordering::Acquire) != 2 * round + 1 {
                        thread::park();
                    }
                    turn.store(2 * round + 2, Ordering::Release);
                    this.unpark();
                }
                Ok::<_, io::Error>(())
            })
        };
        let mut times = Vec::new();
        for round in 0..count {
            let start = Instant::now();
            turn.store(2 * round + 1, Ordering::Release);
            partner.thread().unpark();
            while turn.load(Ordering::Acquire) != 2 * round + 2 && !partner.is_finished() {
                thread::park_timeout(Duration::from_secs(1));
            }
            times.push(start.elapsed() / 2);
        }
        partner.join().map_err(|_| io::Error::other("the partner panicked"))??;
        Ok::<_, io::Error>(times)
    });
    match pair.join().map_err(|_| "a thread that wakes another panicked")? {
        Ok(times) => report::latencies(way, times),
        // One processor only: there is nothing to measure.
        Err(error) if processors.is_some() => eprintln!("{way}: {error}"),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

fn stay_on(processor: Option<usize>) -> io::Result<()> {
    let Some(processor) = processor else { return Ok(()) };
    let mut set = CpuSet::new();
    set.set(processor);
    Ok(sched_setaffinity(None, &set)?)
}
