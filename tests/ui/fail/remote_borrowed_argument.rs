// A leading `&T` is captured data; the others are owned.
#[aqueduct::remote]
fn count(id: u64, text: &str) -> u64 {
    id + text.len() as u64
}

fn main() {}
