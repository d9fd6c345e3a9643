#[aqueduct::main]
fn main() {}
