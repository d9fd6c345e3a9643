#[derive(serde::Serialize, serde::Deserialize)]
struct Model {
    weight: f64,
}

#[aqueduct::remote]
impl Model {
    fn train(&mut self, x: f64) {
        self.weight += x;
    }

    fn owned(self: Box<Self>) -> f64 {
        self.weight
    }
}

fn main() {}
