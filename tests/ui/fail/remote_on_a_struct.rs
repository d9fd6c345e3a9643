#[aqueduct::remote]
struct Model {
    weight: f64,
}

fn main() {}
