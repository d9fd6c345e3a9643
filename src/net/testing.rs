//! Two ends of a connection for tests: one process, one runtime, the loopback interface.

use super::endpoint::{self, Patience};
use super::identity::{Authority, Identity};
use super::link::{self, Inbox, Limits, Outbox};
use quinn::{Connection, Endpoint};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// A run whose driver listens.
pub(super) struct Run {
    pub(super) authority: Authority,
    pub(super) listener: Endpoint,
}

pub(super) const LIMITS: Limits = Limits { payload: 8 << 20, patience: Duration::from_secs(10) };

/// Runs a test as both sides run: on one thread. A test that hangs fails.
pub(super) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(60), test).await.expect("the test hangs");
    });
}

impl Run {
    pub(super) fn new() -> Self {
        let authority = Authority::new().unwrap();
        let driver = authority.driver().unwrap();
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let listener = endpoint::listen(any, &driver, Patience::default()).unwrap();
        Self { authority, listener }
    }

    pub(super) fn identity(&self, name: &str) -> Identity {
        self.with_address(self.authority.issue(name).unwrap())
    }

    pub(super) fn with_address(&self, mut identity: Identity) -> Identity {
        identity.addresses = vec![self.listener.local_addr().unwrap()];
        identity
    }

    /// A connection, as the worker and as the driver see it.
    pub(super) async fn connect(&self, name: &str) -> (Connection, Connection) {
        let identity = self.identity(name);
        let accepted = async { self.listener.accept().await.unwrap().await.unwrap() };
        let (dialled, accepted) = both(endpoint::dial(&identity, Patience::default()), accepted).await;
        (dialled.unwrap(), accepted)
    }

    /// A link, as the worker and as the driver see it.
    pub(super) async fn link(&self, name: &str, limits: Limits) -> [(Outbox, Inbox); 2] {
        let (dialled, accepted) = self.connect(name).await;
        let (worker, driver) = both(link::open(dialled, limits), link::accept(accepted, limits)).await;
        [worker.unwrap(), driver.unwrap()]
    }
}

/// Both futures, at the same time.
pub(super) async fn both<A: Future, B: Future>(a: A, b: B) -> (A::Output, B::Output) {
    futures::future::join(a, b).await
}
