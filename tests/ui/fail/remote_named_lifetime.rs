// Captured data may be borrowed, but needs no name for it.
#[aqueduct::remote]
fn length<'a>(text: &'a String, more: u64) -> u64 {
    text.len() as u64 + more
}

fn main() {}
