// The threads of a worker share the captured data.
#[derive(serde::Serialize, serde::Deserialize)]
struct Counter {
    count: std::cell::Cell<u64>,
}

#[aqueduct::remote]
impl Counter {
    fn next(&self) -> u64 {
        self.count.get() + 1
    }
}

fn main() {}
