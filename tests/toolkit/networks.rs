//! The classics, and what each process does with its values.

use aqueduct::prelude::*;
use aqueduct::toolkit::*;

use crate::{on_runtime, sorted};

/// Fibonacci's numbers as PyCSP's plug-and-play network makes them.
#[process]
async fn fibonacci(out: Sender<u64>) -> Outcome {
    let (a, a_rx) = aqueduct::channel();
    let (b, b_rx) = aqueduct::channel();
    let (c, c_rx) = aqueduct::channel();
    let (d, d_rx) = aqueduct::channel();
    par!(prefix(1, d_rx, a), prefix(0, a_rx, b), delta(b_rx, vec![c, out]), pairs(c_rx, d)).await?;
    Ok(())
}

/// The natural numbers.
#[process]
async fn naturals(first: u64, out: Sender<u64>) -> Outcome {
    let (a, a_rx) = aqueduct::channel();
    let (b, b_rx) = aqueduct::channel();
    let (c, c_rx) = aqueduct::channel();
    par!(prefix(first, c_rx, a), delta(a_rx, vec![b, out]), successor(b_rx, c)).await?;
    Ok(())
}

const FIBONACCI: [u64; 20] = [0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987, 1597, 2584, 4181];

#[test]
fn the_first_twenty_fibonacci_numbers() {
    let numbers = on_runtime(async {
        let (tx, rx) = aqueduct::channel();
        par!(fibonacci(tx), collect_first(20, rx)).await.unwrap().1
    });
    assert_eq!(numbers, FIBONACCI);
}

#[test]
fn the_network_of_fibonacci_runs_on_two_workers() {
    let numbers = on_runtime(async {
        let (a, a_rx) = aqueduct::channel();
        let (b, b_rx) = aqueduct::channel();
        let (c, c_rx) = aqueduct::channel();
        let (d, d_rx) = aqueduct::channel();
        let (out, numbers) = aqueduct::channel();
        let parts = [
            prefix(1, d_rx, a).spawn(),
            prefix(0, a_rx, b).spawn(),
            par_delta(b_rx, vec![c, out]).spawn(),
            pairs(c_rx, d).spawn(),
        ];
        let numbers = collect_first(20, numbers).spawn().await.unwrap();
        for part in parts {
            part.await.unwrap();
        }
        numbers
    });
    assert_eq!(numbers, FIBONACCI);
}

#[test]
fn the_network_of_fibonacci_is_driven_from_a_thread() {
    let numbers = crate::common::within(crate::LIMIT, || {
        let (tx, rx) = aqueduct::channel();
        let network = std::thread::spawn(move || aqueduct::run(fibonacci(tx)));
        let numbers: Vec<u64> = rx.iter().take(20).collect::<Result<_, _>>().unwrap();
        drop(rx);
        network.join().unwrap().unwrap();
        numbers
    });
    assert_eq!(numbers, FIBONACCI);
}

#[test]
fn squares_are_the_sums_of_odd_numbers() {
    // Running sums, by a network that feeds itself: sum = number + the sum before.
    let squares = on_runtime(async {
        let (numbers, numbers_rx) = aqueduct::channel();
        let (odd, odd_rx) = aqueduct::channel();
        let (sums, sums_rx) = aqueduct::channel();
        let (back, back_rx) = aqueduct::channel();
        let (again, again_rx) = aqueduct::channel();
        let (out, out_rx) = aqueduct::channel();
        par!(
            naturals(0, numbers),
            map(|n| 2 * n + 1, numbers_rx, odd),
            plus(odd_rx, again_rx, sums),
            delta(sums_rx, vec![back, out]),
            prefix(0, back_rx, again),
            collect_first(10, out_rx),
        )
        .await
        .unwrap()
        .5
    });
    assert_eq!(squares, [1, 4, 9, 16, 25, 36, 49, 64, 81, 100]);
}

/// Merges two rising sequences into one, without what is there twice.
#[process]
async fn merge_rising(left: Receiver<u64>, right: Receiver<u64>, out: Sender<u64>) -> Outcome {
    let (mut a, mut b) = (left.recv().await?, right.recv().await?);
    loop {
        let least = a.min(b);
        out.send(least).await?;
        if a == least {
            a = left.recv().await?;
        }
        if b == least {
            b = right.recv().await?;
        }
    }
}

#[test]
fn hamming_numbers() {
    let numbers = on_runtime(async {
        // 1, and whatever is 2, 3 or 5 times a Hamming number; the buffers are what the network has to remember.
        let times = |factor: u64, input: Receiver<u64>| {
            let (tx, rx) = aqueduct::unbounded();
            (map(move |n| factor * n, input, tx), rx)
        };
        let (h, h_rx) = aqueduct::channel();
        let (x, x_rx) = aqueduct::unbounded();
        let (y, y_rx) = aqueduct::unbounded();
        let (z, z_rx) = aqueduct::unbounded();
        let (out, out_rx) = aqueduct::channel();
        let (twice, twice_rx) = times(2, x_rx);
        let (thrice, thrice_rx) = times(3, y_rx);
        let (five, five_rx) = times(5, z_rx);
        let (m, m_rx) = aqueduct::channel();
        let (n, n_rx) = aqueduct::channel();
        par!(
            prefix(1, n_rx, h),
            delta(h_rx, vec![x, y, z, out]),
            twice,
            thrice,
            five,
            merge_rising(twice_rx, thrice_rx, m),
            merge_rising(m_rx, five_rx, n),
            collect_first(20, out_rx),
        )
        .await
        .unwrap()
        .7
    });
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 8, 9, 10, 12, 15, 16, 18, 20, 24, 25, 27, 30, 32, 36]);
}

#[test]
fn primes_by_filters_one_behind_the_other() {
    let primes = on_runtime(async {
        let (tx, mut rx) = aqueduct::channel();
        let mut sieve = Group::new();
        sieve.add(generate(2_u32.., tx));
        let collecting = aqueduct::task("collecting", async move {
            let mut primes = Vec::new();
            let mut filters = Vec::new();
            while primes.len() < 25 {
                let prime = rx.recv().await?;
                primes.push(prime);
                let (out, next) = aqueduct::channel();
                filters.push(filter(move |n| n % prime != 0, rx, out).spawn());
                rx = next;
            }
            drop(rx);
            for filter in filters {
                filter.await?;
            }
            Ok(primes)
        })
        .spawn();
        sieve.join().await.unwrap();
        collecting.await.unwrap()
    });
    assert_eq!(primes.len(), 25);
    assert_eq!(&primes[..5], [2, 3, 5, 7, 11]);
    assert_eq!(primes[24], 97);
}

#[test]
fn take_takes_no_value_more_than_it_passes_on() {
    on_runtime(async {
        let (a, a_rx) = aqueduct::buffered(5);
        for n in 0..5 {
            a.send(n).await.unwrap();
        }
        let (out, out_rx) = aqueduct::buffered(5);
        take(2, a_rx.clone(), out).await.unwrap();
        assert_eq!(collect(out_rx).await.unwrap(), [0, 1]);
        assert_eq!(a_rx.try_recv(), Ok(2), "the third is still there");
    });
}

#[test]
fn the_last_of_its_type_has_no_successor() {
    on_runtime(async {
        let (a, a_rx) = aqueduct::buffered(2);
        a.send(254_u8).await.unwrap();
        a.send(255).await.unwrap();
        let (out, out_rx) = aqueduct::buffered(2);
        let error = successor(a_rx, out).await.unwrap_err();
        assert!(error.cause().error().unwrap().is::<NoSuccessor>(), "{error}");
        assert!(out_rx.recv().await.unwrap_err().is_poisoned());
        assert!(a.send(1).await.unwrap_err().reason().is_poisoned());
    });
}

#[test]
fn tail_pairs_and_prefix_of_nothing_are_nothing_but_the_prefix() {
    on_runtime(async {
        let nothing = || {
            let (tx, rx) = aqueduct::channel::<u32>();
            drop(tx);
            rx
        };
        let (out, rx) = aqueduct::buffered(1);
        tail(nothing(), out).await.unwrap();
        assert_eq!(collect(rx).await.unwrap(), []);
        let (out, rx) = aqueduct::buffered(1);
        pairs(nothing(), out).await.unwrap();
        assert_eq!(collect(rx).await.unwrap(), []);
        let (out, rx) = aqueduct::buffered(1);
        prefix(7, nothing(), out).await.unwrap();
        assert_eq!(collect(rx).await.unwrap(), [7]);
    });
}

#[test]
fn pairs_are_taken_in_whatever_order_they_come() {
    // One process feeds both inputs, the right one first, over rendezvous: a zip that read the left first would hang.
    on_runtime(async {
        let (a, a_rx) = aqueduct::channel();
        let (b, b_rx) = aqueduct::channel();
        let (out, out_rx) = aqueduct::channel();
        let feeder = aqueduct::task("feeder", async move {
            for n in 0..5 {
                b.send(10 * n).await?;
                a.send(n).await?;
                a.send(n).await?;
                b.send(10 * n).await?;
            }
            Ok(())
        });
        let sums = par!(feeder, plus(a_rx, b_rx, out), collect(out_rx)).await.unwrap().2;
        assert_eq!(sums, [0, 0, 11, 11, 22, 22, 33, 33, 44, 44]);
    });
}

#[test]
fn a_fair_merge_passes_nobody_over_and_one_by_priority_does() {
    on_runtime(async {
        let full = |values: std::ops::Range<u32>| {
            let (tx, rx) = aqueduct::unbounded();
            values.for_each(|value| tx.try_send(value).unwrap());
            rx
        };
        let (out, out_rx) = aqueduct::unbounded();
        merge(vec![full(0..3), full(10..13), full(20..23)], out).await.unwrap();
        let merged = collect(out_rx).await.unwrap();
        assert_eq!(merged, [0, 10, 20, 1, 11, 21, 2, 12, 22]);

        let (out, out_rx) = aqueduct::unbounded();
        pri_merge(vec![full(0..3), full(10..13), full(20..23)], out).await.unwrap();
        assert_eq!(collect(out_rx).await.unwrap(), [0, 1, 2, 10, 11, 12, 20, 21, 22]);
    });
}

#[test]
fn a_merge_goes_on_with_the_inputs_that_are_left() {
    on_runtime(async {
        let (a, a_rx) = aqueduct::channel::<u32>();
        let (b, b_rx) = aqueduct::channel();
        let (out, out_rx) = aqueduct::channel();
        let merging = merge(vec![a_rx, b_rx], out).spawn();
        drop(a);
        for n in 0..3 {
            b.send(n).await.unwrap();
            assert_eq!(out_rx.recv().await, Ok(n));
        }
        drop(b);
        assert_eq!(out_rx.recv().await, Err(aqueduct::Ended::Retired));
        merging.await.unwrap();
        let (out, out_rx) = aqueduct::channel::<u32>();
        merge(vec![], out).await.unwrap();
        assert!(out_rx.is_ended(), "a merge of nothing ends at once");
    });
}

#[test]
fn every_output_of_a_delta_gets_every_value() {
    for form in 0..3 {
        let all = on_runtime(async move {
            let (input, input_rx) = aqueduct::channel();
            let (outs, inputs): (Vec<_>, Vec<_>) = (0..4).map(|_| aqueduct::channel()).unzip();
            let mut group = Group::new();
            inputs.into_iter().for_each(|input| group.add(collect(input)));
            let spreading = match form {
                0 => delta(input_rx, outs).spawn(),
                1 => par_delta(input_rx, outs).spawn(),
                _ => publish(input_rx, outs).spawn(),
            };
            let source = generate(0..100, input).spawn();
            let all = group.join().await.unwrap();
            source.await.unwrap();
            spreading.await.unwrap();
            all
        });
        assert_eq!(all, vec![(0..100).collect::<Vec<_>>(); 4], "form {form}");
    }
}

#[test]
fn a_delta_without_outputs_drops_what_it_receives_and_a_publisher_without_them_ends() {
    on_runtime(async {
        let (tx, rx) = aqueduct::channel();
        let ((), ()) = par!(generate(0..10, tx), delta(rx, vec![])).await.unwrap();
        let (tx, rx) = aqueduct::channel();
        let ((), ()) = par!(generate(0..10, tx), par_delta(rx, vec![])).await.unwrap();
        let (tx, rx) = aqueduct::channel();
        publish(rx, vec![]).await.unwrap();
        assert!(tx.send(1).await.unwrap_err().reason().is_retired());
    });
}

#[test]
fn a_slow_output_of_a_parallel_delta_does_not_hold_up_the_others_for_this_value() {
    on_runtime(async {
        let (input, input_rx) = aqueduct::channel();
        let (a, a_rx) = aqueduct::channel();
        let (b, b_rx) = aqueduct::channel();
        let spreading = par_delta(input_rx, vec![a, b]).spawn();
        input.send(1).await.unwrap();
        // Nobody receives the first output, and the second has its value.
        assert_eq!(b_rx.recv().await, Ok(1));
        assert_eq!(a_rx.recv().await, Ok(1));
        drop(input);
        spreading.await.unwrap();
    });
}

#[test]
fn what_is_distributed_arrives_once_each_and_goes_to_who_is_ready() {
    on_runtime(async {
        let (input, input_rx) = aqueduct::channel();
        let (a, a_rx) = aqueduct::channel::<u32>();
        let (b, b_rx) = aqueduct::channel();
        let spreading = distribute(input_rx, vec![a, b]).spawn();
        // Nobody receives the first output: everything goes to the second.
        for n in 0..5 {
            input.send(n).await.unwrap();
            assert_eq!(b_rx.recv().await, Ok(n));
        }
        let both = par!(generate(0..100, input), collect(a_rx), collect(b_rx)).await.unwrap();
        assert_eq!(sorted([both.1, both.2].concat()), (0..100).collect::<Vec<_>>());
        spreading.await.unwrap();
    });
}

#[test]
fn among_outputs_that_are_ready_the_distribution_takes_turns() {
    on_runtime(async {
        let (a, a_rx) = aqueduct::unbounded();
        let (b, b_rx) = aqueduct::unbounded();
        let (input, input_rx) = aqueduct::channel();
        par!(generate(0..10, input), distribute(input_rx, vec![a, b])).await.unwrap();
        assert_eq!((a_rx.len(), b_rx.len()), (5, 5));
    });
}

#[test]
fn folds_counts_and_black_holes() {
    on_runtime(async {
        let five = || {
            let (tx, rx) = aqueduct::buffered(5);
            (1..=5).for_each(|n| tx.try_send(n).unwrap());
            rx
        };
        assert_eq!(fold(String::new(), |text, n: u32| format!("{text}{n}"), five()).await.unwrap(), "12345");
        assert_eq!(count(five()).await.unwrap(), 5);
        discard(five()).await.unwrap();
        assert_eq!(collect_first(2, five()).await.unwrap(), [1, 2]);
        assert_eq!(collect_first(9, five()).await.unwrap(), [1, 2, 3, 4, 5]);
    });
}

#[test]
fn the_picture_of_a_network_knows_the_ports() {
    let (a, a_rx) = aqueduct::Channel::rendezvous().named("numbers").open();
    let (b, _b_rx) = aqueduct::channel::<u32>();
    let network = par!(generate(0..3, a), successor(a_rx, b));
    let picture = network.shape().to_string();
    assert!(picture.contains("p0[\"generate\"]") && picture.contains("p0 -->|numbers| p1"), "{picture}");
}
