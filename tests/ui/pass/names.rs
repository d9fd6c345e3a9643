//! The macros with nothing imported, and where the usual names mean something else.

#[allow(dead_code, non_camel_case_types)]
mod confusing {
    pub struct Result;
    pub struct Option;
    pub struct Vec;
    pub struct Some;
    pub struct Ok;
    pub trait Future {}
    pub trait Send {}
}

use confusing::*;

#[aqueduct::process]
async fn produce(out: aqueduct::Sender<u32>) {
    let _ = out.send(1).await;
}

#[derive(aqueduct::Process)]
#[process(value = u32)]
struct Sum<T> {
    #[port]
    input: aqueduct::Receiver<T>,
}

impl<T: Into<u32> + std::marker::Send + 'static> aqueduct::Run<u32> for Sum<T> {
    async fn run(&mut self) -> aqueduct::Outcome<u32> {
        let n = aqueduct::alt! {
            n = self.input.recv() => n?.into(),
        };
        std::result::Result::Ok(n)
    }
}

#[aqueduct::remote]
fn both(x: u32, y: std::option::Option<u32>) -> std::result::Result<u32, ()> {
    std::result::Result::Ok(x + y.unwrap_or(0))
}

#[aqueduct::remote]
async fn least(x: u32, y: u32) -> u32 {
    x.min(y)
}

fn main() {
    assert_eq!(both(1, std::option::Option::None), std::result::Result::Ok(1));
    drop(least(1, 2));
    let (out, input) = aqueduct::channel();
    let ((), sum) = aqueduct::run(aqueduct::par!(produce(out), Sum { input })).unwrap();
    assert_eq!(sum, 1);
}
