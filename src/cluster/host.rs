//! What the host has that tasks may need, as tags of its workers.

use crate::cluster::driver::Launch;

/// The tag of workers on a host with a GPU.
#[cfg(feature = "cuda")]
const GPU: &str = "gpu";

/// Gives the workers that are this program the tags of what their host has: `gpu`.
///
/// A worker with a command of its own may run elsewhere, or be another build: whoever writes the command knows its tags.
#[cfg(feature = "cuda")]
pub(super) async fn tagged(mut workers: Vec<Launch>) -> Vec<Launch> {
    let without = |launch: &Launch| launch.command.is_none() && !launch.tags.iter().any(|tag| tag == GPU);
    if workers.iter().any(without) && has_gpu().await {
        for worker in workers.iter_mut().filter(|launch| without(launch)) {
            worker.tags.push(GPU.to_owned());
        }
    }
    workers
}

/// Without the feature `cuda` nobody could use a GPU.
#[cfg(not(feature = "cuda"))]
pub(super) async fn tagged(workers: Vec<Launch>) -> Vec<Launch> {
    std::future::ready(workers).await
}

/// Asks the driver, which may take some tenths of a second the first time.
#[cfg(feature = "cuda")]
async fn has_gpu() -> bool {
    // Workers inherit it, and would pick the CPU.
    if std::env::var("AQUEDUCT_GPU").is_ok_and(|wanted| wanted.trim() == "cpu") {
        return false;
    }
    // On a thread of its own: there may be no runtime here, and nobody is to wait for a driver.
    let (answer, found) = tokio::sync::oneshot::channel();
    let asking = move || {
        // Nobody may be interested any more.
        let _ = answer.send(crate::gpu::Gpu::count() > 0);
    };
    let asked = std::thread::Builder::new().name("aqueduct-gpu-count".to_owned()).spawn(asking);
    asked.is_ok() && found.await.unwrap_or(false)
}
