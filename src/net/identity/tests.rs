//! Who is let in, and what everybody else is told.

use super::*;
use crate::net::codec;
use crate::net::endpoint::{self, EndpointError, Patience};
use crate::net::link::{self, LinkError};
use crate::net::testing::{LIMITS, Run, both, run};

#[test]
fn a_driver_knows_who_dialled() {
    run(async {
        let run = Run::new();
        let (_one, first) = run.connect("first worker, ünïcode").await;
        let (_two, second) = run.connect("second").await;
        assert_eq!(run.authority.peer_name(&first).as_deref(), Some("first worker, ünïcode"));
        assert_eq!(run.authority.peer_name(&second).as_deref(), Some("second"));
    });
}

#[test]
fn a_revoked_identity_is_nobody() {
    run(async {
        let run = Run::new();
        let identity = run.identity("gone");
        let accepted = async { run.listener.accept().await.unwrap().await.unwrap() };
        let (_dialled, accepted) = both(endpoint::dial(&identity, Patience::default()), accepted).await;
        run.authority.revoke(&identity);
        assert_eq!(run.authority.peer_name(&accepted), None);
    });
}

#[test]
fn an_identity_travels_and_hides_its_key() {
    run(async {
        let run = Run::new();
        let bytes = codec::encode(&run.identity("traveller")).unwrap();
        let identity: Identity = codec::decode(&bytes).unwrap();
        let shown = format!("{identity:?} {identity:#?} {:?}", run.authority);
        assert!(shown.contains("traveller") && !shown.contains("key") && shown.len() < 400, "{shown}");
        let accepted = async { run.listener.accept().await.unwrap().await.unwrap() };
        let (dialled, accepted) = both(endpoint::dial(&identity, Patience::default()), accepted).await;
        dialled.unwrap();
        assert_eq!(run.authority.peer_name(&accepted).as_deref(), Some("traveller"));
    });
}

#[test]
fn a_damaged_identity_is_an_error_with_its_name() {
    run(async {
        let run = Run::new();
        let mut identity = run.identity("damaged");
        identity.key.truncate(10);
        let error = endpoint::dial(&identity, Patience::default()).await.unwrap_err();
        assert!(error.to_string().contains("`damaged`"), "{error}");
    });
}

/// Dials with `identity`, or with another TLS configuration; what the dialling side learns, and the listening side.
async fn refused(run: &Run, client: rustls::ClientConfig) -> (String, String) {
    let client = quinn::ClientConfig::new(Arc::new(QuicClientConfig::try_from(client).unwrap()));
    let dialling = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    let connecting = dialling.connect_with(client, run.listener.local_addr().unwrap(), SERVER_NAME).unwrap();
    let there = async { run.listener.accept().await.unwrap().await.unwrap_err().to_string() };
    let here = async {
        match connecting.await {
            Err(error) => error.to_string(),
            // It learns of the refusal only from what the listener says first.
            Ok(connection) => match link::open(connection, LIMITS).await {
                Err(error @ LinkError::Connection(_)) => error.to_string(),
                other => panic!("let in: {other:?}"),
            },
        }
    };
    both(here, there).await
}

fn client(identity: &Identity) -> rustls::ClientConfig {
    let mut config = rustls::ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_root_certificates(identity.roots().unwrap())
        .with_client_auth_cert(identity.chain(), identity.private_key())
        .unwrap();
    config.alpn_protocols = vec![ALPN.to_vec()];
    config
}

#[test]
fn nobody_else_is_let_in_and_each_is_told_why() {
    run(async {
        let run = Run::new();
        let good = run.identity("good");
        let other = Authority::new().unwrap().issue("other").unwrap();

        let mut without = rustls::ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(good.roots().unwrap())
            .with_no_client_auth();
        without.alpn_protocols = vec![ALPN.to_vec()];
        let (here, there) = refused(&run, without).await;
        assert!(here.contains("no certificates"), "{here}");
        assert!(there.contains("no certificates"), "{there}");

        let mut impostor = other.clone();
        impostor.authority = good.authority.clone();
        let (here, there) = refused(&run, client(&impostor)).await;
        assert!(here.contains("invalid peer certificate"), "{here}");
        assert!(there.contains("invalid peer certificate"), "{there}");

        let mut version = client(&good);
        version.alpn_protocols = vec![b"aqueduct/0".to_vec()];
        let (here, there) = refused(&run, version).await;
        assert!(here.contains("known protocol"), "{here}");
        assert!(there.contains("known protocol"), "{there}");

        // The driver's own certificate serves only.
        let driver = run.authority.driver().unwrap();
        let (here, _) = refused(&run, client(&driver)).await;
        assert!(here.contains("invalid peer certificate"), "{here}");

        // After all that, who should be let in is.
        run.link("good", LIMITS).await;
    });
}

#[test]
fn a_worker_does_not_talk_to_another_runs_driver_nor_to_a_worker_that_listens() {
    run(async {
        let run = Run::new();
        let stranger = run.with_address(Authority::new().unwrap().issue("stranger").unwrap());
        let accept = async { run.listener.accept().await.unwrap().await.is_err() };
        let (dialled, refused) = both(endpoint::dial(&stranger, Patience::default()), accept).await;
        let error = dialled.unwrap_err().to_string();
        assert!(error.contains("certificate") && refused, "{error}");

        let impostor = run.authority.issue("impostor").unwrap();
        let listener = endpoint::listen("127.0.0.1:0".parse().unwrap(), &impostor, Patience::default()).unwrap();
        let mut victim = run.identity("victim");
        victim.addresses = vec![listener.local_addr().unwrap()];
        let accept = async { listener.accept().await.unwrap().await.is_err() };
        let (dialled, refused) = both(endpoint::dial(&victim, Patience::default()), accept).await;
        let error = dialled.unwrap_err().to_string();
        assert!(error.contains("certificate") && refused, "{error}");
    });
}

#[test]
fn addresses_are_tried_in_their_order_and_each_failure_is_told() {
    run(async {
        let run = Run::new();
        let patience = Patience { dial: std::time::Duration::from_millis(100), ..Patience::default() };
        // A socket that never answers.
        let silent = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let silent = silent.local_addr().unwrap();
        let mut identity = run.identity("patient");
        identity.addresses.insert(0, silent);
        let accepted = async { run.listener.accept().await.unwrap().await.unwrap() };
        let (dialled, _) = both(endpoint::dial(&identity, patience), accepted).await;
        assert_eq!(dialled.unwrap().remote_address(), identity.addresses[1]);

        identity.addresses = vec![silent];
        let error = endpoint::dial(&identity, patience).await.unwrap_err();
        assert!(error.to_string().contains(&silent.to_string()), "{error}");
        identity.addresses.clear();
        assert!(matches!(endpoint::dial(&identity, patience).await, Err(EndpointError::Nowhere)));
    });
}
