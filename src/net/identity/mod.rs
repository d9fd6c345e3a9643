//! Who takes part in a run: its authority, and the certificates it issues.
//!
//! Each run has an authority of its own, made in the driver's memory and gone with it. It issues one certificate to
//! the driver, which may only serve, and one to each worker, which may only dial: a worker cannot pass for the driver.
//! An [`Identity`] is all a worker needs; it travels over its standard input, never in arguments or the environment,
//! which other users of a host can read.
//!
//! Both ends prove who they are (TLS 1.3, ring's algorithms, named explicitly: the process's default provider belongs
//! to the user). A worker is told from another by the digest of its certificate, so no certificate is ever parsed
//! here. The protocol's version is in the ALPN. There is no 0-RTT: it can be replayed, and a task runs once.
//!
//! A client's `connect` succeeds before the server has judged its certificate; who dials knows that it was accepted
//! when the first message of the server arrives.

#[cfg(test)]
mod tests;

use parking_lot::Mutex;
use quinn::crypto::rustls::{QuicClientConfig, QuicServerConfig};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use ring::rand::{SecureRandom, SystemRandom};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

/// The protocol and its version; two versions do not talk.
pub const ALPN: &[u8] = b"aqueduct/1";

/// The name in the driver's certificate.
const SERVER_NAME: &str = "driver.aqueduct";

type Digest = [u8; 32];

/// Certificates could not be made or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// A certificate could not be made.
    #[error("cannot make a certificate")]
    Issue(#[from] rcgen::Error),
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Random,
    /// An identity cannot be used: it was damaged on its way.
    #[error("the identity of `{name}` cannot be used; was it passed on whole?")]
    Unusable {
        /// Whose.
        name: String,
        /// What is wrong with it.
        source: rustls::Error,
    },
}

/// The authority of one run: issues identities, and knows whose a connection is.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    issued: Mutex<HashMap<Digest, Arc<str>>>,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("issued", &self.issued.lock().len()).finish_non_exhaustive()
    }
}

impl Authority {
    /// A new authority.
    ///
    /// # Errors
    /// If the system gives no random bytes.
    pub fn new() -> Result<Self, IdentityError> {
        let mut params = named("aqueduct run")?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?)?;
        Ok(Self { issuer, issued: Mutex::default() })
    }

    /// The identity of the driver, which listens.
    ///
    /// # Errors
    /// If the system gives no random bytes.
    pub fn driver(&self) -> Result<Identity, IdentityError> {
        self.sign("driver", ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// The identity of a worker, which dials; [`Identity::addresses`] is left to the caller.
    ///
    /// # Errors
    /// If the system gives no random bytes.
    pub fn issue(&self, name: &str) -> Result<Identity, IdentityError> {
        let identity = self.sign(name, ExtendedKeyUsagePurpose::ClientAuth)?;
        self.issued.lock().insert(digest(&identity.certificate), name.into());
        Ok(identity)
    }

    /// Which issued identity is at the other end; `None` if it has been revoked.
    #[must_use]
    pub fn peer_name(&self, connection: &quinn::Connection) -> Option<Arc<str>> {
        let chain = connection.peer_identity()?.downcast::<Vec<CertificateDer<'static>>>().ok()?;
        self.issued.lock().get(&digest(chain.first()?)).cloned()
    }

    /// Forgets an identity: connections of it are no longer recognised.
    ///
    /// For workers that are gone, so that what was theirs cannot be used again.
    pub fn revoke(&self, identity: &Identity) {
        self.issued.lock().remove(&digest(&identity.certificate));
    }

    fn sign(&self, name: &str, usage: ExtendedKeyUsagePurpose) -> Result<Identity, IdentityError> {
        let mut params = named(name)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        let mut nonce = [0; 16];
        SystemRandom::new().fill(&mut nonce).map_err(|_| IdentityError::Random)?;
        Ok(Identity {
            name: name.to_owned(),
            addresses: Vec::new(),
            server_name: SERVER_NAME.to_owned(),
            authority: self.issuer.der().to_vec(),
            certificate: certificate.der().to_vec(),
            key: key.serialize_der(),
            nonce,
        })
    }
}

fn named(name: &str) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new([SERVER_NAME.to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, name);
    Ok(params)
}

fn digest(certificate: &[u8]) -> Digest {
    let digest = ring::digest::digest(&ring::digest::SHA256, certificate);
    let mut bytes = Digest::default();
    bytes.copy_from_slice(digest.as_ref());
    bytes
}

/// What one process needs to take part in a run: where, whom to trust, and its own key. Keep it secret.
#[derive(Clone, Serialize, Deserialize)]
pub struct Identity {
    /// What the run calls this process.
    pub name: String,
    /// Where the driver listens; tried in this order.
    pub addresses: Vec<SocketAddr>,
    /// Unique to this identity: what was started for it says so by repeating it.
    pub nonce: [u8; 16],
    server_name: String,
    authority: Vec<u8>,
    certificate: Vec<u8>,
    key: Vec<u8>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("name", &self.name).field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl Identity {
    /// The name that the driver's certificate must bear.
    #[must_use]
    pub fn server_name(&self) -> &str {
        &self.server_name
    }

    /// The TLS side of a listener.
    ///
    /// # Errors
    /// If the identity was damaged on its way.
    pub fn server(&self) -> Result<QuicServerConfig, IdentityError> {
        let config = || {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(self.roots()?), provider())
                .build()
                .map_err(|error| rustls::Error::General(error.to_string()))?;
            let mut config = rustls::ServerConfig::builder_with_provider(provider())
                .with_protocol_versions(&[&rustls::version::TLS13])?
                .with_client_cert_verifier(verifier)
                .with_single_cert(self.chain(), self.private_key())?;
            config.alpn_protocols = vec![ALPN.to_vec()];
            // No resumption: each connection shows its certificate.
            config.send_tls13_tickets = 0;
            initial_suite(config)
        };
        config().map_err(|source| self.unusable(source))
    }

    /// The TLS side of who dials.
    ///
    /// # Errors
    /// If the identity was damaged on its way.
    pub fn client(&self) -> Result<QuicClientConfig, IdentityError> {
        let config = || {
            let mut config = rustls::ClientConfig::builder_with_provider(provider())
                .with_protocol_versions(&[&rustls::version::TLS13])?
                .with_root_certificates(self.roots()?)
                .with_client_auth_cert(self.chain(), self.private_key())?;
            config.alpn_protocols = vec![ALPN.to_vec()];
            config.resumption = rustls::client::Resumption::disabled();
            initial_suite(config)
        };
        config().map_err(|source| self.unusable(source))
    }

    fn unusable(&self, source: rustls::Error) -> IdentityError {
        IdentityError::Unusable { name: self.name.clone(), source }
    }

    fn roots(&self) -> Result<RootCertStore, rustls::Error> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.clone().into())?;
        Ok(roots)
    }

    fn chain(&self) -> Vec<CertificateDer<'static>> {
        vec![self.certificate.clone().into()]
    }

    fn private_key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key.clone()).into()
    }
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// The QUIC form of a TLS configuration; it fails only without the one cipher suite that QUIC starts with.
fn initial_suite<T, Q: TryFrom<T, Error: std::error::Error>>(config: T) -> Result<Q, rustls::Error> {
    Q::try_from(config).map_err(|error| rustls::Error::General(error.to_string()))
}
