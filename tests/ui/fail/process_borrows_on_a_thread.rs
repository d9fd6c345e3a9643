use aqueduct::prelude::*;

#[process]
fn greet(name: &str) {
    println!("hello {name}");
}

fn main() {}
