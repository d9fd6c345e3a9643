//! QUIC: its settings, who listens and who dials.
//!
//! What was measured on loopback, and decided by it (`benches/link`):
//!
//! * The largest packet is found by probing up to `LARGEST_PACKET`: five times the packets of Ethernet at once, and
//!   about 1.5 to 2 times the throughput. Both sides must also say that they take such packets, or the probing stops at
//!   1,472 bytes without a word. quinn hands the kernel about ten packets at once and the kernel takes at most 65,507
//!   bytes: beyond 6,550 the whole batch is refused with `EMSGSIZE`, which is silent, and looks like a path that drops
//!   large packets. On a network with smaller packets the probes are lost, and nothing else is.
//! * The sockets' buffers are made large, as far as the system allows: with its default of 200 KiB a sender that is
//!   faster than its receiver loses one packet in forty, and halves its speed for each.
//! * Windows hold 10 Gbit/s over some milliseconds; they cost memory only while a reader lags.
//! * Keep-alives are sent by both sides, since they are not negotiated; the idle timeout is the smaller of both.
//! * No datagrams, one stream in both directions, and few in one: what the link does not use, a peer may not open.

use super::identity::{Identity, IdentityError};
use quinn::congestion::CubicConfig;
use quinn::udp::UdpSocketState;
use quinn::{
    ClientConfig, ConnectError, Connection, ConnectionError, Endpoint, EndpointConfig, MtuDiscoveryConfig,
    ServerConfig, TokioRuntime, TransportConfig, VarInt,
};
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

/// The largest packet that is probed for.
const LARGEST_PACKET: u16 = 6_500;

/// The bytes that may be on their way before the first is acknowledged: ten packets, as RFC 9002 has it. quinn counts
/// ten of its smallest; two large ones then fill the window, and a close that waits behind them is never sent.
const FIRST_WINDOW: u64 = 10 * LARGEST_PACKET as u64;

/// The bytes of one stream that may be on their way.
const STREAM_WINDOW: u32 = 4 << 20;

/// The bytes of one connection that a reader may lag behind.
const CONNECTION_WINDOW: u32 = 32 << 20;

/// The bytes of one connection that are sent and not acknowledged.
const SEND_WINDOW: u64 = 8 << 20;

/// The bytes that wait in a socket.
const SOCKET_BUFFER: usize = 4 << 20;

/// The streams for payloads that may be open at once.
pub(super) const PAYLOAD_STREAMS: u32 = 32;

/// How long a silent peer counts as alive, and how long one address is dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// A connection without a sign of life for so long is over. The smaller of both sides' counts.
    pub idle: Duration,
    /// So long one address is tried.
    pub dial: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { idle: Duration::from_secs(5), dial: Duration::from_secs(5) }
    }
}

/// Nobody can be reached, or nobody can reach us.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The identity cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// No socket at this address.
    #[error("cannot open a UDP socket at {address}")]
    Socket {
        /// Where.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The identity names no address.
    #[error("the identity names no address of the driver")]
    Nowhere,
    /// None of the addresses answered as it should.
    #[error("cannot reach the driver: {}", Attempts(.0))]
    Unreachable(Vec<(SocketAddr, DialError)>),
}

/// Why one address could not be dialled.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// No socket of the address's family.
    #[error("no socket: {0}")]
    Socket(#[from] io::Error),
    /// The address cannot be dialled.
    #[error(transparent)]
    Address(#[from] ConnectError),
    /// The handshake failed.
    #[error(transparent)]
    Handshake(#[from] ConnectionError),
    /// No answer in time.
    #[error("no answer within {0:?}")]
    Silent(Duration),
}

struct Attempts<'a>(&'a [(SocketAddr, DialError)]);

impl fmt::Display for Attempts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (address, error)) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{address}: {error}")?;
        }
        Ok(())
    }
}

/// Listens at `address`. Port 0 takes any; [`Endpoint::local_addr`] tells which.
///
/// To be called inside a tokio runtime with I/O.
///
/// # Errors
/// If the identity was damaged, or the address cannot be bound.
pub fn listen(address: SocketAddr, identity: &Identity, patience: Patience) -> Result<Endpoint, EndpointError> {
    let mut config = ServerConfig::with_crypto(Arc::new(identity.server()?));
    config.transport_config(Arc::new(transport(patience)));
    endpoint(address, Some(config)).map_err(|source| EndpointError::Socket { address, source })
}

/// Dials the addresses of `identity` in their order, until one answers.
///
/// That the listener has accepted our certificate is known only when its first message arrives:
/// [`link::open`](super::link::open) waits for that.
///
/// # Errors
/// If the identity was damaged or names no address, or with what each address answered.
pub async fn dial(identity: &Identity, patience: Patience) -> Result<Connection, EndpointError> {
    let mut config = ClientConfig::new(Arc::new(identity.client()?));
    config.transport_config(Arc::new(transport(patience)));
    let mut failed = Vec::new();
    for &address in &identity.addresses {
        let attempt = dial_one(address, identity.server_name(), config.clone());
        match tokio::time::timeout(patience.dial, attempt).await {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(error)) => failed.push((address, error)),
            Err(_) => failed.push((address, DialError::Silent(patience.dial))),
        }
    }
    Err(if failed.is_empty() { EndpointError::Nowhere } else { EndpointError::Unreachable(failed) })
}

async fn dial_one(address: SocketAddr, server: &str, config: ClientConfig) -> Result<Connection, DialError> {
    let any = match address {
        SocketAddr::V4(_) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
        SocketAddr::V6(_) => SocketAddr::from((Ipv6Addr::UNSPECIFIED, 0)),
    };
    Ok(endpoint(any, None)?.connect_with(config, address, server)?.await?)
}

fn endpoint(address: SocketAddr, server: Option<ServerConfig>) -> io::Result<Endpoint> {
    let socket = UdpSocket::bind(address)?;
    let options = UdpSocketState::new((&socket).into())?;
    // The system may allow less; what it allows is what there is.
    let _ = options.set_recv_buffer_size((&socket).into(), SOCKET_BUFFER);
    let _ = options.set_send_buffer_size((&socket).into(), SOCKET_BUFFER);
    let mut config = EndpointConfig::default();
    config.max_udp_payload_size(LARGEST_PACKET).map_err(io::Error::other)?;
    Endpoint::new(config, server, socket, Arc::new(TokioRuntime))
}

/// The settings of a connection, the same on both sides.
fn transport(patience: Patience) -> TransportConfig {
    let mut probing = MtuDiscoveryConfig::default();
    probing.upper_bound(LARGEST_PACKET);
    let mut congestion = CubicConfig::default();
    congestion.initial_window(FIRST_WINDOW);
    let mut settings = TransportConfig::default();
    settings
        .congestion_controller_factory(Arc::new(congestion))
        .mtu_discovery_config(Some(probing))
        .max_concurrent_bidi_streams(VarInt::from_u32(1))
        .max_concurrent_uni_streams(VarInt::from_u32(PAYLOAD_STREAMS))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
        .receive_window(VarInt::from_u32(CONNECTION_WINDOW))
        .send_window(SEND_WINDOW)
        .keep_alive_interval(Some(Duration::from_secs(1).min(patience.idle / 4)))
        .max_idle_timeout(Some(idle_timeout(patience.idle)))
        .datagram_receive_buffer_size(None);
    settings
}

/// QUIC counts milliseconds, and takes 2^62 of them at most.
fn idle_timeout(idle: Duration) -> quinn::IdleTimeout {
    idle.try_into().unwrap_or_else(|_| VarInt::MAX.into())
}
