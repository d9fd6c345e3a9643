//! par!, try_par!, groups, spawned processes and threads are processes, and stand in each other.

use aqueduct::prelude::*;
use aqueduct::{Handle, WaitError};

use super::{on_runtime, relay, relay_thread};

#[process]
async fn value(n: u32) -> Outcome<u32> {
    tokio::task::yield_now().await;
    Ok(n)
}

#[process]
fn value_thread(n: u32) -> Outcome<u32> {
    Ok(n)
}

#[test]
fn compositions_stand_in_compositions() {
    on_runtime(async {
        let nested = par!(value(1), par!(value_thread(2), try_par!(value(3), value_thread(4))), value(5));
        assert_eq!(nested.await.unwrap(), (1, (2, (3, 4)), 5));
        let nested = try_par!(par!(value(1)), par!(value(2), value(3)));
        assert_eq!(nested.spawn().await.unwrap(), ((1,), (2, 3)));
        let mut group = Group::new();
        for n in 0..5 {
            group.add(par!(value(n), value_thread(n * 10)));
        }
        assert_eq!(group.join().await.unwrap(), [(0, 0), (1, 10), (2, 20), (3, 30), (4, 40)]);
    });
}

#[test]
fn a_group_in_a_process_in_par_in_a_group() {
    async fn sum(from: u32, to: u32) -> Outcome<u32> {
        let mut group = Group::new();
        for n in from..to {
            group.add(value(n));
        }
        Ok(group.join().await?.iter().sum())
    }
    on_runtime(async {
        let mut group = Group::new();
        for n in 0..10 {
            group.add(par!(
                aqueduct::task("low", sum(n * 20, n * 20 + 10)),
                aqueduct::task("high", sum(n * 20 + 10, n * 20 + 20))
            ));
        }
        let total: u32 = group.join().await.unwrap().into_iter().map(|(low, high)| low + high).sum();
        assert_eq!(total, (0..200).sum());
    });
}

#[test]
fn handles_stand_in_processes_and_in_choices() {
    on_runtime(async {
        let (tx, rx) = aqueduct::channel::<u32>();
        let mut quick: Handle<u32> = value(7).spawn();
        let chosen = alt! {
            n = rx.recv() => n.unwrap(),
            result = &mut quick => result.unwrap(),
        };
        assert_eq!(chosen, 7);
        drop(tx);
        let one = value(1).spawn();
        let two = value_thread(2).spawn();
        let both = par!(
            aqueduct::task("one", async move { Ok(one.await?) }),
            aqueduct::task("two", async move { Ok(two.await?) })
        );
        assert_eq!(both.await.unwrap(), (1, 2));
    });
}

#[test]
fn a_thread_waits_for_processes() {
    on_runtime(async {
        let task = value(3).spawn();
        let total = aqueduct::thread("joins", move || {
            let thread = value_thread(4).spawn();
            Ok(task.join_blocking()? + thread.join_blocking()?)
        });
        assert_eq!(total.await.unwrap(), 7);
    });
}

#[test]
fn join_blocking_in_a_task_is_an_error_that_says_what_to_do() {
    on_runtime(async {
        let error = tokio::spawn(async { value_thread(1).spawn().join_blocking() }).await.unwrap().unwrap_err();
        assert_eq!(error.cause().error().unwrap().downcast_ref::<WaitError>(), Some(&WaitError::OnRuntimeWorker));
        assert!(error.to_string().contains("await"), "{error}");
    });
}

#[test]
fn run_in_a_task_is_an_error() {
    on_runtime(async {
        let error = tokio::spawn(async { aqueduct::run(value(1)) }).await.unwrap().unwrap_err();
        assert!(error.cause().is_not_started(), "{error}");
        let error = aqueduct::task("inside", async { Outcome::Ok(aqueduct::run(value(1)).unwrap_err()) }).await;
        assert!(error.unwrap().cause().is_not_started());
    });
}

#[test]
fn values_come_in_the_order_of_the_text_whatever_ends_first() {
    on_runtime(async {
        let (a, a_rx) = aqueduct::channel();
        let (b, b_rx) = aqueduct::channel();
        let (second, third, first) = par!(
            aqueduct::task("waits", async move { Ok(a_rx.recv().await? + 1) }),
            aqueduct::task("waits too", async move {
                let n: u32 = b_rx.recv().await?;
                a.send(n + 1).await?;
                Ok(n)
            }),
            aqueduct::task("begins", async move {
                b.send(1).await?;
                Ok("first".to_owned())
            })
        )
        .await
        .unwrap();
        assert_eq!((second, third, first), (3, 1, "first".to_owned()));
    });
}

#[test]
fn sixteen_children_and_one_and_sixteen_times_sixteen() {
    on_runtime(async {
        macro_rules! sixteen {
            ($p:expr) => {
                par!($p, $p, $p, $p, $p, $p, $p, $p, $p, $p, $p, $p, $p, $p, $p, $p)
            };
        }
        let all = sixteen!(sixteen!(value(1))).await.unwrap();
        assert_eq!(all.15.15, 1);
        assert_eq!(par!(value(9)).await.unwrap(), (9,));
    });
}

/// The same chain, long enough for wakes to go round through every kind of child.
#[test]
fn a_pipeline_through_every_kind_of_child() {
    on_runtime(async {
        let (a, a_rx) = aqueduct::channel();
        let (b, b_rx) = aqueduct::buffered(3);
        let (c, c_rx) = aqueduct::channel();
        let (d, d_rx) = aqueduct::unbounded();
        let (e, e_rx) = aqueduct::channel();
        let mut group = Group::new();
        group.add(relay(d_rx, e));
        let apart = relay(c_rx, d).spawn();
        let n = super::common::rounds(2000) as u32;
        let ((), (), (), sum, _) = par!(
            aqueduct::task("source", async move {
                for n in 0..n {
                    a.send(n).await?;
                }
                Ok(())
            }),
            relay_thread(a_rx, b),
            par!(relay(b_rx, c)).into_unit(),
            aqueduct::task("sum", async move {
                let mut sum = 0_u64;
                let mut next = 0;
                while let Some(n) = e_rx.next().await? {
                    assert_eq!(n, next, "in order");
                    next += 1;
                    sum += u64::from(n);
                }
                Ok(sum)
            }),
            aqueduct::task("group", async move { Ok(group.join().await?) }),
        )
        .await
        .unwrap();
        apart.await.unwrap();
        assert_eq!(sum, u64::from(n) * u64::from(n - 1) / 2);
    });
}

/// A composition as a process without a value.
trait IntoUnit: Process {
    fn into_unit(self) -> impl Process<Value = (), IntoFuture: Send>;
}

impl<P: Process<IntoFuture: Send, Value: Send>> IntoUnit for P {
    fn into_unit(self) -> impl Process<Value = (), IntoFuture: Send> {
        let run = self.into_future();
        aqueduct::task("unit", async move {
            run.await?;
            Ok(())
        })
    }
}

#[test]
fn group_next_gives_each_result_as_it_comes() {
    on_runtime(async {
        let mut group = Group::new();
        let mut gates = Vec::new();
        for n in 0..4_u32 {
            let (gate, wait) = aqueduct::channel::<()>();
            gates.push(gate);
            group.add(aqueduct::task(format!("member {n}"), async move {
                wait.recv().await?;
                if n == 2 { Err(Exit::failure("two")) } else { Ok(n) }
            }));
        }
        assert_eq!((group.len(), group.is_empty()), (4, false));
        for n in [3, 0, 2, 1] {
            let (result, sent) = futures::future::join(group.next(), gates[n as usize].send(())).await;
            sent.unwrap();
            match result.unwrap() {
                Ok(value) => assert_eq!(value, n),
                Err(error) => assert_eq!((n, error.cause().origin().name()), (2, "member 2")),
            }
        }
        assert!(group.is_empty());
        assert!(group.next().await.is_none());
        group.add(value(8));
        assert_eq!(group.next().await.unwrap().unwrap(), 8, "a group that was empty goes on");
    });
}

#[test]
fn group_join_waits_for_all_and_gives_the_first_cause() {
    on_runtime(async {
        let mut group = Group::new();
        let (ended, was_ended) = aqueduct::buffered(2);
        let (poisoned, passed_on) = aqueduct::channel::<u32>();
        let also_ended = ended.clone();
        group.add(aqueduct::task("echo", async move {
            passed_on.recv().await?;
            Ok(())
        }));
        group.add(aqueduct::task("first", async move {
            let _poisoned = poisoned;
            Err::<(), _>(Exit::failure("first"))
        }));
        group.add(aqueduct::task("slow", async move {
            for _ in 0..10 {
                tokio::task::yield_now().await;
            }
            also_ended.send(()).await?;
            Ok(())
        }));
        let error = group.join().await.unwrap_err();
        assert_eq!(error.cause().origin().name(), "first");
        assert_eq!(was_ended.try_recv(), Ok(()), "the slow one has ended");
        drop(ended);
    });
}

#[test]
fn an_empty_group_and_a_polled_out_par() {
    on_runtime(async {
        assert_eq!(Group::<u32>::new().join().await.unwrap(), []);
        let mut done = Box::pin(par!(value(1)).into_future());
        assert_eq!(done.as_mut().await.unwrap(), (1,));
        assert!(done.await.unwrap_err().to_string().ends_with("has given its result away already"));
        let mut one = Box::pin(value(1).into_future());
        assert_eq!(one.as_mut().await.unwrap(), 1);
        assert!(one.await.unwrap_err().to_string().ends_with("has given its result away already"));
        let mut thread = Box::pin(value_thread(1).into_future());
        assert_eq!(thread.as_mut().await.unwrap(), 1);
        assert!(thread.await.unwrap_err().to_string().ends_with("has given its result away already"));
    });
}
