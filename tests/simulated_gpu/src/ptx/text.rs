//! A text as tokens, each with its line.

use std::fmt;

/// Why a text is refused, and in which line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) line: u32,
    pub(crate) problem: String,
    /// The text asks for a later version of PTX than this driver has.
    pub(crate) too_new: bool,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ptxas application ptx input, line {}; error   : {}", self.line, self.problem)
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Token<'a> {
    /// A name, an opcode with its modifiers, or a directive.
    Word(&'a str),
    Integer(u64),
    /// `0f…`: the bits of an `f32`.
    Single(u32),
    /// `0d…`, or a decimal number: the bits of an `f64`.
    Double(u64),
    Text(&'a str),
    Mark(char),
    End,
}

/// The tokens that are left.
#[derive(Debug)]
pub(crate) struct Tokens<'a> {
    list: Vec<(u32, Token<'a>)>,
    at: usize,
}

impl<'a> Tokens<'a> {
    pub(crate) fn of(text: &'a str) -> Result<Self, Refusal> {
        let mut list = Vec::new();
        let mut line = 1;
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if first == '\n' {
                line += 1;
            }
            if first.is_whitespace() {
                rest = &rest[first.len_utf8()..];
                continue;
            }
            if rest.starts_with("//") {
                rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
                continue;
            }
            if let Some(comment) = rest.strip_prefix("/*") {
                let Some(end) = comment.find("*/") else { return Err(refusal(line, "a comment without an end")) };
                line += lines(&comment[..end]);
                rest = &comment[end + 2..];
                continue;
            }
            let (token, length) = if first == '"' {
                let Some(end) = rest[1..].find('"') else { return Err(refusal(line, "a string without an end")) };
                (Token::Text(&rest[1..=end]), end + 2)
            } else if first.is_ascii_digit() {
                number(rest).ok_or_else(|| refusal(line, "a number that is none"))?
            } else if is_word(first) {
                let length = word_length(rest);
                (Token::Word(&rest[..length]), length)
            } else if first.is_ascii_graphic() {
                (Token::Mark(first), 1)
            } else {
                return Err(refusal(line, &format!("unexpected character {first:?}")));
            };
            list.push((line, token));
            rest = &rest[length..];
        }
        Ok(Self { list, at: 0 })
    }

    pub(crate) fn line(&self) -> u32 {
        let at = self.at.min(self.list.len().saturating_sub(1));
        self.list.get(at).map_or(1, |(line, _)| *line)
    }

    pub(crate) fn peek(&self) -> Token<'a> {
        self.list.get(self.at).map_or(Token::End, |(_, token)| *token)
    }

    pub(crate) fn peek_second(&self) -> Token<'a> {
        self.list.get(self.at + 1).map_or(Token::End, |(_, token)| *token)
    }

    pub(crate) fn next(&mut self) -> Token<'a> {
        let token = self.peek();
        self.at += 1;
        token
    }

    /// Takes this mark if it is next.
    pub(crate) fn take(&mut self, mark: char) -> bool {
        let taken = self.peek() == Token::Mark(mark);
        self.at += usize::from(taken);
        taken
    }

    pub(crate) fn expect(&mut self, mark: char) -> Result<(), Refusal> {
        if self.take(mark) { Ok(()) } else { Err(self.unexpected(&format!("`{mark}`"))) }
    }

    pub(crate) fn word(&mut self) -> Result<&'a str, Refusal> {
        match self.peek() {
            Token::Word(word) => {
                self.at += 1;
                Ok(word)
            }
            _ => Err(self.unexpected("a name")),
        }
    }

    pub(crate) fn integer(&mut self) -> Result<u64, Refusal> {
        match self.peek() {
            Token::Integer(n) => {
                self.at += 1;
                Ok(n)
            }
            _ => Err(self.unexpected("an integer")),
        }
    }

    pub(crate) fn unexpected(&self, wanted: &str) -> Refusal {
        refusal(self.line(), &format!("Parsing error: {wanted} expected, {:?} found", self.peek()))
    }
}

pub(crate) fn refusal(line: u32, problem: &str) -> Refusal {
    Refusal { line, problem: problem.to_owned(), too_new: false }
}

fn lines(text: &str) -> u32 {
    u32::try_from(text.matches('\n').count()).unwrap_or(u32::MAX)
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphabetic() || matches!(c, '_' | '$' | '%' | '.')
}

/// How long the word at the beginning is. `.L1::evict_last` and its like are one modifier.
fn word_length(text: &str) -> usize {
    let length = text.find(|c| !is_word(c) && !c.is_ascii_digit()).unwrap_or(text.len());
    match text[length..].strip_prefix("::") {
        Some(rest) => length + 2 + word_length(rest),
        None => length,
    }
}

/// The number at the beginning, and how long it is.
fn number(text: &str) -> Option<(Token<'_>, usize)> {
    let length = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(text.len());
    let word = &text[..length];
    if let Some(bits) = word.strip_prefix("0f").or_else(|| word.strip_prefix("0F")) {
        return Some((Token::Single(u32::from_str_radix(bits, 16).ok()?), length));
    }
    if let Some(bits) = word.strip_prefix("0d").or_else(|| word.strip_prefix("0D")) {
        return Some((Token::Double(u64::from_str_radix(bits, 16).ok()?), length));
    }
    if word.contains('.') {
        // A decimal number may have an exponent with a sign.
        let length =
            text.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '+' | '-')).unwrap_or(text.len());
        let number =
            text[..length].parse::<f64>().map(|n| (n, length)).or_else(|_| word.parse().map(|n| (n, word.len())));
        return number.ok().map(|(n, length)| (Token::Double(n.to_bits()), length));
    }
    let digits = word.trim_end_matches('U');
    let value = if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        u64::from_str_radix(hex, 16)
    } else if let Some(binary) = digits.strip_prefix("0b") {
        u64::from_str_radix(binary, 2)
    } else if digits.len() > 1 && digits.starts_with('0') {
        u64::from_str_radix(digits, 8)
    } else {
        digits.parse()
    };
    Some((Token::Integer(value.ok()?), length))
}
