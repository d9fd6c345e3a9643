//! Networks of PyCSP's examples, of small processes plugged together, with exact results.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aqueduct::{Alt, Outcome, Receiver, Sender, channel};

use crate::common::rounds;
use crate::harness::{Check, Flavour, Network, Party, Place, choose, row, until_retired};

type In = Receiver<u64>;
type Out = Sender<u64>;

async fn prefix(me: Party, first: u64, input: In, out: Out) -> Outcome {
    me.send_with_room(&out, first).await?;
    while let Some(n) = me.next(&input).await? {
        me.send_with_room(&out, n).await?;
    }
    Ok(())
}

async fn delta(me: Party, input: In, left: Out, right: Out) -> Outcome {
    while let Some(n) = me.next(&input).await? {
        me.send_with_room(&left, n).await?;
        me.send_with_room(&right, n).await?;
    }
    Ok(())
}

async fn successor(me: Party, input: In, out: Out) -> Outcome {
    while let Some(n) = me.next(&input).await? {
        me.send_with_room(&out, n + 1).await?;
    }
    Ok(())
}

/// The sum of each two neighbours. (It may run ahead of who wants them, beyond what fits a number.)
async fn pairs(me: Party, input: In, out: Out) -> Outcome {
    let mut before = me.recv(&input).await?;
    while let Some(n) = me.next(&input).await? {
        me.send_with_room(&out, before.wrapping_add(n)).await?;
        before = n;
    }
    Ok(())
}

async fn first(me: Party, count: usize, input: In) -> Outcome<Vec<u64>> {
    let mut seen = Vec::new();
    while seen.len() < count {
        seen.push(me.recv(&input).await?);
    }
    Ok(seen)
}

/// Adds a process that ends when its channels retire.
fn add<F>(network: &mut Network<Vec<u64>>, name: &str, place: Place, body: impl FnOnce(Party) -> F + Send + 'static)
where
    F: Future<Output = Outcome> + Send + 'static,
{
    network.add(name, place, move |me| async move {
        until_retired(body(me)).await?;
        Ok(Vec::new())
    });
}

/// Prefix, delta, successor and a consumer: the numbers in order, and the consumer's leaving ends it all.
fn commstime(flavour: Flavour, first_place: Place, second_place: Place) {
    let count = rounds(30);
    let (a, a_rx) = flavour.open();
    let (b, b_rx) = flavour.open();
    let (c, c_rx) = flavour.open();
    let (d, d_rx) = flavour.open();
    let mut network = Network::new();
    add(&mut network, "prefix", first_place, |me| prefix(me, 0, c_rx, a));
    add(&mut network, "delta", second_place, |me| delta(me, a_rx, b, d));
    add(&mut network, "successor", first_place, |me| successor(me, b_rx, c));
    network.add("consumer", second_place, move |me| first(me, count, d_rx));
    assert!(network.run().concat().into_iter().eq(0..count as u64));
}
// Not over an unbounded channel: nothing would hold back a source that never ends.
row!(commstime over rendezvous, buffered_1, buffered_3, buffered_64, sliding_3, dropping_3, latest);

/// The first twenty numbers of Fibonacci, from two prefixes, a delta and the sums of neighbours.
fn fibonacci(flavour: Flavour, first_place: Place, second_place: Place) {
    let (a, a_rx) = flavour.open();
    let (b, b_rx) = flavour.open();
    let (c, c_rx) = flavour.open();
    let (d, d_rx) = flavour.open();
    let (out, result) = flavour.open();
    let mut network = Network::new();
    add(&mut network, "second", first_place, |me| prefix(me, 1, d_rx, a));
    add(&mut network, "first", second_place, |me| prefix(me, 0, a_rx, b));
    add(&mut network, "delta", first_place, |me| delta(me, b_rx, c, out));
    add(&mut network, "pairs", second_place, |me| pairs(me, c_rx, d));
    network.add("result", first_place, |me| first(me, 20, result));
    let expected = [0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987, 1597, 2584, 4181];
    assert_eq!(network.run().concat(), expected);
}
// Not over an unbounded channel: nothing would hold back a source that never ends.
row!(fibonacci over rendezvous, buffered_1, buffered_3, buffered_64, sliding_3, dropping_3, latest);

/// A chain of filters that grows with each prime; who has seen enough poisons its input, and the poison goes through
/// them all to the source, with its cause.
fn sieve(flavour: Flavour, generating: Place, filtering: Place) {
    let last = rounds(60).min(2000) as u64;
    let is_prime = |n: u64| (2..n).take_while(|d| d * d <= n).all(|d| !n.is_multiple_of(d));
    let (tx, rx) = flavour.open();
    let mut network = Network::new();
    network.add("numbers", generating, move |me| async move {
        for n in 2.. {
            if let Err(refused) = me.send_with_room(&tx, n).await {
                let (_, reason) = refused.into_parts();
                assert!(reason.cause().expect("a poison").to_string().contains("enough primes"), "{reason}");
                break;
            }
        }
        Ok(Vec::new())
    });
    network.add("primes", filtering, move |me| async move {
        let (mut primes, mut filters, mut input): (Vec<u64>, Vec<_>, In) = (Vec::new(), Vec::new(), rx);
        loop {
            let prime = me.recv(&input).await?;
            if prime > last {
                break;
            }
            primes.push(prime);
            let (out, next) = flavour.open();
            let input = std::mem::replace(&mut input, next);
            filters.push(me.spawn("filter", move |me| async move {
                loop {
                    let n = me.recv(&input).await?;
                    if n % prime != 0 {
                        me.send_with_room(&out, n).await?;
                    }
                }
                #[allow(unreachable_code, reason = "says what it makes")]
                Outcome::Ok(())
            }));
        }
        input.poison("enough primes");
        for filter in filters {
            let failure = me.join(filter).await.expect_err("each ends by the poison");
            let cause = failure.cause().expect("a poison has a cause").to_string();
            assert!(cause.contains("enough primes"), "{cause}");
        }
        Ok(primes)
    });
    let expected: Vec<u64> = (2..=last).filter(|&n| is_prime(n)).collect();
    assert_eq!(network.run().concat(), expected);
}
// Not over an unbounded channel: nothing would hold back a source that never ends.
row!(sieve over rendezvous, buffered_1, buffered_3, buffered_64, sliding_3, dropping_3, latest);

/// Samples that fall into the quarter circle, of a bag that is the same each time.
fn samples(bag: usize, count: usize) -> usize {
    let mut random = crate::harness::Random::new(bag);
    let mut coordinate = move || random.below(10_000);
    (0..count).filter(|_| coordinate().pow(2) + coordinate().pow(2) < 10_000 * 10_000).count()
}

/// Monte Carlo: producers of bags, workers, a consumer; it ends because those above retire. Each worker's own count
/// comes back as its result as well.
fn monte_carlo_pi(flavour: Flavour, producing: Place, working: Place) {
    const SAMPLES: usize = 40;
    let bags = rounds(8);
    let (give, take) = flavour.open::<usize>();
    let (out, result) = flavour.open::<usize>();
    let mut network = Network::new();
    for producer in 0..2 {
        let give = give.clone();
        network.add("producer", producing, move |me| async move {
            for bag in (producer..bags).step_by(2) {
                me.send(&give, bag).await?;
            }
            Ok((0, 0))
        });
    }
    for _ in 0..3 {
        let (take, out) = (take.clone(), out.clone());
        network.add("worker", working, move |me| async move {
            let mut own = 0;
            while let Some(bag) = me.next(&take).await? {
                let inside = samples(bag, SAMPLES);
                own += inside;
                me.send(&out, inside).await?;
            }
            Ok((own, 0))
        });
    }
    drop((give, take, out));
    network.add("consumer", producing, move |me| async move {
        let seen = Check::exactly(bags).run(me, &result).await?;
        Ok((0, seen.into_iter().sum::<usize>()))
    });
    let expected: usize = (0..bags).map(|bag| samples(bag, SAMPLES)).sum();
    let (workers, consumer) = network.run().into_iter().fold((0, 0), |sum, made| (sum.0 + made.0, sum.1 + made.1));
    assert_eq!((workers, consumer), (expected, expected));
}
row!(monte_carlo_pi over lossless);

/// Five philosophers, of whom four may sit; they take their forks in whichever order is possible, by a fair choice of
/// sends. A fork is a process that is with one of its two until that one puts it down: so a send is the taking, and the
/// channels are rendezvous. All eat, and when they have gone the forks and the doorman end.
fn dining_philosophers(philosophers: Place, table: Place) {
    const COUNT: usize = 5;
    let meals = rounds(8);
    let seated = Arc::new(AtomicUsize::new(0));
    let mut network = Network::new();
    let mut hands: Vec<Vec<Sender<()>>> = (0..COUNT).map(|_| Vec::new()).collect();
    for fork in 0..COUNT {
        let (left_tx, left) = channel();
        let (right_tx, right) = channel();
        hands[fork].push(left_tx);
        hands[(fork + 1) % COUNT].push(right_tx);
        network.add("fork", table, move |me| async move {
            let mut choice = Alt::fair();
            loop {
                let holder = choose! { me, choice;
                    Ok(()) = left.recv() => &left,
                    Ok(()) = right.recv() => &right,
                    complete => return Ok(0),
                };
                me.recv(holder).await?;
            }
        });
    }
    let (enter_tx, enter) = channel::<()>();
    let (leave_tx, leave) = channel::<()>();
    network.add("doorman", table, move |me| async move {
        let mut inside = 0;
        let mut choice = Alt::fair();
        loop {
            choose! { me, choice;
                Ok(()) = enter.recv(), if inside < COUNT - 1 => inside += 1,
                Ok(()) = leave.recv() => inside -= 1,
                complete => return Ok(0),
            }
        }
    });
    for forks in hands {
        let (enter, leave, seated) = (enter_tx.clone(), leave_tx.clone(), Arc::clone(&seated));
        let [left, right]: [Sender<()>; 2] = forks.try_into().expect("two hands");
        network.add("philosopher", philosophers, move |me| async move {
            let mut choice = Alt::fair();
            for _ in 0..meals {
                me.send(&enter, ()).await?;
                assert!(seated.fetch_add(1, Ordering::SeqCst) < COUNT - 1, "the doorman let in too many");
                let second = choose! { me, choice;
                    taken = left.send(()) => { taken?; &right }
                    taken = right.send(()) => { taken?; &left }
                };
                me.send(second, ()).await?;
                // Eats, and puts both down.
                me.rest().await;
                me.send(&left, ()).await?;
                me.send(&right, ()).await?;
                seated.fetch_sub(1, Ordering::SeqCst);
                me.send(&leave, ()).await?;
            }
            Ok(meals)
        });
    }
    drop((enter_tx, leave_tx));
    assert_eq!(network.run().iter().sum::<usize>(), COUNT * meals);
}

/// At all pairs of places.
fn dining(philosophers: Place) {
    Place::ALL.into_iter().for_each(|table| dining_philosophers(philosophers, table));
}
row!(dining in every place);
