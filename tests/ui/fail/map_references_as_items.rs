// Stands for `map`, which asks the same of the function and of the items.
fn map<F, A, M>(_: F, _: impl IntoIterator<Item = A>)
where
    F: aqueduct::cluster::registry::RemoteFn<A, M>,
    A: serde::Serialize,
{
}

#[aqueduct::remote]
fn area(shape: &(f64, f64)) -> f64 {
    shape.0 * shape.1
}

fn main() {
    let shapes = vec![(1.0, 2.0)];
    map(area, &shapes);
}
