#[aqueduct::main]
async fn start() {}

fn main() {}
