#[aqueduct::main]
struct Main;

fn main() {}
