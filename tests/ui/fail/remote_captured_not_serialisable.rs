struct Model {
    weight: f64,
}

#[aqueduct::remote]
impl Model {
    fn apply(&self, x: f64) -> f64 {
        self.weight * x
    }
}

fn main() {}
