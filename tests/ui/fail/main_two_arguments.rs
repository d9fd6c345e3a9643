#[aqueduct::main]
async fn main(workers: usize, name: String) {}
