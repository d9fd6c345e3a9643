// As the first one it would be captured data, which a worker has to own.
#[aqueduct::remote]
fn length(text: &str) -> usize {
    text.len()
}

fn main() {}
