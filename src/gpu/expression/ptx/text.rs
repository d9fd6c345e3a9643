//! The text of a PTX kernel while it is written: registers, constants and lines.

use std::collections::HashMap;
use std::fmt::{self, Display, Write};

use crate::gpu::element::Number;

/// What a register holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Predicate,
    F32,
    F64,
    Word32,
    Word64,
}

impl Kind {
    const ALL: [Self; 5] = [Self::Predicate, Self::F32, Self::F64, Self::Word32, Self::Word64];

    /// Its type in PTX, where the sign does not matter.
    fn word(self) -> &'static str {
        match self {
            Self::Predicate => "pred",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::Word32 => "b32",
            Self::Word64 => "b64",
        }
    }

    fn letter(self) -> char {
        match self {
            Self::Predicate => 'p',
            Self::F32 => 'f',
            Self::F64 => 'd',
            Self::Word32 => 'r',
            Self::Word64 => 'l',
        }
    }
}

/// A register: `%f1`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Register {
    kind: Kind,
    number: u32,
}

impl Display for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "%{}{}", self.kind.letter(), self.number)
    }
}

impl Number {
    /// Its type in PTX.
    pub(crate) fn ptx(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::I32 => "s32",
            Self::U32 => "u32",
            Self::I64 => "s64",
            Self::U64 => "u64",
        }
    }

    /// Its type in PTX, where the sign does not matter.
    pub(crate) fn ptx_word(self) -> &'static str {
        self.kind().word()
    }

    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::F32 => Kind::F32,
            Self::F64 => Kind::F64,
            Self::I32 | Self::U32 => Kind::Word32,
            Self::I64 | Self::U64 => Kind::Word64,
        }
    }

    /// A constant of this type, to the bit.
    fn literal(self, word: u64) -> String {
        match self {
            Self::F32 => format!("0f{word:08X}"),
            Self::F64 => format!("0d{word:016X}"),
            Self::U32 | Self::U64 => word.to_string(),
            Self::I32 => format!("{}", word as u32 as i32),
            Self::I64 => format!("{}", word as i64),
        }
    }
}

/// One kernel while it is written.
#[derive(Debug, Default)]
pub(crate) struct Writer {
    shared: String,
    constants: String,
    body: String,
    counts: [u32; 5],
    known: HashMap<(Number, u64), Register>,
    offsets: HashMap<(Register, usize), Register>,
}

impl Writer {
    /// A new register.
    pub(crate) fn register(&mut self, kind: Kind) -> Register {
        let count = &mut self.counts[kind as usize];
        *count += 1;
        Register { kind, number: *count }
    }

    /// A line of the kernel: an instruction, without its semicolon.
    pub(crate) fn line(&mut self, instruction: impl Display) {
        writeln!(self.body, "    {instruction};").expect("a string takes every text");
    }

    /// An instruction whose result goes to a new register: `operation` is what stands before it, `operands` what follows.
    pub(crate) fn make(&mut self, kind: Kind, operation: impl Display, operands: impl Display) -> Register {
        let register = self.register(kind);
        self.line(format_args!("{operation} {register}, {operands}"));
        register
    }

    /// Lines that take effect only where `condition` holds.
    pub(crate) fn guarded(&mut self, condition: Register, lines: impl FnOnce(&mut Self)) {
        let before = std::mem::take(&mut self.body);
        lines(self);
        let guarded = std::mem::replace(&mut self.body, before);
        for line in guarded.lines() {
            self.line(format_args!("@{condition} {}", line.trim().trim_end_matches(';')));
        }
    }

    /// A remark, on a line of its own.
    pub(crate) fn remark(&mut self, text: &str) {
        writeln!(self.body, "    // {text}").expect("a string takes every text");
    }

    pub(crate) fn label(&mut self, name: &str) {
        writeln!(self.body, "{name}:").expect("a string takes every text");
    }

    /// A constant, whose register is set at the top of the kernel.
    pub(crate) fn constant(&mut self, number: Number, word: u64) -> Register {
        if let Some(&register) = self.known.get(&(number, word)) {
            return register;
        }
        let register = self.register(number.kind());
        let (kind, literal) = (number.ptx_word(), number.literal(word));
        writeln!(self.constants, "    mov.{kind} {register}, {literal};").expect("a string takes every text");
        self.known.insert((number, word), register);
        register
    }

    /// Shared memory of a block.
    pub(crate) fn shared(&mut self, name: &str, bytes: usize) {
        writeln!(self.shared, "    .shared .align 8 .b8 {name}[{bytes}];").expect("a string takes every text");
    }

    /// The value of a parameter, which is a word of 64 bits.
    pub(crate) fn parameter(&mut self, name: impl Display) -> Register {
        self.make(Kind::Word64, "ld.param.u64", format_args!("[{name}]"))
    }

    /// The address of the element at `place`, in an array of elements of so many bytes at `base`.
    ///
    /// Its offset is computed once: the first time has to be where every later time comes by.
    pub(crate) fn address(&mut self, base: Register, place: Register, bytes: usize) -> Register {
        let offset = match self.offsets.get(&(place, bytes)) {
            Some(&offset) => offset,
            None => self.make(Kind::Word64, "shl.b64", format_args!("{place}, {}", bytes.trailing_zeros())),
        };
        self.offsets.insert((place, bytes), offset);
        self.make(Kind::Word64, "add.u64", format_args!("{base}, {offset}"))
    }

    /// The element at an address.
    pub(crate) fn load(&mut self, space: &str, number: Number, address: Register, offset: usize) -> Register {
        let word = number.ptx_word();
        let address = Address { register: address, offset };
        self.make(number.kind(), format_args!("ld.{space}.{word}"), address)
    }

    /// Writes the element at an address.
    pub(crate) fn store(&mut self, space: &str, number: Number, address: Register, offset: usize, value: Register) {
        let address = Address { register: address, offset };
        self.line(format_args!("st.{space}.{} {address}, {value}", number.ptx_word()));
    }

    /// The kernel, with parameters that are words of 64 bits.
    pub(crate) fn finish(self, name: &str, parameters: &[String], threads: u32) -> String {
        let parameters: Vec<String> = parameters.iter().map(|name| format!("    .param .u64 {name}")).collect();
        let mut text =
            format!(".visible .entry {name}(\n{}\n)\n.maxntid {threads}, 1, 1\n{{\n", parameters.join(",\n"));
        text += &self.shared;
        for (kind, count) in Kind::ALL.into_iter().zip(self.counts) {
            if count > 0 {
                // `<n>` declares the registers 0 to n-1.
                writeln!(text, "    .reg .{} %{}<{}>;", kind.word(), kind.letter(), count + 1)
                    .expect("a string takes every text");
            }
        }
        text += "\n";
        text += &self.constants;
        text += &self.body;
        text + "    ret;\n}\n"
    }
}

struct Address {
    register: Register,
    offset: usize,
}

impl Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.offset {
            0 => write!(f, "[{}]", self.register),
            offset => write!(f, "[{}+{offset}]", self.register),
        }
    }
}

/// A whole file: what it computes, for people, and its kernels.
pub(crate) fn file(about: &str, kernels: &[String]) -> String {
    let mut text = String::new();
    for line in about.lines() {
        text += format!("// {line}").trim_end();
        text += "\n";
    }
    text += "\n.version 6.0\n.target sm_60\n.address_size 64\n";
    for kernel in kernels {
        text += "\n";
        text += kernel;
    }
    text
}
