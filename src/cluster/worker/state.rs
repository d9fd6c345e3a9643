//! What a worker process keeps between tasks.

use std::{
    any::{Any, TypeId},
    collections::HashMap,
    sync::{Arc, OnceLock},
};

use parking_lot::Mutex;

type Slot = Arc<OnceLock<Arc<dyn Any + Send + Sync>>>;

static STATES: Mutex<Option<HashMap<TypeId, Slot>>> = Mutex::new(None);

/// The one value of type `T` of this process, made by `make` when it is first asked for: a model that is loaded once, a
/// connection that all tasks use.
///
/// Give it a type of its own. While it is made, other threads that ask for it wait. It works on the driver as well.
///
/// ```
/// use aqueduct::cluster::worker_state;
///
/// struct Model(Vec<f32>);
///
/// #[aqueduct::remote]
/// fn predict(x: f32) -> f32 {
///     let model = worker_state(|| Model(vec![0.25; 4]));    // loaded by the first task of this worker
///     model.0.iter().map(|w| w * x).sum()
/// }
/// assert_eq!(predict(2.0), 2.0);
/// ```
///
/// # Panics
///
/// If `make` does; the next call tries again.
pub fn worker_state<T: Send + Sync + 'static>(make: impl FnOnce() -> T) -> Arc<T> {
    let slot = Arc::clone(STATES.lock().get_or_insert_default().entry(TypeId::of::<T>()).or_default());
    let value = slot.get_or_init(|| Arc::new(make())).clone();
    match value.downcast() {
        Ok(value) => value,
        Err(_) => unreachable!("the slot of a type holds a value of that type"),
    }
}
