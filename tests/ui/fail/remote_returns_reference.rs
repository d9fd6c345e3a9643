#[aqueduct::remote]
fn name(person: u64) -> &'static str {
    if person == 1 { "one" } else { "many" }
}

fn main() {}
