//! Constants that many tasks share.

use std::{fmt, marker::PhantomData, sync::Arc};

use bytes::Bytes;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};

use super::{
    driver::{Driver, KeptConstant},
    error::TaskError,
    keeping,
    protocol::Digest,
    worker::Scope,
};

/// A value that the driver keeps for tasks, made by [`Cluster::share`](crate::Cluster::share).
///
/// It travels as a small reference, in arguments or captured data; [`get`](Shared::get) in a task gives the value, which is
/// sent to each host once, when it is first asked for, and decoded once per worker. Equal values are one.
///
/// It stays as long as a clone on the driver does, or a task that was given one is under way; then the workers forget it. (A
/// clone that only travels in results, or that a task gives to tasks of its own, keeps nothing.)
///
/// ```
/// use aqueduct::cluster::{Shared, with};
///
/// #[aqueduct::remote]
/// fn look_up(table: &Shared<Vec<f64>>, place: u64) -> f64 {
///     table.get().map_or(f64::NAN, |table| table[place as usize])
/// }
///
/// # async fn doc(cluster: aqueduct::Cluster) -> Result<(), Box<dyn std::error::Error>> {
/// let table = cluster.share(vec![0.5; 1_000_000])?;
/// let sum: f64 = cluster.map(with(table.clone(), look_up), 0..1000).sum().await?;
/// # Ok(())
/// # }
/// ```
pub struct Shared<T> {
    digest: Digest,
    /// On the driver: the value, and what keeps it for the workers.
    here: Option<(Arc<T>, Arc<KeptConstant>)>,
    value: PhantomData<fn() -> T>,
}

impl<T> Shared<T> {
    pub(super) fn keep(driver: &Arc<Driver>, bytes: Bytes, value: T) -> Self {
        let kept = KeptConstant::new(&driver.shared, bytes);
        Self { digest: kept.digest, here: Some((Arc::new(value), Arc::new(kept))), value: PhantomData }
    }
}

impl<T: DeserializeOwned + Send + Sync + 'static> Shared<T> {
    /// The value. In a task, the first call on a worker waits until it has come.
    ///
    /// # Errors
    ///
    /// The driver dropped its last clone, the bytes are no `T`, or a clone that travelled is asked outside of a task.
    pub fn get(&self) -> Result<Arc<T>, TaskError> {
        if let Some((value, _)) = &self.here {
            return Ok(Arc::clone(value));
        }
        match Scope::current() {
            Some(scope) => scope.constants().get(&self.digest),
            None => Err(TaskError::codec("a shared constant", "found", &"it was asked for outside of a task")),
        }
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self { digest: self.digest, here: self.here.clone(), value: PhantomData }
    }
}

impl<T> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("digest", &format_args!("{:02x?}…", &self.digest[..4])).finish()
    }
}

impl<T> Serialize for Shared<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some((_, kept)) = &self.here {
            keeping::note(kept);
        }
        self.digest.serialize(serializer)
    }
}

impl<'de, T> Deserialize<'de> for Shared<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self { digest: Digest::deserialize(deserializer)?, here: None, value: PhantomData })
    }
}
