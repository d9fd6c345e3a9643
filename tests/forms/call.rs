//! Requests with replies.

use super::*;
use aqueduct::{CallError, calls};

#[process]
async fn doubles(calls: Receiver<Call<u32, u32>>) -> Outcome {
    while let Some(call) = calls.next().await? {
        let (n, reply) = call.into_parts();
        let _ = reply.send(2 * n);
    }
    Ok(())
}

#[test]
fn every_call_gets_its_own_answer() {
    let (caller, calls) = calls();
    on_runtime(async move {
        let servers = [doubles(calls.clone()).spawn(), doubles(calls).spawn()];
        let mut clients = Group::new();
        for client in 0..8 {
            let caller = caller.clone();
            clients.add(task("client", async move {
                for n in 0..rounds(200) as u32 {
                    assert_eq!(caller.call(1000 * client + n).await?, 2 * (1000 * client + n));
                }
                Ok(())
            }));
        }
        drop(caller);
        clients.join().await.unwrap();
        for server in servers {
            server.await.unwrap();
        }
    });
}

#[test]
fn threads_call_tasks_and_tasks_call_threads() {
    let (caller, on_task) = calls::<u32, u32>();
    let (other, on_thread) = calls::<u32, u32>();
    on_runtime(async move {
        let server = doubles(on_task).spawn();
        let thread = aqueduct::thread("client", move || {
            assert_eq!(caller.call_blocking(4)?, 8);
            assert_eq!(caller.call_timeout_blocking(5, LIMIT)?, 10);
            assert_eq!(caller.call_deadline_blocking(6, Instant::now() + LIMIT)?, 12);
            Ok(())
        })
        .spawn();
        let answering = aqueduct::thread("server", move || {
            for call in &on_thread {
                let call = call?;
                let n = *call.request();
                let _ = call.reply(n + 1);
            }
            Ok(())
        })
        .spawn();
        assert_eq!(other.call(1).await.unwrap(), 2);
        assert_eq!(other.call_timeout(2, LIMIT).await.unwrap(), 3);
        assert_eq!(other.call_deadline(3, Instant::now() + LIMIT).await.unwrap(), 4);
        drop(other);
        for handle in [server, thread, answering] {
            handle.await.unwrap();
        }
    });
}

#[test]
fn a_request_that_nobody_takes_comes_back() {
    let (caller, calls) = calls::<String, ()>();
    let error = caller.call_timeout_blocking("hello".to_owned(), Duration::from_millis(2)).unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(error.into_request().as_deref(), Some("hello"));
    drop(calls);
    assert!(caller.is_ended());
    let error = caller.call_blocking("hello".to_owned()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the call was not taken: the channel is retired: every end of the other side is gone"
    );
    assert_eq!(error.into_request().as_deref(), Some("hello"));
    on_runtime(async move {
        let error: CallError<String> = caller.call_blocking("in a task".to_owned()).unwrap_err();
        assert_eq!(*error.reason(), WaitError::OnRuntimeWorker);
        assert_eq!(error.into_request().as_deref(), Some("in a task"));
    });
}

#[test]
fn a_server_that_has_left_ends_its_clients_quietly() {
    let (caller, calls) = calls::<u32, u32>();
    drop(calls);
    let client = task("client", async move {
        caller.call(1).await?;
        Ok(())
    });
    on_runtime(client.into_future()).unwrap();
}

#[test]
fn a_call_that_is_dropped_unanswered_fails_its_caller() {
    let (caller, calls) = calls::<u32, u32>();
    let client = std::thread::spawn(move || caller.call_blocking(1));
    drop(calls.recv_blocking().unwrap());
    let error = within(LIMIT, move || client.join().unwrap()).unwrap_err();
    assert!(error.to_string().contains("dropped a call without a reply"), "{error}");
    assert!(error.reason().is_poisoned() && error.into_request().is_none());
}

#[test]
fn a_server_that_fails_fails_its_caller_with_its_own_cause() {
    let (caller, calls) = calls::<u32, u32>();
    on_runtime(async move {
        let server = task("server", async move {
            let call = calls.recv().await?;
            call.request().checked_sub(2).ok_or(Exit::failure("too small"))?;
            call.reply(0).map_err(|_| Exit::failure("gone"))?;
            Ok(())
        })
        .spawn();
        let client = task("client", async move { Ok(caller.call(1).await?) }).spawn();
        let (server, client) = (server.await.unwrap_err(), client.await.unwrap_err());
        assert!(client.same_cause(&server), "{client} because {server}");
        assert!(client.to_string().ends_with("failed: too small"), "{client}");
    });
}

#[test]
fn a_caller_that_has_left_is_noticed() {
    let (caller, calls) = calls::<u32, u32>();
    let mut call = Box::pin(caller.call(1));
    assert!(poll(call.as_mut()).is_pending());
    let taken = calls.try_recv().unwrap();
    assert!(!taken.is_abandoned());
    drop(call);
    assert!(taken.is_abandoned());
    let (_, reply) = taken.into_parts();
    assert!(poll(pin!(reply.abandoned())).is_ready());
    assert_eq!(reply.send(2).unwrap_err().into_inner(), 2);
}

#[test]
fn a_client_may_choose_over_the_request_itself() {
    let (caller, calls) = calls::<&str, usize>();
    let (stop_tx, stop) = aqueduct::channel::<()>();
    let (call, answer) = Call::new("hello");
    let mut slot = Some(call);
    {
        let mut choice = pin!(async {
            alt! {
                r = caller.sender().send_from(&mut slot) => { r.unwrap(); true }
                _ = stop.recv() => false,
            }
        });
        assert!(poll(choice.as_mut()).is_pending());
        drop(stop_tx);
        assert_eq!(poll(choice), Poll::Ready(false));
    }
    assert_eq!(slot.as_ref().map(|call| *call.request()), Some("hello"), "the call was not made");
    let mut send = pin!(caller.sender().send_from(&mut slot));
    assert!(poll(send.as_mut()).is_pending());
    calls.try_recv().unwrap().reply(5).unwrap();
    assert!(poll(send).is_ready());
    assert_eq!(answer.try_recv(), Ok(5));
}
