//! A fingerprint of the types that a function takes and gives, taken through their own `Deserialize`.
//!
//! The type is put together again and again from made-up values, and what it asks for is written down: a struct of this
//! name with these fields, of which the first is a `u32`, … ([`probe`]). So it needs no further derive, sees through
//! `#[serde(rename)]`, `skip`, `with` and hand-written impls, and is what the wire has, not what the source says. It is
//! hashed with FNV-1a, which is the same in every build; names that the compiler makes up are not in it.
//!
//! It is a guard against mixed builds, not a proof: what stands behind a value that refuses every made-up value (a URL,
//! a date as text) stays unseen, except for the names of the fields, and exploring ends at a limit. Both are the same in
//! each process, so equal types always have equal signatures. A hand-written `Deserialize` that panics on odd values,
//! where it should refuse them, is taken to have refused; its message shows.

mod probe;
mod trace;

use serde::de::DeserializeOwned;

use probe::Probe;

/// The signature of a function of these captured data, items and results.
pub(super) fn of_function<S: DeserializeOwned, A: DeserializeOwned, R: DeserializeOwned>() -> u64 {
    let mut hash = Fnv::new();
    hash.text(&shape::<S>());
    hash.text(&shape::<A>());
    hash.text(&shape::<R>());
    hash.finish()
}

/// What the type asks for when it is put together, as a text.
pub(super) fn shape<T: DeserializeOwned>() -> String {
    let mut probe = Probe::default();
    // A `Deserialize` of somebody else's that panics on an odd value has refused it.
    while probe.again(|probe| {
        let attempt = std::panic::AssertUnwindSafe(|| T::deserialize(probe).is_ok());
        std::panic::catch_unwind(attempt).unwrap_or(false)
    }) {}
    probe.into_text()
}

/// FNV-1a with 64 bits.
#[derive(Debug)]
pub(super) struct Fnv(u64);

impl Fnv {
    pub(super) const fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }

    pub(super) fn number(&mut self, number: u64) {
        self.bytes(&number.to_le_bytes());
    }

    /// With its length, so that two texts do not run into each other.
    pub(super) fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.bytes(text.as_bytes());
    }

    pub(super) const fn finish(&self) -> u64 {
        self.0
    }
}
