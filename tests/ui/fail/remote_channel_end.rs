#[aqueduct::remote]
fn feed(numbers: aqueduct::Sender<u64>) {
    drop(numbers);
}

fn main() {}
