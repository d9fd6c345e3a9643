//! The network: philosophers, forks, the footman, and who writes the diary.

use std::iter::zip;
use std::time::Duration;

use aqueduct::prelude::*;
use fastrand::Rng;
use tokio::time::Instant;

use super::diary::{Entry, GUESTS, Mood, Stuck};

/// What a philosopher talks to. To enter, to leave, to take a fork and to put it down are meetings without words.
#[derive(Debug)]
struct Place {
    enter: Sender<()>,
    leave: Sender<()>,
    left: Sender<()>,
    right: Sender<()>,
}

fn hours(count: u64) -> Duration {
    Duration::from_secs(3600 * count)
}

#[process]
async fn philosopher(seat: usize, meals: u64, mut random: Rng, place: Place, diary: Sender<(usize, Mood)>) -> Outcome {
    for _ in 0..meals {
        diary.send((seat, Mood::Thinks)).await?;
        after(hours(random.u64(1..=3))).await;
        diary.send((seat, Mood::Hungry)).await?;
        place.enter.send(()).await?;
        diary.send((seat, Mood::Seated)).await?;
        place.left.send(()).await?;
        // Time enough for all the others to do the same.
        after(hours(2)).await;
        place.right.send(()).await?;
        diary.send((seat, Mood::Eats)).await?;
        after(hours(random.u64(1..=3))).await;
        // Told before the forks are down, so that the diary never shows a fork free that is not.
        diary.send((seat, Mood::Leaves)).await?;
        place.left.send(()).await?;
        place.right.send(()).await?;
        place.leave.send(()).await?;
    }
    Ok(())
}

/// Is taken into one hand, and put down by it, before it heeds the other.
#[process]
async fn fork(one: Receiver<()>, other: Receiver<()>) -> Outcome {
    let mut choice = Alt::fair();
    loop {
        alt! { choice;
            Ok(()) = one.recv() => one.recv().await?,
            Ok(()) = other.recv() => other.recv().await?,
            complete => return Ok(()),
        }
    }
}

/// Listens at the door only while there is a seat.
#[process]
pub(crate) async fn footman(seats: u64, enter: Receiver<()>, leave: Receiver<()>) -> Outcome {
    let mut free = seats;
    let mut choice = Alt::fair();
    loop {
        alt! { choice;
            Ok(()) = enter.recv(), if free > 0 => free -= 1,
            Ok(()) = leave.recv() => free += 1,
            complete => return Ok(()),
        }
    }
}

/// Writes down what happens, and when. If nothing does for a week, everybody waits for somebody else.
#[process]
async fn diarist(events: Receiver<(usize, Mood)>) -> Outcome<Vec<Entry>> {
    let began = Instant::now();
    let mut entries = Vec::new();
    loop {
        alt! {
            event = events.next() => match event? {
                Some((seat, mood)) => entries.push(Entry { hour: began.elapsed().as_secs() / 3600, seat, mood }),
                None => return Ok(entries),
            },
            _ = after(hours(7 * 24)) => return Err(Stuck(entries).into()),
        }
    }
}

/// An evening. In simulated time it takes none, and is the same for the same seed.
#[process]
pub(crate) async fn evening(meals: u64, seats: u64, seed: u64) -> Outcome<Vec<Entry>> {
    let (enter, enter_in) = aqueduct::channel();
    let (leave, leave_in) = aqueduct::channel();
    let (diary, diary_in) = aqueduct::channel();
    let mut guests = Group::new();
    let (mut left_hands, mut right_hands) = (Vec::new(), Vec::new());
    for _ in 0..GUESTS {
        let (left_hand, in_left_hand) = aqueduct::channel();
        let (right_hand, in_right_hand) = aqueduct::channel();
        guests.add(fork(in_left_hand, in_right_hand));
        left_hands.push(left_hand);
        right_hands.push(right_hand);
    }
    // A fork in a philosopher's left hand is at the right hand of the one before.
    right_hands.rotate_left(1);
    let mut random = Rng::with_seed(seed);
    for (seat, (left, right)) in zip(left_hands, right_hands).enumerate() {
        let place = Place { enter: enter.clone(), leave: leave.clone(), left, right };
        guests.add(philosopher(seat, meals, random.fork(), place, diary.clone()));
    }
    drop((enter, leave, diary));
    let guests = aqueduct::task("guests and forks", async move { Ok(guests.join().await?) });
    // `try_par!`: if the diarist finds that they are stuck, the others are cancelled.
    let (entries, (), _) = try_par!(diarist(diary_in), footman(seats, enter_in, leave_in), guests).await?;
    Ok(entries)
}
