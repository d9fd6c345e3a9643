//! A merge, a ring, a farm.

use super::*;

/// Three senders, each on its own channel, and two receivers that choose among the three.
fn merge(capacity: usize, fair: bool) {
    const EACH: u32 = 2;
    let mut senders = Vec::new();
    let mut inlets = Vec::new();
    for sender in 0..3 {
        let (tx, rx) = Channel::buffered(capacity).open();
        inlets.push(rx);
        senders.push(thread::spawn(move || {
            for n in 0..EACH {
                tx.send_blocking(10 * sender + n).unwrap();
            }
        }));
    }
    let receivers: Vec<_> = (0..2)
        .map(|_| {
            let inlets = inlets.clone();
            thread::spawn(move || {
                let mut choice = if fair { Alt::fair() } else { Alt::arbitrary(7) };
                let mut got: Vec<u32> = Vec::new();
                loop {
                    alt_blocking! { choice;
                        Ok(n) = inlets[0].recv() => got.push(n),
                        Ok(n) = inlets[1].recv() => got.push(n),
                        Ok(n) = inlets[2].recv() => got.push(n),
                        complete => return got,
                    }
                }
            })
        })
        .collect();
    drop(inlets);
    join(senders);
    let mut all = Vec::new();
    for got in join(receivers) {
        for sender in 0..3 {
            let of_one: Vec<_> = got.iter().filter(|&&n| n / 10 == sender).collect();
            assert!(of_one.is_sorted(), "in the order of sending: {got:?}");
        }
        all.extend(got);
    }
    assert_eq!(sorted(all), [0, 1, 10, 11, 20, 21]);
}

#[test]
fn merge_of_three_senders_by_two_receivers_that_choose() {
    explore(9000, || merge(0, true));
}

#[test]
fn merge_of_three_senders_by_two_receivers_that_choose_beside_a_buffer() {
    explore(4200, || merge(1, false));
}

/// Each member passes on its own token and what it gets, in any order of sending and receiving.
fn member(left: &Receiver<usize>, right: &Sender<usize>, own: usize) -> usize {
    const MOVES: usize = 3;
    let (mut sent, mut received, mut last) = (0, 0, own);
    let mut waiting = VecDeque::from([own]);
    let mut choice = Alt::fair();
    while sent < MOVES || received < MOVES {
        let mut slot = waiting.pop_front();
        alt_blocking! { choice;
            token = left.recv(), if received < MOVES => {
                last = token.unwrap();
                waiting.push_back(last);
                received += 1;
            }
            result = right.send_from(&mut slot), if sent < MOVES => {
                result.unwrap();
                sent += 1;
            }
            complete => unreachable!("there is a token, or one is to come"),
        }
        if let Some(token) = slot {
            waiting.push_front(token);
        }
    }
    last
}

#[test]
fn a_ring_of_five_threads_that_choose_between_sending_and_receiving() {
    explore(4800, || {
        const MEMBERS: usize = 5;
        let (ends, mut inlets): (Vec<_>, Vec<_>) = (0..MEMBERS).map(|_| aqueduct::channel()).unzip();
        // Member n sends into channel n and receives from the one before it.
        inlets.rotate_right(1);
        let threads: Vec<_> = ends
            .into_iter()
            .zip(inlets)
            .enumerate()
            .map(|(own, (right, left))| {
                // The ends are kept until everybody is done.
                thread::spawn(move || (member(&left, &right, own), left, right))
            })
            .collect();
        for (index, (last, ..)) in join(threads).into_iter().enumerate() {
            assert_eq!(last, (index + MEMBERS - 3) % MEMBERS, "three moves, first in first out");
        }
    });
}

/// A source, three workers, and whoever collects; all end by the source's retire.
fn farm(jobs_capacity: usize, results_capacity: usize) {
    const JOBS: u32 = 5;
    let (jobs, job) = Channel::buffered(jobs_capacity).open();
    let (done, results) = Channel::buffered(results_capacity).open();
    let source = thread::spawn(move || {
        for n in 0..JOBS {
            jobs.send_blocking(n).unwrap();
        }
    });
    let workers: Vec<_> = (0..3)
        .map(|_| {
            let (job, done) = (job.clone(), done.clone());
            thread::spawn(move || {
                while let Some(n) = job.next_blocking().unwrap() {
                    done.send_blocking(n * n).unwrap();
                }
            })
        })
        .collect();
    drop((job, done));
    let collected: Vec<u32> = results.iter().collect::<Result<_, _>>().unwrap();
    assert_eq!(sorted(collected), [0, 1, 4, 9, 16]);
    join(workers);
    source.join().unwrap();
}

#[test]
fn a_farm_of_three_workers_ends_by_retire() {
    explore(9000, || farm(0, 0));
}

#[test]
fn a_farm_of_three_workers_ends_by_retire_with_buffers() {
    explore(4200, || farm(1, 2));
}
