//! What `#[aqueduct::main]` calls: a runtime, a cluster, the body, and an end in good order.

use std::{error::Error, fmt::Write as _, future::Future, io, process};

/// Runs `main`'s body with a cluster that `start` makes, and `stop`s it afterwards.
///
/// The body runs on this thread, so it need not be `Send`. If the cluster cannot start, the program says why and exits
/// with code 1: there is nobody to hand the error to. If the body panics, the workers see the end of this process. What
/// `stop` gives, a summary, is for those who call it themselves.
#[doc(hidden)]
pub fn drive<C: Clone, E: Error, R, S>(
    start: impl AsyncFnOnce() -> Result<C, E>,
    body: impl AsyncFnOnce(C) -> R,
    stop: impl AsyncFnOnce(C) -> S,
) -> R {
    on_a_runtime(async {
        let cluster = start().await.unwrap_or_else(|error| fail("the cluster did not start", &error));
        let result = body(cluster.clone()).await;
        stop(cluster).await;
        result
    })
}

/// Runs a `main` that takes no cluster.
#[doc(hidden)]
pub fn drive_alone<R>(body: impl AsyncFnOnce() -> R) -> R {
    on_a_runtime(body())
}

fn on_a_runtime<R>(all: impl Future<Output = R>) -> R {
    let runtime: io::Result<_> = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.unwrap_or_else(|error| fail("the threads of the program did not start", &error)).block_on(all)
}

fn fail(what: &str, error: &dyn Error) -> ! {
    eprintln!("error: {}", chain(what, error));
    process::exit(1)
}

/// The error and its causes, from the outermost.
fn chain(what: &str, error: &dyn Error) -> String {
    let mut text = format!("{what}: {error}");
    let mut said = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let own = error.to_string();
        // Some errors say their cause themselves.
        if !said.contains(&own) {
            // Writing to a `String` cannot fail.
            let _ = write!(text, "\n  because {own}");
        }
        said = own;
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    //! What a program does around its body.

    use std::{cell::RefCell, fmt, rc::Rc};

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("no worker came")]
    struct NoWorker(#[source] Refusal);

    #[derive(Debug, thiserror::Error)]
    #[error("worker 3 was refused")]
    struct Refusal(#[source] io::Error);

    #[test]
    fn the_cluster_is_started_before_the_body_and_stopped_behind_it() {
        let said = RefCell::new(Vec::new());
        let say = |what: &'static str| said.borrow_mut().push(what);
        let result = drive(
            async || {
                say("start");
                Ok::<_, fmt::Error>(Rc::new(5))
            },
            async |cluster| {
                say("body");
                tokio::task::yield_now().await;
                *cluster + 1
            },
            async |cluster: Rc<i32>| {
                assert_eq!(Rc::strong_count(&cluster), 1, "the body has given its own back");
                say("stop");
            },
        );
        assert_eq!(result, 6);
        assert_eq!(said.into_inner(), ["start", "body", "stop"]);
    }

    #[test]
    fn the_body_has_timers_and_tasks_without_a_cluster() {
        let result = drive_alone(async || {
            let timer = tokio::time::timeout(std::time::Duration::ZERO, std::future::pending::<()>());
            (timer.await.is_err(), tokio::spawn(async { 7 }).await.ok())
        });
        assert_eq!(result, (true, Some(7)));
    }

    #[test]
    fn an_error_is_told_with_its_causes() {
        let error = NoWorker(Refusal(io::Error::other("another build")));
        assert_eq!(
            chain("the cluster did not start", &error),
            "the cluster did not start: no worker came\n  because worker 3 was refused\n  because another build"
        );
    }

    #[test]
    fn a_cause_that_the_error_says_itself_is_not_told_twice() {
        #[derive(Debug, thiserror::Error)]
        #[error("cannot listen: {0}")]
        struct Listen(#[source] io::Error);

        assert_eq!(chain("failed", &Listen(io::Error::other("in use"))), "failed: cannot listen: in use");
    }
}
