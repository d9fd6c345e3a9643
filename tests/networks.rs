//! Whole networks, each under some hundred schedules, with exact results: whatever the order, nothing is lost, nothing
//! comes twice, and everybody ends.
//!
//! A failure prints its seed and how to replay it; `AQUEDUCT_ROUNDS` scales the number of schedules.
#![cfg(not(any(aqueduct_loom, aqueduct_shuttle)))]

mod common;

use std::collections::BTreeMap;
use std::future::IntoFuture;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aqueduct::prelude::*;
use aqueduct::testing::{Explore, Reason, Report};

use common::rounds;

#[track_caller]
fn explore<P, T, E>(network: impl FnMut() -> P) -> Report<T>
where
    P: IntoFuture<Output = Result<T, E>>,
    E: Into<Exit>,
{
    match Explore::new().schedules(rounds(300) as u64).run(network) {
        Ok(report) => report,
        Err(failure) => panic!("{failure}"),
    }
}

/// True if some run made such a value; or if there were too few runs to tell, as in the replay of one seed.
fn some<T>(report: &Report<T>, such: impl Fn(&T) -> bool) -> bool {
    report.runs().len() < 100 || report.values().any(such)
}

fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

#[process]
async fn numbers(range: std::ops::Range<u32>, out: Sender<u32>) -> Outcome {
    for n in range {
        out.send(n).await?;
    }
    Ok(())
}

#[process]
fn numbers_thread(range: std::ops::Range<u32>, out: Sender<u32>) -> Outcome {
    for n in range {
        out.send_blocking(n)?;
    }
    Ok(())
}

#[process]
async fn collect(input: Receiver<u32>) -> Outcome<Vec<u32>> {
    let mut all = Vec::new();
    while let Some(n) = input.next().await? {
        all.push(n);
    }
    Ok(all)
}

#[process]
async fn merge(left: Receiver<u32>, right: Receiver<u32>, out: Sender<u32>) -> Outcome {
    let mut choice = Alt::fair();
    loop {
        alt! { choice;
            Ok(n) = left.recv() => out.send(n).await?,
            Ok(n) = right.recv() => out.send(n).await?,
            complete => return Ok(()),
        }
    }
}

#[test]
fn a_merge_loses_nothing_and_keeps_the_order_of_each_side() {
    let report = explore(|| async {
        let (a, a_rx) = aqueduct::channel();
        let (b, b_rx) = aqueduct::buffered(2);
        let (out, out_rx) = aqueduct::channel();
        let merge = merge(a_rx, b_rx, out).spawn();
        let ((), (), merged) = par!(numbers(0..5, a), numbers(10..15, b), collect(out_rx)).await?;
        merge.await?;
        let (left, right): (Vec<u32>, Vec<u32>) = merged.iter().partition(|&&n| n < 10);
        assert_eq!((left, right), ((0..5).collect(), (10..15).collect()));
        Outcome::Ok(merged)
    });
    // It is a merge, not a concatenation.
    assert!(some(&report, |merged| merged[0] == 0) && some(&report, |merged| merged[0] == 10));
}

/// Each member offers its token to the one on its right and takes from the one on its left, whichever comes first.
#[process]
async fn member(mut token: Option<u32>, hops: u32, left: Receiver<u32>, right: Sender<u32>) -> Outcome<u32> {
    let (mut sent, mut taken) = (0, 0);
    let mut waiting = Vec::new();
    while sent < hops || taken < hops {
        if token.is_none() {
            token = waiting.pop();
        }
        alt! {
            r = right.send_from(&mut token), if sent < hops => { r?; sent += 1 },
            n = left.recv(), if taken < hops => { waiting.push(n? + 1); taken += 1 },
            complete => unreachable!("who has taken all has a token to send"),
        }
    }
    waiting.extend(token);
    assert_eq!(waiting.len(), 1, "each member ends with one token");
    Ok(waiting[0])
}

#[test]
fn a_ring_of_choices_in_both_directions_turns_without_standing_still() {
    const MEMBERS: u32 = 4;
    const HOPS: u32 = 3;
    explore(|| async {
        let (mut rights, mut lefts): (Vec<_>, Vec<_>) = (0..MEMBERS).map(|_| aqueduct::channel()).unzip();
        // Member i sends into channel i, and receives from channel i - 1.
        lefts.rotate_right(1);
        let mut group = Group::new();
        for (n, (right, left)) in rights.drain(..).zip(lefts).enumerate() {
            group.add(member(Some(1000 * n as u32), HOPS, left, right));
        }
        let tokens = group.join().await?;
        // Every hop is counted by exactly one token.
        assert_eq!(tokens.iter().map(|token| token % 1000).sum::<u32>(), MEMBERS * HOPS);
        let mut owners: Vec<u32> = tokens.iter().map(|token| token / 1000).collect();
        owners.sort_unstable();
        assert_eq!(owners, [0, 1, 2, 3]);
        Outcome::Ok(())
    });
}

struct Question {
    number: u32,
    reply: Sender<u32>,
}

#[process]
async fn server(questions: Receiver<Question>) -> Outcome<u32> {
    let mut served = 0;
    while let Some(Question { number, reply }) = questions.next().await? {
        served += 1;
        // A client that has gone away is no reason to stop.
        let _ = reply.send(number * number).await;
    }
    Ok(served)
}

#[process]
async fn client(first: u32, questions: Sender<Question>) -> Outcome {
    for number in first..first + 3 {
        let (reply, answer) = aqueduct::channel();
        questions.send(Question { number, reply }).await?;
        assert_eq!(answer.recv().await?, number * number);
    }
    Ok(())
}

#[process]
async fn hasty_client(questions: Sender<Question>) -> Outcome {
    let (reply, answer) = aqueduct::channel();
    questions.send(Question { number: 7, reply }).await?;
    drop(answer);
    Ok(())
}

#[test]
fn every_client_gets_its_own_answers_and_the_server_outlives_hasty_ones() {
    explore(|| async {
        let (ask, questions) = aqueduct::channel();
        let server = [server(questions.clone()).spawn(), server(questions).spawn()];
        let hasty = hasty_client(ask.clone()).spawn();
        par!(client(10, ask.clone()), client(20, ask.clone()), client(30, ask)).await?;
        hasty.await?;
        let mut served = 0;
        for server in server {
            served += server.await?;
        }
        assert_eq!(served, 3 * 3 + 1);
        Outcome::Ok(())
    });
}

#[process]
async fn stage(input: Receiver<u32>, out: Sender<u32>) -> Outcome {
    while let Some(n) = input.next().await? {
        out.send(n + 1).await?;
    }
    Ok(())
}

#[test]
fn an_aborted_stage_poisons_its_pipeline_in_both_directions() {
    let report = explore(|| async {
        let (a, a_rx) = aqueduct::channel();
        let (b, b_rx) = aqueduct::channel();
        let (c, c_rx) = aqueduct::channel();
        let source = numbers(0..u32::MAX, a).spawn();
        let middle = stage(a_rx, b).spawn();
        let last = stage(b_rx, c).spawn();
        let mut seen = 0;
        while seen < 3 {
            assert_eq!(c_rx.recv().await?, seen + 2);
            seen += 1;
        }
        middle.abort();
        // What was under way may still come, in order; then the poison, and not a quiet end.
        let cause = loop {
            match c_rx.next().await {
                Ok(Some(n)) => {
                    assert_eq!(n, seen + 2);
                    seen += 1;
                }
                Ok(None) => panic!("truncated data passed for complete"),
                Err(poisoned) => break poisoned,
            }
        };
        assert!(cause.cause().is_cancelled() && cause.cause().origin().name() == "stage");
        for ended in [source.await, middle.await, last.await] {
            assert!(ended.unwrap_err().cause().is_cancelled());
        }
        Outcome::Ok(seen)
    });
    assert!(some(&report, |&seen| seen == 3) && some(&report, |&seen| seen > 3), "aborted at different moments");
}

#[test]
fn a_receive_that_is_dropped_at_any_moment_loses_nothing() {
    explore(|| async {
        let (tx, rx) = aqueduct::channel();
        let source = numbers(0..6, tx).spawn();
        let mut received = Vec::new();
        loop {
            // The receive that loses is dropped wherever it stands; it may have been given a value by then.
            let (one, other) = (pin!(rx.recv()), pin!(rx.recv()));
            match futures::future::select(one, other).await.factor_first().0 {
                Ok(n) => received.push(n),
                Err(_) => break,
            }
        }
        source.await?;
        // One had the last value while the other saw the channel retired: it is back.
        received.extend(rx.try_iter());
        received.sort_unstable();
        assert_eq!(received, [0, 1, 2, 3, 4, 5]);
        Outcome::Ok(())
    });
}

#[process]
async fn worker(jobs: Receiver<u32>, results: Sender<(u32, u32)>) -> Outcome {
    while let Some(n) = jobs.next().await? {
        // Jobs take different times.
        after(ms(u64::from(n * 7 % 5))).await;
        results.send((n, n * n)).await?;
    }
    Ok(())
}

#[test]
fn a_farm_does_every_job_once_in_whatever_order() {
    let report = explore(|| async {
        let (jobs, jobs_rx) = aqueduct::buffered(2);
        let (results, results_rx) = aqueduct::channel();
        let workers: Vec<_> = (0..3).map(|_| worker(jobs_rx.clone(), results.clone()).spawn()).collect();
        drop((jobs_rx, results));
        let source = numbers(0..9, jobs).spawn();
        let mut done = BTreeMap::new();
        let mut order = Vec::new();
        while let Some((n, square)) = results_rx.next().await? {
            assert_eq!(done.insert(n, square), None, "job {n} was done twice");
            order.push(n);
        }
        source.await?;
        for worker in workers {
            worker.await?;
        }
        assert_eq!(done, (0..9).map(|n| (n, n * n)).collect());
        Outcome::Ok(order)
    });
    assert!(some(&report, |order| !order.is_sorted()), "jobs overtake each other");
}

#[test]
fn a_poison_travels_through_a_diamond_and_everybody_names_the_same_cause() {
    #[process]
    async fn broken_source(left: Sender<u32>, right: Sender<u32>) -> Outcome {
        left.send(1).await?;
        right.send(2).await?;
        Err(Exit::failure("the source is broken"))
    }
    explore(|| async {
        let (a, a_rx) = aqueduct::channel();
        let (b, b_rx) = aqueduct::channel();
        let (c, c_rx) = aqueduct::channel();
        let (d, d_rx) = aqueduct::channel();
        let (e, e_rx) = aqueduct::channel();
        let source = broken_source(a, b).spawn();
        let stages = [stage(a_rx, c).spawn(), stage(b_rx, d).spawn(), merge(c_rx, d_rx, e).spawn()];
        let error = collect(e_rx).await.unwrap_err();
        let first = source.await.unwrap_err();
        assert!(first.to_string().ends_with("failed: the source is broken"), "{first}");
        assert!(error.same_cause(&first), "{error}");
        for stage in stages {
            assert!(stage.await.unwrap_err().same_cause(&first));
        }
        Outcome::Ok(())
    });
}

#[test]
fn a_consumer_that_has_enough_retires_the_whole_network() {
    #[process]
    async fn delta(input: Receiver<u32>, left: Sender<u32>, right: Sender<u32>) -> Outcome {
        while let Some(n) = input.next().await? {
            left.send(n).await?;
            right.send(n).await?;
        }
        Ok(())
    }
    #[process]
    async fn prefix(first: u32, input: Receiver<u32>, out: Sender<u32>) -> Outcome {
        out.send(first).await?;
        while let Some(n) = input.next().await? {
            out.send(n).await?;
        }
        Ok(())
    }
    #[process]
    async fn first(count: usize, input: Receiver<u32>) -> Outcome<Vec<u32>> {
        let mut taken = Vec::new();
        while taken.len() < count {
            taken.push(input.recv().await?);
        }
        Ok(taken)
    }
    explore(|| async {
        let (a, a_rx) = aqueduct::channel();
        let (b, b_rx) = aqueduct::channel();
        let (c, c_rx) = aqueduct::channel();
        let (d, d_rx) = aqueduct::channel();
        // Half of it apart, half of it in this task.
        let apart = [prefix(0, c_rx, a).spawn(), stage(b_rx, c).spawn()];
        let ((), taken) = par!(delta(a_rx, b, d), first(5, d_rx)).await?;
        assert_eq!(taken, [0, 1, 2, 3, 4]);
        for process in apart {
            process.await?;
        }
        Outcome::Ok(())
    });
}

#[test]
fn at_a_limit_the_value_is_delivered_or_kept_never_both_or_neither() {
    let report = explore(|| async {
        let (tx, rx) = aqueduct::channel::<u32>();
        let sender = aqueduct::task("sender", async move {
            let mut kept = Vec::new();
            for n in 0..4 {
                after(ms(u64::from(n % 2))).await;
                let mut slot = Some(n);
                let sent = tx.send_from_timeout(&mut slot, ms(3)).await;
                assert_eq!(sent.is_ok(), slot.is_none());
                kept.extend(slot);
            }
            Ok(kept)
        })
        .spawn();
        let mut received = Vec::new();
        loop {
            after(ms(3)).await;
            match rx.recv_timeout(ms(1)).await {
                Ok(n) => received.push(n),
                Err(error) if error.is_timeout() => {}
                Err(_) => break,
            }
        }
        let mut all = sender.await?;
        let delivered = received.len();
        all.extend(received);
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2, 3]);
        Outcome::Ok(delivered)
    });
    let first = report.runs()[0].value();
    assert!(some(&report, |delivered| delivered != first), "either side wins at times");
}

#[test]
fn threads_and_tasks_meet_in_one_network_by_choices_of_both_kinds() {
    #[process]
    fn merge_thread(left: Receiver<u32>, right: Receiver<u32>, out: Sender<u32>) -> Outcome {
        let mut choice = Alt::fair();
        loop {
            let n = alt_blocking! { choice;
                Ok(n) = left.recv() => n,
                Ok(n) = right.recv() => n,
                complete => return Ok(()),
            };
            out.send_blocking(n)?;
        }
    }
    #[process]
    async fn split(input: Receiver<u32>, left: Sender<u32>, right: Sender<u32>) -> Outcome {
        while let Some(n) = input.next().await? {
            alt! {
                r = left.send(n) => r?,
                r = right.send(n) => r?,
            }
        }
        Ok(())
    }
    let report = explore(|| async {
        let (a, a_rx) = aqueduct::channel();
        let (b, b_rx) = aqueduct::channel();
        let (c, c_rx) = aqueduct::channel();
        let (d, d_rx) = aqueduct::channel();
        let source = numbers_thread(0..6, a).spawn();
        let split = split(a_rx, b, c).spawn();
        let ((), mut all) = par!(merge_thread(b_rx, c_rx, d), collect(d_rx)).await?;
        source.await?;
        split.await?;
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2, 3, 4, 5]);
        Outcome::Ok(())
    });
    assert!(report.runs().len() < 100 || report.interleavings() * 10 >= report.runs().len() * 9, "{report}");
}

/// A fork is a channel with one token.
type Fork = (Sender<()>, Receiver<()>);

#[process]
async fn philosopher(first: Fork, second: Fork, meals: usize, eaten: Arc<Mutex<usize>>) -> Outcome {
    for _ in 0..meals {
        first.1.recv().await?;
        second.1.recv().await?;
        *eaten.lock().unwrap() += 1;
        second.0.send(()).await?;
        first.0.send(()).await?;
    }
    Ok(())
}

/// Five of them; the last one is left-handed, or all are alike.
async fn dinner(left_handed: bool) -> Outcome<usize> {
    let forks: Vec<Fork> = (0..5).map(|_| aqueduct::buffered(1)).collect();
    for (put, _) in &forks {
        put.send(()).await?;
    }
    let eaten = Arc::default();
    let guests: Vec<_> = (0..5)
        .map(|guest| {
            let (mut first, mut second) = (guest, (guest + 1) % 5);
            if left_handed && guest == 4 {
                std::mem::swap(&mut first, &mut second);
            }
            philosopher(forks[first].clone(), forks[second].clone(), 2, Arc::clone(&eaten)).spawn()
        })
        .collect();
    for guest in guests {
        guest.await?;
    }
    let eaten = *eaten.lock().unwrap();
    Ok(eaten)
}

#[test]
fn philosophers_with_one_left_handed_guest_all_eat() {
    let report = explore(|| dinner(true));
    assert!(report.values().all(|&eaten| eaten == 10));
}

#[test]
fn philosophers_who_are_all_alike_starve_under_some_schedule() {
    let failure = (0..1000).find_map(|seed| Explore::new().replay(seed, || dinner(false)).err()).unwrap();
    let Reason::Deadlock(waiting) = failure.reason() else { panic!("{failure}") };
    let names: Vec<String> = waiting.iter().map(ToString::to_string).collect();
    let table = ["main[0]", "philosopher[1]", "philosopher[2]", "philosopher[3]", "philosopher[4]", "philosopher[5]"];
    assert_eq!(names, table);
}

#[test]
fn members_of_a_barrier_are_never_a_phase_apart_on_tasks_and_threads() {
    use aqueduct::sync::{Barrier, Member};

    #[process]
    async fn steps(mut member: Member, log: Sender<u64>) -> Outcome {
        for _ in 0..3 {
            log.send(member.sync().await?).await?;
        }
        Ok(())
    }
    #[process]
    fn steps_thread(mut member: Member, log: Sender<u64>) -> Outcome {
        for _ in 0..3 {
            log.send_blocking(member.sync_blocking()?)?;
        }
        Ok(())
    }
    explore(|| async {
        let (log, seen) = aqueduct::unbounded();
        let barrier = Barrier::new();
        let members = [(); 3].map(|()| barrier.enrol());
        let [one, two, three] = members;
        let apart = [steps(one, log.clone()).spawn(), steps_thread(two, log.clone()).spawn()];
        steps(three, log).await?;
        for process in apart {
            process.await?;
        }
        assert_eq!(seen.try_iter().collect::<Vec<_>>(), [0, 0, 0, 1, 1, 1, 2, 2, 2]);
        Outcome::Ok(())
    });
}

#[test]
fn a_call_is_answered_or_given_back_when_its_server_is_aborted() {
    let report = explore(|| async {
        let (caller, calls) = aqueduct::calls::<u32, u32>();
        let served = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&served);
        let server = aqueduct::task("server", async move {
            while let Some(call) = calls.next().await? {
                let (n, reply) = call.into_parts();
                log.lock().unwrap().push(n);
                after(ms(1)).await;
                let _ = reply.send(n + 1);
            }
            Ok(())
        })
        .spawn();
        let stopper = aqueduct::task("stopper", async move {
            after(ms(2)).await;
            server.abort();
            let _ = server.await;
        })
        .spawn();
        let mut answered = 0;
        for n in 0..5 {
            match caller.call(n).await {
                Ok(answer) => {
                    assert_eq!(answer, n + 1);
                    answered += 1;
                }
                // Given back: nobody has seen the request.
                Err(error) => assert!(error.into_request().is_none_or(|n| !served.lock().unwrap().contains(&n))),
            }
        }
        stopper.await?;
        assert!(served.lock().unwrap().len() <= answered + 1);
        Outcome::Ok(answered)
    });
    assert!(report.values().all(|&answered| answered <= 2), "two answers at most before the server is stopped");
}
