// Another process finds a function by its name, and a generic one has many.
#[aqueduct::remote]
fn largest<T: Ord>(items: Vec<T>) -> Option<T> {
    items.into_iter().max()
}

fn main() {
    largest(vec![1, 2]);
}
