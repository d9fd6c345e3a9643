//! The registry of this program, built once from what the linker gathered.
//!
//! Entries are in the order of their names, which is the same in each process of one binary; the linker's is not.

use std::{any::TypeId, collections::HashMap, sync::OnceLock};

use serde::{Deserialize, Serialize};

use super::{entry::Entry, function::Function, signature::Fnv};

/// All remote functions of a program.
#[derive(Debug)]
pub struct Registry {
    /// In the order of their names.
    entries: Vec<&'static Entry>,
    by_type: HashMap<TypeId, usize>,
    listing: Vec<Listed>,
    digest: u64,
}

/// A remote function as two processes speak of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Listed {
    /// Its name: `module::path::function`, or what `#[remote(name = "…")]` says.
    pub name: String,
    /// The fingerprint of its arguments and of its result.
    pub signature: u64,
}

/// Why there is no registry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// Two functions say they have the same name.
    #[error(
        "two remote functions are named `{name}`, at {first} and at {second}: give one of them another name with \
         `#[remote(name = \"…\")]`"
    )]
    SameName {
        /// The name.
        name: &'static str,
        /// Where one of them stands.
        first: &'static str,
        /// Where the other one stands.
        second: &'static str,
    },
}

/// The function has no registration, so no other process could find it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotRegistered {
    /// What the compiler calls the type of the function.
    pub type_name: &'static str,
}

impl std::error::Error for NotRegistered {}

impl std::fmt::Display for NotRegistered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { type_name } = self;
        // Pointers first: the type of a pointer may name closures.
        if ["fn(", "unsafe fn(", "extern ", "for<", "&", "alloc::boxed::Box<", "dyn "]
            .iter()
            .any(|start| type_name.starts_with(start))
        {
            write!(
                f,
                "`{type_name}` is a pointer, which does not tell which function it is: hand over a function with \
                 `#[aqueduct::remote]` by its name"
            )
        } else if type_name.contains("{{closure}}") {
            write!(
                f,
                "`{type_name}` is a closure, and closures cannot travel to another process: make it a function with \
                 `#[aqueduct::remote]`, whose leading parameter `&Data` is what the closure captures, and call \
                 `with(data, function)`"
            )
        } else if type_name.ends_with('>') {
            write!(
                f,
                "`{type_name}` is generic, and only functions of fixed types can be registered: write a function with \
                 `#[aqueduct::remote]` that calls it"
            )
        } else {
            write!(
                f,
                "`{type_name}` is not a remote function: put `#[aqueduct::remote]` on it (on a method: on its `impl`); if it \
                 is not yours, on a function that calls it"
            )
        }
    }
}

/// The registry of this program.
///
/// # Errors
/// If two functions have the same name.
pub fn registry() -> Result<&'static Registry, RegistryError> {
    static REGISTRY: OnceLock<Result<Registry, RegistryError>> = OnceLock::new();
    REGISTRY.get_or_init(|| Registry::new(inventory::iter::<Entry>().collect())).as_ref().map_err(Clone::clone)
}

impl Registry {
    pub(super) fn new(mut entries: Vec<&'static Entry>) -> Result<Self, RegistryError> {
        // By place too, so that the error is the same each time.
        entries.sort_unstable_by_key(|entry| (entry.name, entry.location));
        if let Some([first, second]) = entries.array_windows().find(|[a, b]| a.name == b.name) {
            return Err(RegistryError::SameName { name: first.name, first: first.location, second: second.location });
        }
        let by_type = entries.iter().enumerate().map(|(index, entry)| ((entry.type_id)(), index)).collect();
        let listing: Vec<_> = entries
            .iter()
            .map(|entry| Listed { name: entry.name.to_owned(), signature: (entry.signature)() })
            .collect();
        let mut digest = Fnv::new();
        for Listed { name, signature } in &listing {
            digest.text(name);
            digest.number(*signature);
        }
        Ok(Self { entries, by_type, listing, digest: digest.finish() })
    }

    /// The number of a function, by which other processes know it.
    ///
    /// # Errors
    /// If nobody registered it.
    pub fn number_of(&self, function: Function) -> Result<u32, NotRegistered> {
        self.by_type
            .get(&function.type_id)
            .and_then(|&index| u32::try_from(index).ok())
            .ok_or(NotRegistered { type_name: function.type_name })
    }

    /// The function with this number.
    #[must_use]
    pub fn by_number(&self, number: u32) -> Option<&'static Entry> {
        self.entries.get(usize::try_from(number).ok()?).copied()
    }

    /// The function with this name, and its number.
    #[must_use]
    pub fn by_name(&self, name: &str) -> Option<(u32, &'static Entry)> {
        let index = self.entries.binary_search_by_key(&name, |entry| entry.name).ok()?;
        Some((u32::try_from(index).ok()?, self.entries[index]))
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All functions, in the order of their numbers.
    #[must_use]
    pub fn listing(&self) -> &[Listed] {
        &self.listing
    }

    /// A number that is the same in two programs with the same names and signatures, and else hardly ever.
    #[must_use]
    pub fn digest(&self) -> u64 {
        self.digest
    }
}
