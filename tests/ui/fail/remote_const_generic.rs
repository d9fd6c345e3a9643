#[aqueduct::remote]
fn first<const N: usize>(items: Vec<u8>) -> Vec<u8> {
    items.into_iter().take(N).collect()
}

fn main() {}
