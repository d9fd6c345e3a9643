//! The deserializer that writes down what it is asked for, and answers with what the probe picks.
//!
//! It presents itself as the wire does: not human-readable, structs as sequences of their fields.

use std::fmt;

use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error, IntoDeserializer as _, MapAccess, SeqAccess, VariantAccess,
    Visitor, value::U32Deserializer,
};

use super::probe::{Probe, Refused};

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the made-up value was refused")
    }
}

impl std::error::Error for Refused {}

impl Error for Refused {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// Answers a question for a number or a text: `method, its name, the visitor's method, candidates`.
macro_rules! values {
    ($($method:ident $name:literal $visit:ident [$($value:expr),+];)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
            let candidates = [$($value),+];
            let picked = self.pick($name, candidates.len())?;
            visitor.$visit(candidates[picked])
        }
    )*};
}

impl<'de> Deserializer<'de> for &mut Probe {
    type Error = Refused;

    values! {
        deserialize_bool "bool" visit_bool [false, true];
        deserialize_i8 "i8" visit_i8 [0, 1];
        deserialize_i16 "i16" visit_i16 [0, 1];
        deserialize_i32 "i32" visit_i32 [0, 1];
        deserialize_i64 "i64" visit_i64 [0, 1];
        deserialize_i128 "i128" visit_i128 [0, 1];
        deserialize_u8 "u8" visit_u8 [0, 1];
        deserialize_u16 "u16" visit_u16 [0, 1];
        deserialize_u32 "u32" visit_u32 [0, 1];
        deserialize_u64 "u64" visit_u64 [0, 1];
        deserialize_u128 "u128" visit_u128 [0, 1];
        deserialize_f32 "f32" visit_f32 [0.0, 1.0];
        deserialize_f64 "f64" visit_f64 [0.0, 1.0];
        deserialize_char "char" visit_char ['a', '\0'];
        deserialize_str "str" visit_str ["", "0", "a"];
        deserialize_string "str" visit_str ["", "0", "a"];
        deserialize_bytes "bytes" visit_bytes [&[][..], &[0], &[0; 16], &[0; 32]];
        deserialize_byte_buf "bytes" visit_bytes [&[][..], &[0], &[0; 16], &[0; 32]];
    }

    fn is_human_readable(&self) -> bool {
        false
    }

    /// The wire does not say what comes, so it cannot answer either.
    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Refused> {
        self.note(format_args!("any "))?;
        Err(Refused)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.note(format_args!("ignored "))?;
        visitor.visit_unit()
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.note(format_args!("identifier "))?;
        visitor.visit_u64(0)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.note(format_args!("unit "))?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Refused> {
        self.note(format_args!("unit {name:?} "))?;
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, name: &'static str, visitor: V) -> Result<V::Value, Refused> {
        self.note(format_args!("newtype {name:?} "))?;
        self.inside::<V, _>(|probe| visitor.visit_newtype_struct(probe))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.note(format_args!("option "))?;
        self.inside::<V, _>(|probe| match probe.pick_length::<V>() {
            0 => visitor.visit_none(),
            _ => visitor.visit_some(probe),
        })
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.note(format_args!("seq "))?;
        self.inside::<V, _>(|probe| {
            let left = probe.pick_length::<V>();
            visitor.visit_seq(Elements { probe, left })
        })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.note(format_args!("map "))?;
        self.inside::<V, _>(|probe| {
            let left = probe.pick_length::<V>();
            visitor.visit_map(Elements { probe, left })
        })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Refused> {
        self.note(format_args!("tuple {len} "))?;
        self.inside::<V, _>(|probe| visitor.visit_seq(Elements { probe, left: len }))
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.note(format_args!("tuple {name:?} {len} "))?;
        self.inside::<V, _>(|probe| visitor.visit_seq(Elements { probe, left: len }))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.note(format_args!("struct {name:?} {fields:?} "))?;
        self.inside::<V, _>(|probe| visitor.visit_seq(Elements { probe, left: fields.len() }))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.note(format_args!("enum {name:?} {variants:?} "))?;
        self.inside::<V, _>(|probe| {
            let index = probe.pick_variant::<V>(variants.len());
            probe.note(format_args!("{index} "))?;
            let value = visitor.visit_enum(Picked { probe: &mut *probe, index })?;
            probe.variant_ends::<V>(index);
            Ok(value)
        })
    }
}

/// The elements of a sequence, the entries of a map, or the fields of a struct.
struct Elements<'a> {
    probe: &'a mut Probe,
    left: usize,
}

impl Elements<'_> {
    fn take(&mut self) -> Result<bool, Refused> {
        let some = self.left > 0;
        self.left -= usize::from(some);
        self.probe.note(format_args!("{}", if some { ", " } else { ". " }))?;
        Ok(some)
    }
}

impl<'de> SeqAccess<'de> for Elements<'_> {
    type Error = Refused;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Refused> {
        if self.take()? { seed.deserialize(&mut *self.probe).map(Some) } else { Ok(None) }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

impl<'de> MapAccess<'de> for Elements<'_> {
    type Error = Refused;

    fn next_key_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Refused> {
        if self.take()? { seed.deserialize(&mut *self.probe).map(Some) } else { Ok(None) }
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Refused> {
        seed.deserialize(&mut *self.probe)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

/// An enum with the variant that the probe picked.
struct Picked<'a> {
    probe: &'a mut Probe,
    index: usize,
}

impl<'a, 'de> EnumAccess<'de> for Picked<'a> {
    type Error = Refused;
    type Variant = &'a mut Probe;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, &'a mut Probe), Refused> {
        let index = u32::try_from(self.index).map_err(|_| Refused)?;
        let index: U32Deserializer<Refused> = index.into_deserializer();
        Ok((seed.deserialize(index)?, self.probe))
    }
}

impl<'de> VariantAccess<'de> for &mut Probe {
    type Error = Refused;

    fn unit_variant(self) -> Result<(), Refused> {
        self.note(format_args!("unit "))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Refused> {
        self.note(format_args!("newtype "))?;
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Refused> {
        self.note(format_args!("tuple {len} "))?;
        visitor.visit_seq(Elements { probe: self, left: len })
    }

    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Refused> {
        self.note(format_args!("struct {fields:?} "))?;
        visitor.visit_seq(Elements { probe: self, left: fields.len() })
    }
}
