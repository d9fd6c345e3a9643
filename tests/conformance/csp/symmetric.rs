//! Rows from JCSP where all parties are alike: the pathological demonstration, and what there is of alting barriers.

use aqueduct::sync::Barrier;
use aqueduct::{Alt, Receiver, Sender, channel};

use crate::common::rounds;
use crate::harness::{Flavour, Network, Place, choose, row};

/// Two processes, each always ready to give to the other and to take from it: no deadlock, and both directions happen.
fn pathological(flavour: Flavour, one: Place, other: Place) {
    let count = rounds(40).max(40);
    for choice in [Alt::fair(), Alt::unseeded()] {
        let (there, from_one) = flavour.open();
        let (back, from_other) = flavour.open();
        let mut network = Network::new();
        for (place, tx, rx) in [(one, there, from_other), (other, back, from_one)] {
            let mut choice = choice.clone();
            network.add("either way", place, move |me| async move {
                let (mut given, mut taken) = (0, 0);
                while given + taken < count {
                    choose! { me, choice;
                        Ok(()) = tx.send(given) => given += 1,
                        Ok(n) = rx.recv() => { let _: usize = n; taken += 1; }
                        complete => break,
                    }
                }
                Ok((given, taken))
            });
        }
        let made = network.run();
        if flavour == Flavour::Rendezvous {
            assert_eq!((made[0].0, made[0].1), (made[1].1, made[1].0), "what one gives the other takes");
            assert!(made[0].0 > 0 && made[0].1 > 0, "one direction never happened: {made:?}");
        } else {
            assert!(made.iter().any(|made| made.0 > 0) && made.iter().any(|made| made.1 > 0), "{made:?}");
        }
    }
}
row!(pathological over all);

/// P, Q and R; barriers a of P and R, b of P and Q, c of Q and R; each is ready for either of its two. As a barrier of
/// two that can be withdrawn is a rendezvous that is offered in both directions, this is a choice: it gets on, both
/// members of a barrier agree about each meeting, and nobody is left behind while another could be met.
fn alting_barrier_gadget(first: Place) {
    for second in Place::ALL {
        let count = rounds(10);
        let mut members: Vec<Vec<(Sender<()>, Receiver<()>)>> = (0..3).map(|_| Vec::new()).collect();
        for (one, other) in [(0, 2), (0, 1), (1, 2)] {
            let (there, from_one) = channel();
            let (back, from_other) = channel();
            members[one].push((there, from_other));
            members[other].push((back, from_one));
        }
        let mut network = Network::new();
        for (number, barriers) in members.into_iter().enumerate() {
            network.add("member", if number == 0 { first } else { second }, move |me| async move {
                let mut met = [0; 2];
                let mut choice = Alt::fair();
                while met[0] + met[1] < count {
                    let barrier = choose! { me, choice;
                        Ok(()) = barriers[0].0.send(()) => 0,
                        Ok(()) = barriers[0].1.recv() => 0,
                        Ok(()) = barriers[1].0.send(()) => 1,
                        Ok(()) = barriers[1].1.recv() => 1,
                        complete => break,
                    };
                    met[barrier] += 1;
                }
                Ok(met)
            });
        }
        let met = network.run();
        let [p, q, r] = [met[0], met[1], met[2]];
        assert_eq!((p[0], p[1], q[1]), (r[0], q[0], r[1]), "the members of a barrier disagree: {met:?}");
        let done = met.iter().filter(|met| met[0] + met[1] == count).count();
        assert!(done >= 2, "two that could have met are left: {met:?}");
    }
}
row!(alting_barrier_gadget in every place);

/// The same three and their barriers as they are here: to arrive commits, and the end of a phase is a guard. Each
/// arrives at both of its barriers and takes the phases in whichever order they end: all go on, and none is ahead.
fn barrier_phase(first: Place) {
    for second in Place::ALL {
        let count = rounds(8) as u64;
        let barriers = [Barrier::new(), Barrier::new(), Barrier::new()];
        let mut network = Network::new();
        let members: Vec<_> = [(0, 1), (1, 2), (2, 0)]
            .into_iter()
            .map(|(one, other)| (barriers[one].enrol(), barriers[other].enrol()))
            .collect();
        for (number, (mut one, mut other)) in members.into_iter().enumerate() {
            network.add("member", if number == 0 { first } else { second }, move |me| async move {
                let mut choice = Alt::fair();
                for round in 0..count {
                    let (mut one, mut other) = (one.arrive(), other.arrive());
                    let (mut one_over, mut other_over) = (false, false);
                    while !(one_over && other_over) {
                        choose! { me, choice;
                            phase = &mut one, if !one_over => { assert_eq!(phase?, round); one_over = true; }
                            phase = &mut other, if !other_over => { assert_eq!(phase?, round); other_over = true; }
                            complete => unreachable!("one is not over"),
                        }
                    }
                }
                // And once without a choice: who resigns is not waited for.
                other.resign();
                assert_eq!(me.sync(&mut one).await?, count);
                Ok(())
            });
        }
        network.run();
        assert!(barriers.iter().all(|barrier| barrier.phase() >= count && barrier.members() == 0));
    }
}
row!(barrier_phase in every place);
