use aqueduct::prelude::*;

async fn idle() -> Outcome {
    Ok(())
}

async fn network() -> Outcome {
    let mut group = Group::new();
    group.add(idle());
    group.await?;
    Ok(())
}

fn main() {}
