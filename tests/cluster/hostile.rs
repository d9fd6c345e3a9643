//! Strangers at the driver's door: floods of nonsense, clients without or with foreign certificates, other protocols.
//! None of them gets in, each is told why, and the map goes on.

use std::{
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use aqueduct::net::identity::{ALPN, Authority};
use quinn::crypto::rustls::QuicClientConfig;
use rustls::{
    DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime},
};

use crate::support::on;

#[aqueduct::remote]
fn slow_square(n: u64) -> u64 {
    thread::sleep(Duration::from_micros(500));
    n * n
}

/// Takes any server for the right one: strangers are not choosy.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// A certificate and its key.
type Chain = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// A certificate of nobody but itself.
fn own_certificate() -> Chain {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let params = rcgen::CertificateParams::new(["driver.aqueduct".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    (vec![certificate.der().clone()], PrivatePkcs8KeyDer::from(key.serialize_der()).into())
}

/// Connects as a stranger; gives what it is told.
async fn knock(address: SocketAddr, chain: Option<Chain>, alpn: &[u8]) -> String {
    let provider = Arc::new(ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)));
    let mut config = match chain {
        Some((chain, key)) => config.with_client_auth_cert(chain, key).unwrap(),
        None => config.with_no_client_auth(),
    };
    config.alpn_protocols = vec![alpn.to_vec()];
    let config = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(config).unwrap()));
    let client = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    let connection = match client.connect_with(config, address, "driver.aqueduct").unwrap().await {
        Ok(connection) => connection,
        Err(error) => return error.to_string(),
    };
    // A client is done before the server has looked at its certificate.
    connection.closed().await.to_string()
}

#[test]
fn strangers_are_refused_with_a_reason_and_the_map_goes_on() {
    on(2, async |cluster| {
        let address = cluster.address().expect("this is the driver");
        let strangers = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let told = [
                    knock(address, None, ALPN).await,
                    knock(address, Some(own_certificate()), ALPN).await,
                    knock(address, Some(own_certificate()), b"aqueduct/0").await,
                    knock(address, None, b"h3").await,
                ];
                // An identity of another run does not even believe in this driver.
                let other = Authority::new().unwrap();
                let mut identity = other.issue("worker-0").unwrap();
                identity.addresses = vec![address];
                let dialled = aqueduct::net::endpoint::dial(&identity, Default::default()).await;
                (told, dialled.map(drop).expect_err("it is refused").to_string())
            })
        });
        let sum: u64 = cluster.map(slow_square, 0..2000).sum().await.unwrap();
        assert_eq!(sum, (0..2000).map(|n| n * n).sum());
        let (told, other_run) = strangers.join().expect("all were answered");
        println!("{told:#?}\n{other_run}");
        assert!(told[0].to_lowercase().contains("certificate"), "without a certificate: {}", told[0]);
        assert!(
            told[1].to_lowercase().contains("certificate") || told[1].contains("issuer"),
            "a foreign one: {}",
            told[1]
        );
        for told in &told[2..] {
            assert!(told.to_lowercase().contains("known protocol"), "another protocol: {told}");
        }
        assert_ne!(told[0], told[1]);
        assert!(other_run.contains("certificate") || other_run.contains("issuer"), "{other_run}");
        assert_eq!(cluster.workers().len(), 2);
        assert_eq!(cluster.summary().deaths, 0);
    });
}

#[test]
fn a_flood_of_nonsense_does_not_stop_a_map() {
    on(2, async |cluster| {
        let address = cluster.address().expect("this is the driver");
        let over = Arc::new(AtomicBool::new(false));
        let flood = thread::spawn({
            let over = Arc::clone(&over);
            move || {
                let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
                let mut dice = fastrand::Rng::with_seed(7);
                let mut packet = vec![0; 1400];
                let mut sent = 0_u64;
                while !over.load(Relaxed) {
                    dice.fill(&mut packet);
                    // Some look like the first packet of a connection, some like one of an old one.
                    packet[0] = [0xC3, 0xFF, 0x40, packet[0]][dice.usize(0..4)];
                    if dice.bool() {
                        packet[1..5].copy_from_slice(&[0, 0, 0, 1]);
                    }
                    let length = dice.usize(1..packet.len());
                    // The kernel may have no room: then this one is lost.
                    let _ = socket.send_to(&packet[..length], address);
                    sent += 1;
                    if sent.is_multiple_of(64) {
                        thread::sleep(Duration::from_millis(1));
                    }
                }
                sent
            }
        });
        let sum: u64 = cluster.map(slow_square, 0..2000).sum().await.unwrap();
        // Newcomers find the door, too.
        cluster.add_worker(aqueduct::cluster::Worker::new()).await.unwrap();
        over.store(true, Relaxed);
        let sent = flood.join().expect("it stops");
        assert!(sent > 100, "{sent} packets");
        assert_eq!(sum, (0..2000).map(|n| n * n).sum());
        assert_eq!(cluster.summary().deaths, 0);
        assert_eq!(cluster.workers().len(), 3);
    });
}
