//! The network: visitors, those who gather them, Santa, and who writes it all down.

use std::ops::RangeInclusive;
use std::time::Duration;

use aqueduct::prelude::*;
use fastrand::Rng;
use tokio::time::Instant;

use super::trace::{Entry, Event, Kind, Visitor};

/// One who waits at the door, and the channel on which Santa calls it.
type Waiting = (Visitor, Sender<()>);

/// A gathered group.
type Party = Vec<Waiting>;

async fn hours(random: &mut Rng, range: RangeInclusive<u64>) {
    after(Duration::from_secs(3600 * random.u64(range))).await;
}

/// A reindeer or an elf: is away for a while, comes back, and does what Santa says.
#[process]
async fn visitor(me: Visitor, mut random: Rng, door: Sender<Waiting>, trace: Sender<Event>) -> Outcome {
    loop {
        match me.kind {
            Kind::Reindeer => hours(&mut random, 120..=180).await,
            Kind::Elf => hours(&mut random, 10..=80).await,
        }
        let (call, called) = aqueduct::channel();
        door.send((me, call)).await?;
        // While it is held, Santa waits.
        let come_in = called.recv_held().await?;
        trace.send(Event::Enters(me)).await?;
        drop(come_in);
        let good_bye = called.recv_held().await?;
        trace.send(Event::Leaves(me)).await?;
        drop(good_bye);
    }
}

/// The stable or the porch: gathers a group, and takes it to Santa.
#[process]
async fn gather(kind: Kind, door: Receiver<Waiting>, santa: Sender<Party>, trace: Sender<Event>) -> Outcome {
    loop {
        let mut party = Vec::new();
        while party.len() < kind.party() {
            party.push(door.recv().await?);
        }
        trace.send(Event::Gathered(kind)).await?;
        santa.send(party).await?;
    }
}

/// Serves the reindeer first, if both are there.
#[process]
async fn santa(
    years: u64,
    mut random: Rng,
    reindeer: Receiver<Party>,
    elves: Receiver<Party>,
    trace: Sender<Event>,
) -> Outcome {
    let mut choice = Alt::pri();
    let mut deliveries = 0;
    while deliveries < years {
        let (kind, party) = alt! { choice;
            party = reindeer.recv() => (Kind::Reindeer, party?),
            party = elves.recv() => (Kind::Elf, party?),
        };
        for (_, call) in &party {
            call.send(()).await?;
        }
        trace.send(Event::Begins(kind)).await?;
        match kind {
            Kind::Reindeer => {
                deliveries += 1;
                hours(&mut random, 24..=48).await;
            }
            Kind::Elf => hours(&mut random, 4..=16).await,
        }
        trace.send(Event::Ends(kind)).await?;
        for (_, call) in &party {
            call.send(()).await?;
        }
    }
    Ok(())
}

/// Writes down what happens, and in which hour.
#[process]
async fn scribe(events: Receiver<Event>) -> Outcome<Vec<Entry>> {
    let began = Instant::now();
    let mut entries = Vec::new();
    while let Some(event) = events.next().await? {
        entries.push(Entry { hour: began.elapsed().as_secs() / 3600, event });
    }
    Ok(entries)
}

/// Some years. They are over when Santa leaves: then his channels are retired, and everybody goes home.
#[process]
pub(crate) async fn workshop(years: u64, seed: u64) -> Outcome<Vec<Entry>> {
    let mut random = Rng::with_seed(seed);
    let (trace, events) = aqueduct::channel();
    let mut visitors = Group::new();
    let mut doors = Vec::new();
    for kind in [Kind::Reindeer, Kind::Elf] {
        let (door, at_the_door) = aqueduct::channel();
        for number in 0..kind.names().len() {
            visitors.add(visitor(Visitor { kind, number }, random.fork(), door.clone(), trace.clone()));
        }
        let (to_santa, parties) = aqueduct::channel();
        visitors.add(gather(kind, at_the_door, to_santa, trace.clone()));
        doors.push(parties);
    }
    let [reindeer, elves] = <[_; 2]>::try_from(doors).map_err(|_| Exit::failure("there are two doors"))?;
    let visitors = aqueduct::task("visitors", async move { Ok(visitors.join().await?) });
    let (_, (), trace) = par!(visitors, santa(years, random, reindeer, elves, trace), scribe(events)).await?;
    Ok(trace)
}
