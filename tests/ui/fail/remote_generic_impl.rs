#[derive(serde::Serialize, serde::Deserialize)]
struct Model<T> {
    weight: T,
}

#[aqueduct::remote]
impl<T> Model<T> {
    fn apply(&self, x: f64) -> f64 {
        x
    }
}

fn main() {}
