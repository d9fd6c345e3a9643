//! Networks that grow while they run: two prime sieves.

use aqueduct::Receiver;

use crate::harness::{Flavour, Network, Party, Place, row};

const PRIMES: [u32; 20] = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71];
const LAST: u32 = 72;

/// A chain of filters, one more for each prime.
fn sieve1(flavour: Flavour, generating: Place, filtering: Place) {
    let (tx, rx) = flavour.open();
    let mut network = Network::new();
    network.add("numbers", generating, move |me| async move {
        for n in 2..=LAST {
            me.send_with_room(&tx, n).await?;
        }
        Ok(Vec::new())
    });
    network.add("primes", filtering, move |me| async move {
        let mut primes = Vec::new();
        let mut filters = Vec::new();
        let mut input: Receiver<u32> = rx;
        while let Some(prime) = me.next(&input).await? {
            primes.push(prime);
            let (out, next) = flavour.open();
            let input = std::mem::replace(&mut input, next);
            filters.push(me.spawn("filter", move |me| async move {
                while let Some(n) = me.next(&input).await? {
                    if n % prime != 0 {
                        me.send_with_room(&out, n).await?;
                    }
                }
                Ok(())
            }));
        }
        for filter in filters {
            me.join(filter).await?;
        }
        Ok(primes)
    });
    assert_eq!(network.run()[1], PRIMES);
}
row!(sieve1 over all);

/// Those multiples of a prime that no smaller prime has, in order, from a process of their own.
fn multiples(me: Party, flavour: Flavour, prime: u32) -> Receiver<u32> {
    let (tx, rx) = flavour.open();
    let handle = me.spawn("multiples", move |me| async move {
        for n in (prime * prime..).step_by(prime as usize) {
            me.send_with_room(&tx, n).await?;
            if n > LAST {
                break;
            }
        }
        Ok(())
    });
    // It ends by itself, or because nobody wants more.
    drop(handle);
    rx
}

/// The multiples of each prime come from a process of its own, and numbers that are none of them are primes.
fn sieve2(flavour: Flavour, generating: Place, merging: Place) {
    let (tx, rx) = flavour.open();
    let mut network = Network::new();
    network.add("candidates", generating, move |me| async move {
        for n in 2..=LAST {
            me.send_with_room(&tx, n).await?;
        }
        Ok(Vec::new())
    });
    network.add("primes", merging, move |me| async move {
        let mut primes = Vec::new();
        let mut composites: Vec<(u32, Receiver<u32>)> = Vec::new();
        while let Some(n) = me.next(&rx).await? {
            let mut is_prime = true;
            for (next, more) in &mut composites {
                if *next == n {
                    is_prime = false;
                    *next = me.recv(more).await?;
                }
            }
            if is_prime {
                primes.push(n);
                if n * n <= LAST {
                    let more = multiples(me, flavour, n);
                    composites.push((me.recv(&more).await?, more));
                }
            }
        }
        Ok(primes)
    });
    assert_eq!(network.run()[1], PRIMES);
}
row!(sieve2 over all);
