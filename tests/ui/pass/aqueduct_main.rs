//! `#[aqueduct::main]` makes a runtime around the body, in a program that does not know tokio.

/// Stands for the library.
mod library {
    use std::cell::RefCell;

    pub use aqueduct::__private;

    thread_local! {
        static SAID: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
    }

    pub fn say(what: &'static str) {
        SAID.with_borrow_mut(|said| said.push(what));
    }

    pub fn said() -> Vec<&'static str> {
        SAID.take()
    }

    pub fn init() {
        say("init");
    }

    #[must_use]
    pub struct Summary;

    #[derive(Clone)]
    pub struct Cluster(std::rc::Rc<u8>);

    impl Cluster {
        pub async fn from_env() -> Result<Self, std::fmt::Error> {
            say("start");
            Ok(Self(7.into()))
        }

        pub async fn shutdown(self) -> Summary {
            say("stop");
            Summary
        }

        pub fn number(&self) -> u8 {
            *self.0
        }
    }
}

mod with_a_cluster {
    use crate::library::{self, Cluster};

    #[aqueduct::main(crate = library)]
    pub async fn main(cluster: Cluster) -> Result<u8, String> {
        library::say("body");
        aqueduct::after(std::time::Duration::ZERO).await;
        let number: u8 = "1".parse().map_err(|_| "no number")?;
        Ok(cluster.number() + number)
    }
}

mod of_a_result {
    use crate::library;

    #[aqueduct::main(crate = library)]
    pub async fn main() -> Result<(), String> {
        library::say("body");
        Err("as it is".to_owned())
    }
}

use library::Cluster;

#[aqueduct::main(crate = library)]
async fn main(_cluster: Cluster) -> impl std::process::Termination {
    assert_eq!(library::said(), ["init", "start"]);
    std::thread::spawn(|| {
        assert_eq!(with_a_cluster::main(), Ok(8));
        assert_eq!(library::said(), ["init", "start", "body", "stop"]);
        assert_eq!(of_a_result::main(), Err("as it is".to_owned()));
        assert_eq!(library::said(), ["init", "body"]);
    })
    .join()
    .unwrap();
}
