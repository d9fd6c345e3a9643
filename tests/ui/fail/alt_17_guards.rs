use aqueduct::prelude::*;

#[process]
async fn choose(left: Receiver<u32>, right: Receiver<u32>, out: Sender<u32>) -> Outcome {
    alt! {
        _ = left.recv() => println!("0"),
        _ = left.recv() => println!("1"),
        _ = left.recv() => println!("2"),
        _ = left.recv() => println!("3"),
        _ = left.recv() => println!("4"),
        _ = left.recv() => println!("5"),
        _ = left.recv() => println!("6"),
        _ = left.recv() => println!("7"),
        _ = left.recv() => println!("8"),
        _ = left.recv() => println!("9"),
        _ = left.recv() => println!("10"),
        _ = left.recv() => println!("11"),
        _ = left.recv() => println!("12"),
        _ = left.recv() => println!("13"),
        _ = left.recv() => println!("14"),
        _ = left.recv() => println!("15"),
        _ = left.recv() => println!("16"),
    }
    out.send(0).await?;
    drop((left, right));
    Ok(())
}

fn main() {}
