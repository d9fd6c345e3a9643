//! Where `#[remote]` may stand, and what it may stand with.
#![forbid(unsafe_code)]
#![deny(warnings, clippy::all, clippy::pedantic)]

use aqueduct as channels;

macro_rules! squares {
    ($($name:ident: $ty:ty),*) => {
        $(
            #[aqueduct::remote]
            fn $name(x: $ty) -> $ty {
                x * x
            }
        )*
    };
}

squares!(square_u64: u64, square_f64: f64);

#[channels::remote(crate = channels, pure, name = "renamed")]
fn renamed(x: u64) -> u64 {
    x
}

#[aqueduct::remote]
#[cfg(any())]
fn not_there(x: NoSuchType) -> NoSuchType {
    x
}

#[cfg(any())]
#[aqueduct::remote]
fn not_there_either(x: NoSuchType) -> NoSuchType {
    x
}

#[aqueduct::remote]
#[deprecated]
fn old(_: u64) {}

#[aqueduct::remote]
#[must_use]
fn used(words: Vec<std::borrow::Cow<'static, str>>, f: [u8; 2 + 1]) -> usize {
    words.len() + f.len()
}

#[derive(Clone, serde::Serialize, serde::Deserialize)]
struct Scale<T> {
    by: T,
}

#[aqueduct::remote(name = "scale")]
impl Scale<f64> {
    const LEAST: f64 = 0.5;

    fn apply(&self, (x, y): (f64, f64)) -> Option<Self> {
        (x > Self::LEAST).then(|| Self { by: self.by * x * y })
    }

    #[cfg(any())]
    fn not_there(&self) -> NoSuchType {}

    fn sum(a: f64, b: f64) -> f64 {
        a + b
    }

    async fn merge(&self, other: Self) -> Result<Vec<Self>, String> {
        let all: std::rc::Rc<[Self]> = [self.clone(), other].into();
        std::future::ready(()).await;
        Ok(all.to_vec())
    }
}

mod of_others {
    #[aqueduct::remote]
    impl super::Scale<u8> {
        pub fn itself(&self) -> u8 {
            self.by
        }
    }
}

fn main() {
    #[aqueduct::remote]
    fn inside(x: u64) -> u64 {
        x + 1
    }
    assert_eq!(square_u64(3), 9);
    assert!((square_f64(3.0) - 9.0).abs() < f64::EPSILON);
    assert_eq!(renamed(inside(2)), 3);
    assert_eq!(used(vec!["a".into()], [0; 3]), 4);
    #[expect(deprecated)]
    old(1);
    assert!(Scale { by: 2.0 }.apply((1.0, 1.0)).is_some());
    assert!(Scale::sum(1.0, 2.0) > 2.0);
    drop(Scale { by: 2.0 }.merge(Scale { by: 1.0 }));
    assert_eq!(Scale { by: 2_u8 }.itself(), 2);
    let registry = aqueduct::cluster::registry::registry().unwrap();
    let names: Vec<_> = registry.listing().iter().map(|listed| &*listed.name).collect();
    let own = module_path!();
    for name in ["square_u64", "square_f64", "old", "used", "inside", "of_others::super::Scale<u8>::itself"] {
        assert!(names.contains(&&*format!("{own}::{name}")), "{name} in {names:?}");
    }
    for name in ["renamed", "scale::apply", "scale::merge", "scale::sum"] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    assert_eq!(names.len(), 10, "{names:?}");
}
