// Stands for `map`, which asks the same of the function and of the items.
fn map<F, A, M>(_: F, _: impl IntoIterator<Item = A>)
where
    F: aqueduct::cluster::registry::RemoteFn<A, M>,
    A: serde::Serialize,
{
}

#[aqueduct::remote]
fn product(x: u64, y: u64) -> u64 {
    x * y
}

fn main() {
    map(product, [1, 2, 3]);
}
