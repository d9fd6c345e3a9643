#[derive(serde::Serialize, serde::Deserialize)]
struct Model {
    weight: f64,
}

trait Apply {
    fn apply(&self, x: f64) -> f64;
}

#[aqueduct::remote]
impl Apply for Model {
    fn apply(&self, x: f64) -> f64 {
        self.weight * x
    }
}

fn main() {}
