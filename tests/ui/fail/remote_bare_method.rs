// The attribute on a method does not see the type around it.
#[derive(serde::Serialize, serde::Deserialize)]
struct Model {
    weight: f64,
}

impl Model {
    #[aqueduct::remote]
    fn apply(&self, x: f64) -> f64 {
        self.weight * x
    }
}

fn main() {}
