//! The walk over bytes that are decoded.

use super::{DEPTH, EMPTY_ELEMENTS, FORMAT, Format};
use bincode::Decode;
use bincode::de::{Decoder, DecoderImpl, read::Reader};
use bincode::error::DecodeError as NumberError;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    VariantAccess, Visitor,
};
use std::fmt;

/// Bytes are not what they should be: which, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot decode, at byte {at}: {refused}")]
pub struct DecodeError {
    /// The first byte that was not taken.
    pub at: usize,
    /// What is wrong there.
    #[source]
    pub refused: Refused,
}

/// Why bytes are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// The bytes end inside a value.
    #[error("the bytes end here, in the middle of a value")]
    Ended,
    /// A length that cannot be true.
    #[error("a length of {claimed} is claimed, and {left} bytes are left")]
    Length {
        /// The length found.
        claimed: u64,
        /// The bytes behind it.
        left: usize,
    },
    /// Too many elements that take no bytes.
    #[error("more than {limit} elements that take no bytes")]
    TooManyEmpty {
        /// The elements allowed.
        limit: usize,
    },
    /// Too many levels of nesting.
    #[error("nested more than {limit} levels deep")]
    TooDeep {
        /// The levels allowed.
        limit: u16,
    },
    /// Bytes after the value.
    #[error("the value ends here, and {left} more bytes follow: the two sides disagree about its type")]
    Trailing {
        /// The bytes that follow.
        left: usize,
    },
    /// The type asks the format what comes next.
    #[error(
        "the type asks what comes next ({0}), and this format does not say: `#[serde(untagged)]`, `flatten` and \
         `serde_json::Value` cannot be decoded"
    )]
    NotSelfDescribing(&'static str),
    /// No value of this type looks so, with the reason.
    #[error("{0}")]
    Value(String),
}

impl de::Error for Refused {
    #[cold]
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Value(message.to_string())
    }
}

#[inline]
pub(super) fn take<T: DeserializeOwned>(bytes: &mut &[u8]) -> Result<T, DecodeError> {
    let mut from = Source { bytes: DecoderImpl::new(Input(bytes), FORMAT, ()), empty_left: EMPTY_ELEMENTS };
    let done = T::deserialize(Walk { from: &mut from, depth: 0 });
    let rest = from.rest();
    match done {
        Ok(value) => {
            *bytes = rest;
            Ok(value)
        }
        Err(refused) => Err(DecodeError { at: bytes.len() - rest.len(), refused }),
    }
}

struct Input<'b>(&'b [u8]);

impl Reader for Input<'_> {
    #[inline(always)]
    fn read(&mut self, bytes: &mut [u8]) -> Result<(), NumberError> {
        let Some((taken, rest)) = self.0.split_at_checked(bytes.len()) else {
            return Err(NumberError::UnexpectedEnd { additional: bytes.len() - self.0.len() });
        };
        bytes.copy_from_slice(taken);
        self.0 = rest;
        Ok(())
    }

    #[inline(always)]
    fn peek_read(&mut self, count: usize) -> Option<&[u8]> {
        self.0.get(..count)
    }

    #[inline(always)]
    fn consume(&mut self, count: usize) {
        self.0 = self.0.get(count..).unwrap_or_default();
    }
}

struct Source<'b> {
    bytes: DecoderImpl<Input<'b>, Format, ()>,
    empty_left: usize,
}

impl<'b> Source<'b> {
    #[inline]
    fn get<T: Decode<()>>(&mut self) -> Result<T, Refused> {
        T::decode(&mut self.bytes).map_err(number_error)
    }

    #[inline]
    fn rest(&mut self) -> &'b [u8] {
        self.bytes.reader().0
    }

    /// A length: of bytes, or of elements, of which those that take no bytes are counted as they come.
    #[inline]
    fn length(&mut self, empty_allowed: usize) -> Result<usize, Refused> {
        let claimed: u64 = self.get()?;
        let left = self.rest().len();
        match usize::try_from(claimed) {
            Ok(length) if length <= left.saturating_add(empty_allowed) => Ok(length),
            _ => Err(Refused::Length { claimed, left }),
        }
    }

    #[inline]
    fn slice(&mut self) -> Result<&'b [u8], Refused> {
        let length = self.length(0)?;
        let (taken, rest) = self.rest().split_at(length);
        self.bytes.reader().0 = rest;
        Ok(taken)
    }
}

#[cold]
fn number_error(error: NumberError) -> Refused {
    match error {
        NumberError::UnexpectedEnd { .. } => Refused::Ended,
        NumberError::InvalidIntegerType { expected, found } => {
            Refused::Value(format!("a {found:?} stands where a {expected:?} should"))
        }
        NumberError::InvalidBooleanValue(found) => Refused::Value(format!("{found} is not a bool")),
        NumberError::InvalidCharEncoding(_) => Refused::Value("not a char".to_owned()),
        other => Refused::Value(other.to_string()),
    }
}

/// One place in the bytes. The depth goes along by value, so leaving a level costs nothing.
struct Walk<'r, 'b> {
    from: &'r mut Source<'b>,
    depth: u16,
}

impl<'r, 'b> Walk<'r, 'b> {
    #[inline]
    fn deeper(self) -> Result<Self, Refused> {
        if self.depth == DEPTH {
            return Err(Refused::TooDeep { limit: DEPTH });
        }
        Ok(Self { from: self.from, depth: self.depth + 1 })
    }

    #[inline]
    fn elements(self, left: usize) -> Result<Elements<'r, 'b>, Refused> {
        let bytes = self.from.rest().len();
        Ok(Elements { inside: self.deeper()?, left, bytes, at_key: 0 })
    }
}

macro_rules! numbers {
    ($($method:ident $visit:ident,)*) => {
        $(#[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
            visitor.$visit(self.from.get()?)
        })*
    };
}

macro_rules! unknown {
    ($($method:ident,)*) => {
        $(fn $method<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Refused> {
            Err(Refused::NotSelfDescribing(stringify!($method)))
        })*
    };
}

impl<'de> Deserializer<'de> for Walk<'_, '_> {
    type Error = Refused;

    numbers! {
        deserialize_bool visit_bool, deserialize_char visit_char,
        deserialize_i8 visit_i8, deserialize_i16 visit_i16, deserialize_i32 visit_i32, deserialize_i64 visit_i64,
        deserialize_i128 visit_i128,
        deserialize_u8 visit_u8, deserialize_u16 visit_u16, deserialize_u32 visit_u32, deserialize_u64 visit_u64,
        deserialize_u128 visit_u128,
        deserialize_f32 visit_f32, deserialize_f64 visit_f64,
    }

    unknown! { deserialize_any, deserialize_identifier, deserialize_ignored_any, }

    #[inline]
    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let text = std::str::from_utf8(self.from.slice()?).map_err(|error| Refused::Value(error.to_string()))?;
        visitor.visit_str(text)
    }

    #[inline]
    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_str(visitor)
    }

    #[inline]
    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_bytes(self.from.slice()?)
    }

    #[inline]
    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_bytes(self.from.slice()?)
    }

    #[inline]
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        match self.from.get::<u8>()? {
            0 => visitor.visit_none(),
            1 => visitor.visit_some(self.deeper()?),
            other => Err(Refused::Value(format!("{other} is neither `None` (0) nor `Some` (1)"))),
        }
    }

    #[inline]
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_unit()
    }

    #[inline]
    fn deserialize_unit_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_unit()
    }

    #[inline]
    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_newtype_struct(self.deeper()?)
    }

    #[inline]
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let count = self.from.length(self.from.empty_left)?;
        visitor.visit_seq(self.elements(count)?)
    }

    #[inline]
    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refused> {
        let count = self.from.length(self.from.empty_left)?;
        visitor.visit_map(self.elements(count)?)
    }

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, count: usize, visitor: V) -> Result<V::Value, Refused> {
        visitor.visit_seq(Fields { inside: self.deeper()?, left: count })
    }

    #[inline]
    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        count: usize,
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.deserialize_tuple(count, visitor)
    }

    #[inline]
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        self.deserialize_tuple(fields.len(), visitor)
    }

    #[inline]
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refused> {
        visitor.visit_enum(self)
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

impl<'de> EnumAccess<'de> for Walk<'_, '_> {
    type Error = Refused;
    type Variant = Self;

    #[inline]
    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Refused> {
        let index: u32 = self.from.get()?;
        Ok((seed.deserialize(index.into_deserializer())?, self))
    }
}

impl<'de> VariantAccess<'de> for Walk<'_, '_> {
    type Error = Refused;

    #[inline]
    fn unit_variant(self) -> Result<(), Refused> {
        Ok(())
    }

    #[inline]
    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Refused> {
        seed.deserialize(self.deeper()?)
    }

    #[inline]
    fn tuple_variant<V: Visitor<'de>>(self, count: usize, visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_tuple(count, visitor)
    }

    #[inline]
    fn struct_variant<V: Visitor<'de>>(self, fields: &'static [&'static str], visitor: V) -> Result<V::Value, Refused> {
        self.deserialize_tuple(fields.len(), visitor)
    }
}

/// The fields of a structure: their number is the type's, not the sender's.
struct Fields<'r, 'b> {
    inside: Walk<'r, 'b>,
    left: usize,
}

impl<'de> SeqAccess<'de> for Fields<'_, '_> {
    type Error = Refused;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Refused> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(Walk { from: &mut *self.inside.from, depth: self.inside.depth }).map(Some)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        Some(self.left)
    }
}

/// The elements of a sequence, or the entries of a map: their number is the sender's claim.
struct Elements<'r, 'b> {
    inside: Walk<'r, 'b>,
    left: usize,
    /// The bytes that were left before the first.
    bytes: usize,
    /// The bytes that were left before the key of a map's entry.
    at_key: usize,
}

impl Elements<'_, '_> {
    #[inline]
    fn part<'de, S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Refused> {
        seed.deserialize(Walk { from: &mut *self.inside.from, depth: self.inside.depth })
    }

    /// Counts an element that took no bytes since `before` were left.
    #[inline]
    fn count_empty(&mut self, before: usize) -> Result<(), Refused> {
        let from = &mut *self.inside.from;
        if from.rest().len() == before {
            from.empty_left = from.empty_left.checked_sub(1).ok_or(Refused::TooManyEmpty { limit: EMPTY_ELEMENTS })?;
        }
        Ok(())
    }

    /// Never more than there were bytes, so that a collection's first allocation follows the data, not the claim.
    #[inline]
    fn hint(&self) -> Option<usize> {
        Some(self.left.min(self.bytes))
    }
}

impl<'de> SeqAccess<'de> for Elements<'_, '_> {
    type Error = Refused;

    #[inline]
    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Refused> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let before = self.inside.from.rest().len();
        let element = self.part(seed)?;
        self.count_empty(before)?;
        Ok(Some(element))
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.hint()
    }
}

impl<'de> MapAccess<'de> for Elements<'_, '_> {
    type Error = Refused;

    #[inline]
    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Refused> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        self.at_key = self.inside.from.rest().len();
        self.part(seed).map(Some)
    }

    #[inline]
    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Refused> {
        let value = self.part(seed)?;
        self.count_empty(self.at_key)?;
        Ok(value)
    }

    #[inline]
    fn size_hint(&self) -> Option<usize> {
        self.hint()
    }
}
