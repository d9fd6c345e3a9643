//! The same processes in one task, on tasks of two workers, and with threads at their channels.

use aqueduct::prelude::*;
use aqueduct::toolkit::*;

use crate::common::{rounds, within};
use crate::parts::{PARTS, Part};
use crate::{LIMIT, on_runtime, sorted};

const COUNT: u32 = 50;

type Wired = (crate::parts::Running, Vec<Sender<u32>>, Vec<Receiver<u32>>);

fn wire(part: Part, capacity: usize) -> Wired {
    let (ins, inputs) = (0..part.inputs).map(|_| aqueduct::buffered(capacity)).unzip();
    let (senders, outs) = (0..part.outs).map(|_| aqueduct::buffered(capacity)).unzip();
    ((part.start)(inputs, senders), ins, outs)
}

#[test]
fn in_one_task() {
    for part in PARTS {
        for capacity in [0, 1, 7] {
            let values = on_runtime(async move {
                let (running, ins, outs) = wire(*part, capacity);
                let mut all = Group::new();
                all.add(aqueduct::task(part.name, async move {
                    running.await?;
                    Ok(vec![])
                }));
                for input in ins {
                    all.add(aqueduct::task("source", async move {
                        generate(0..COUNT, input).await?;
                        Ok(vec![])
                    }));
                }
                for out in outs {
                    all.add(collect(out));
                }
                all.join().await.unwrap().concat()
            });
            assert_eq!(sorted(values), (part.makes)(COUNT), "{} with room for {capacity}", part.name);
        }
    }
}

#[test]
fn on_tasks_of_two_workers() {
    for _ in 0..rounds(5) {
        for part in PARTS {
            let values = on_runtime(async move {
                let (running, ins, outs) = wire(*part, 0);
                let running = aqueduct::task(part.name, async move { Ok(running.await?) }).spawn();
                let sources: Vec<_> = ins.into_iter().map(|input| generate(0..COUNT, input).spawn()).collect();
                let sinks: Vec<_> = outs.into_iter().map(|out| collect(out).spawn()).collect();
                let mut values = Vec::new();
                for sink in sinks {
                    values.extend(sink.await.unwrap());
                }
                for source in sources {
                    source.await.unwrap();
                }
                running.await.unwrap();
                values
            });
            assert_eq!(sorted(values), (part.makes)(COUNT), "{}", part.name);
        }
    }
}

#[test]
fn with_threads_at_its_channels_and_no_runtime() {
    for part in PARTS {
        // Tasks of the farm yield to tokio; all else needs no runtime.
        let values = within(LIMIT, || {
            let (running, ins, outs) = wire(*part, 0);
            let sources: Vec<_> = ins
                .into_iter()
                .map(|input| std::thread::spawn(move || (0..COUNT).try_for_each(|n| input.send_blocking(n))))
                .collect();
            let sinks: Vec<_> = outs
                .into_iter()
                .map(|out| std::thread::spawn(move || out.iter().collect::<Result<Vec<_>, _>>().unwrap()))
                .collect();
            futures::executor::block_on(running).unwrap();
            for source in sources {
                source.join().unwrap().unwrap();
            }
            sinks.into_iter().flat_map(|sink| sink.join().unwrap()).collect()
        });
        assert_eq!(sorted(values), (part.makes)(COUNT), "{}", part.name);
    }
}

#[test]
fn the_order_is_kept_by_all_that_have_one_input() {
    for part in PARTS.iter().filter(|part| part.inputs == 1 && part.outs == 1 && part.name != "prefix") {
        if ["farm", "thread_farm"].contains(&part.name) {
            continue;
        }
        let values = on_runtime(async move {
            let (running, mut ins, mut outs) = wire(*part, 0);
            let running = aqueduct::task(part.name, async move { Ok(running.await?) }).spawn();
            let source = generate(0..COUNT, ins.remove(0)).spawn();
            let values = collect(outs.remove(0)).await.unwrap();
            source.await.unwrap();
            running.await.unwrap();
            values
        });
        assert_eq!(values, (part.makes)(COUNT), "{}", part.name);
    }
}
