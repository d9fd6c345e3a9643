//! Stands for the library.
mod library {
    pub use aqueduct::__private;

    pub fn init() {}

    #[derive(Clone)]
    pub struct Cluster;

    impl Cluster {
        pub async fn from_env() -> Result<Self, std::fmt::Error> {
            Ok(Self)
        }

        pub async fn shutdown(self) {}
    }
}

#[aqueduct::main(crate = library)]
async fn main(workers: usize) {
    println!("{workers}");
}
