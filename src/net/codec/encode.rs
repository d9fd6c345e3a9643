//! The walk over a value that is encoded.

use super::{DEPTH, EMPTY_ELEMENTS, FORMAT, Format};
use bincode::Encode;
use bincode::enc::{EncoderImpl, write::Writer};
use serde::ser::{self, Serialize, Serializer};

/// A value cannot be encoded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// A sequence or map did not tell its length beforehand.
    #[error(
        "a sequence or map of unknown length cannot be encoded (`#[serde(flatten)]` makes one; collect an iterator \
         into a `Vec` first)"
    )]
    UnknownLength,
    /// The value is nested too deeply to be decoded safely.
    #[error(
        "a value nested more than {limit} levels deep cannot be encoded; flatten it, for example into a `Vec` of nodes"
    )]
    TooDeep {
        /// The levels allowed.
        limit: u16,
    },
    /// A sequence of more elements that take no bytes than a decoder accepts.
    #[error("{count} elements that take no bytes cannot be encoded: at most {limit}; send their number instead")]
    TooManyEmpty {
        /// The elements.
        count: usize,
        /// The elements allowed.
        limit: usize,
    },
    /// The value's own `Serialize` failed, with its message.
    #[error("{0}")]
    Value(String),
}

impl ser::Error for EncodeError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self::Value(message.to_string())
    }
}

#[inline]
pub(super) fn append<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    let before = out.len();
    let mut to = EncoderImpl::new(Output(out), FORMAT);
    let done = value.serialize(Walk { to: &mut to, depth: 0 });
    if done.is_err() {
        out.truncate(before);
    }
    done
}

struct Output<'o>(&'o mut Vec<u8>);

impl Writer for Output<'_> {
    #[inline(always)]
    fn write(&mut self, bytes: &[u8]) -> Result<(), bincode::error::EncodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// One place in a value. The depth goes along by value, so leaving a level costs nothing.
struct Walk<'e, 'o> {
    to: &'e mut EncoderImpl<Output<'o>, Format>,
    depth: u16,
}

impl<'e, 'o> Walk<'e, 'o> {
    #[inline]
    fn put(&mut self, value: impl Encode) -> Result<(), EncodeError> {
        value.encode(&mut *self.to).map_err(|failed| EncodeError::Value(failed.to_string()))
    }

    #[inline]
    fn deeper(self) -> Result<Self, EncodeError> {
        if self.depth == DEPTH {
            return Err(EncodeError::TooDeep { limit: DEPTH });
        }
        Ok(Self { to: self.to, depth: self.depth + 1 })
    }

    #[inline]
    fn many(mut self, count: Option<usize>) -> Result<Many<'e, 'o>, EncodeError> {
        let count = count.ok_or(EncodeError::UnknownLength)?;
        self.put(count as u64)?;
        let start = self.written();
        Ok(Many { inside: self.deeper()?, count, start })
    }

    fn written(&mut self) -> usize {
        bincode::enc::Encoder::writer(self.to).0.len()
    }
}

macro_rules! numbers {
    ($($method:ident $type:ty,)*) => {
        $(#[inline]
        fn $method(mut self, value: $type) -> Result<(), EncodeError> {
            self.put(value)
        })*
    };
}

impl<'e, 'o> Serializer for Walk<'e, 'o> {
    type Ok = ();
    type Error = EncodeError;
    type SerializeSeq = Many<'e, 'o>;
    type SerializeMap = Many<'e, 'o>;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    numbers! {
        serialize_bool bool, serialize_char char,
        serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64, serialize_i128 i128,
        serialize_u8 u8, serialize_u16 u16, serialize_u32 u32, serialize_u64 u64, serialize_u128 u128,
        serialize_f32 f32, serialize_f64 f64, serialize_str &str, serialize_bytes &[u8],
    }

    #[inline]
    fn serialize_none(mut self) -> Result<(), EncodeError> {
        self.put(0u8)
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(mut self, value: &T) -> Result<(), EncodeError> {
        self.put(1u8)?;
        value.serialize(self.deeper()?)
    }

    #[inline]
    fn serialize_unit(self) -> Result<(), EncodeError> {
        Ok(())
    }

    #[inline]
    fn serialize_unit_struct(self, _: &'static str) -> Result<(), EncodeError> {
        Ok(())
    }

    #[inline]
    fn serialize_unit_variant(mut self, _: &'static str, index: u32, _: &'static str) -> Result<(), EncodeError> {
        self.put(index)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), EncodeError> {
        value.serialize(self.deeper()?)
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        mut self,
        _: &'static str,
        index: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), EncodeError> {
        self.put(index)?;
        value.serialize(self.deeper()?)
    }

    #[inline]
    fn serialize_seq(self, count: Option<usize>) -> Result<Many<'e, 'o>, EncodeError> {
        self.many(count)
    }

    #[inline]
    fn serialize_map(self, count: Option<usize>) -> Result<Many<'e, 'o>, EncodeError> {
        self.many(count)
    }

    #[inline]
    fn serialize_tuple(self, _: usize) -> Result<Self, EncodeError> {
        self.deeper()
    }

    #[inline]
    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Self, EncodeError> {
        self.deeper()
    }

    #[inline]
    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self, EncodeError> {
        self.deeper()
    }

    #[inline]
    fn serialize_tuple_variant(
        mut self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, EncodeError> {
        self.put(index)?;
        self.deeper()
    }

    #[inline]
    fn serialize_struct_variant(
        mut self,
        _: &'static str,
        index: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self, EncodeError> {
        self.put(index)?;
        self.deeper()
    }

    fn is_human_readable(&self) -> bool {
        false
    }
}

impl Walk<'_, '_> {
    #[inline]
    fn part<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        value.serialize(Walk { to: &mut *self.to, depth: self.depth })
    }
}

macro_rules! parts {
    ($($trait:ident $method:ident,)*) => {
        $(impl ser::$trait for Walk<'_, '_> {
            type Ok = ();
            type Error = EncodeError;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
                self.part(value)
            }

            #[inline]
            fn end(self) -> Result<(), EncodeError> {
                Ok(())
            }
        })*
    };
}

parts! {
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field,
}

macro_rules! fields {
    ($($trait:ident,)*) => {
        $(impl ser::$trait for Walk<'_, '_> {
            type Ok = ();
            type Error = EncodeError;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(&mut self, _: &'static str, value: &T) -> Result<(), EncodeError> {
                self.part(value)
            }

            // A field that is left out would be read as the next one.
            fn skip_field(&mut self, name: &'static str) -> Result<(), EncodeError> {
                Err(EncodeError::Value(format!(
                    "the field `{name}` was left out (`skip_serializing_if`), and the format has no field names to tell"
                )))
            }

            #[inline]
            fn end(self) -> Result<(), EncodeError> {
                Ok(())
            }
        })*
    };
}

fields! { SerializeStruct, SerializeStructVariant, }

/// The elements of a sequence, or the keys and values of a map.
pub(super) struct Many<'e, 'o> {
    inside: Walk<'e, 'o>,
    count: usize,
    start: usize,
}

impl Many<'_, '_> {
    #[inline]
    fn done(mut self) -> Result<(), EncodeError> {
        if self.count > EMPTY_ELEMENTS && self.inside.written() == self.start {
            return Err(EncodeError::TooManyEmpty { count: self.count, limit: EMPTY_ELEMENTS });
        }
        Ok(())
    }
}

impl ser::SerializeSeq for Many<'_, '_> {
    type Ok = ();
    type Error = EncodeError;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.inside.part(value)
    }

    #[inline]
    fn end(self) -> Result<(), EncodeError> {
        self.done()
    }
}

impl ser::SerializeMap for Many<'_, '_> {
    type Ok = ();
    type Error = EncodeError;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), EncodeError> {
        self.inside.part(key)
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), EncodeError> {
        self.inside.part(value)
    }

    #[inline]
    fn end(self) -> Result<(), EncodeError> {
        self.done()
    }
}
