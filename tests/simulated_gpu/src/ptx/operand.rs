//! Names and operands: what stands after an opcode.

use std::collections::HashMap;

use super::op::{Slot, Space, Special};
use super::text::{Refusal, Token, Tokens, refusal};
use super::types::Type;

/// What a name stands for.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Name {
    Register {
        slot: Slot,
        t: Type,
    },
    /// An address in the shared or local memory, or among the parameters.
    Variable {
        space: Space,
        offset: u64,
    },
}

#[derive(Debug, Clone)]
pub(crate) enum Operand<'a> {
    Register {
        slot: Slot,
        t: Type,
    },
    /// `p|q`.
    Pair {
        p: Slot,
        q: Slot,
    },
    /// `!p`.
    Not(Slot),
    Special(Special),
    Integer(u64),
    Single(u32),
    Double(u64),
    /// The address of a variable in its own space.
    Variable {
        offset: u64,
    },
    /// `[base + offset]`.
    Address {
        base: Base,
        offset: i64,
    },
    Vector(Vec<Self>),
    /// A result that nobody wants: `_`.
    Nowhere,
    Label(&'a str),
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Base {
    Register { slot: Slot, t: Type },
    Variable { space: Space, offset: u64 },
    Nothing,
}

/// The names that are known here: those of the inner block hide those of the outer.
#[derive(Debug, Default)]
pub(crate) struct Names {
    scopes: Vec<HashMap<String, Name>>,
}

impl Names {
    pub(crate) fn enter(&mut self) {
        self.scopes.push(HashMap::new());
    }

    pub(crate) fn leave(&mut self) {
        self.scopes.pop();
    }

    pub(crate) fn depth(&self) -> usize {
        self.scopes.len()
    }

    pub(crate) fn declare(&mut self, line: u32, name: &str, what: Name) -> Result<(), Refusal> {
        let scope = self.scopes.last_mut().ok_or_else(|| refusal(line, "a declaration outside of a kernel"))?;
        if scope.insert(name.to_owned(), what).is_some() {
            return Err(refusal(line, &format!("Duplicate definition of variable '{name}'")));
        }
        Ok(())
    }

    pub(crate) fn find(&self, name: &str) -> Option<Name> {
        self.scopes.iter().rev().find_map(|scope| scope.get(name)).copied()
    }

    fn predicate(&self, line: u32, name: &str) -> Result<Slot, Refusal> {
        match self.find(name) {
            Some(Name::Register { slot, t: Type::PREDICATE }) => Ok(slot),
            Some(_) => Err(refusal(line, &format!("'{name}' is no predicate"))),
            None => Err(unknown(line, name)),
        }
    }

    /// A guard: `@p` or `@!p`, of which the `@` is taken already.
    pub(crate) fn guard(&self, tokens: &mut Tokens<'_>) -> Result<(Slot, bool), Refusal> {
        let negated = tokens.take('!');
        let line = tokens.line();
        Ok((self.predicate(line, tokens.word()?)?, negated))
    }

    pub(crate) fn operand<'a>(&self, tokens: &mut Tokens<'a>) -> Result<Operand<'a>, Refusal> {
        let line = tokens.line();
        match tokens.peek() {
            Token::Mark('{') => {
                tokens.next();
                let mut parts = vec![self.operand(tokens)?];
                while tokens.take(',') {
                    parts.push(self.operand(tokens)?);
                }
                tokens.expect('}')?;
                Ok(Operand::Vector(parts))
            }
            Token::Mark('[') => {
                tokens.next();
                let address = self.address(tokens)?;
                tokens.expect(']')?;
                Ok(address)
            }
            Token::Mark('!') => {
                tokens.next();
                Ok(Operand::Not(self.predicate(line, tokens.word()?)?))
            }
            Token::Mark('-') => {
                tokens.next();
                match tokens.next() {
                    Token::Integer(n) => Ok(Operand::Integer(n.wrapping_neg())),
                    Token::Single(bits) => Ok(Operand::Single(bits ^ 1 << 31)),
                    Token::Double(bits) => Ok(Operand::Double(bits ^ 1 << 63)),
                    _ => Err(refusal(line, "a number expected after `-`")),
                }
            }
            Token::Integer(n) => {
                tokens.next();
                Ok(Operand::Integer(n))
            }
            Token::Single(bits) => {
                tokens.next();
                Ok(Operand::Single(bits))
            }
            Token::Double(bits) => {
                tokens.next();
                Ok(Operand::Double(bits))
            }
            Token::Word(name) => {
                tokens.next();
                self.named(line, name, tokens)
            }
            _ => Err(tokens.unexpected("an operand")),
        }
    }

    fn named<'a>(&self, line: u32, name: &'a str, tokens: &mut Tokens<'a>) -> Result<Operand<'a>, Refusal> {
        if name == "_" {
            return Ok(Operand::Nowhere);
        }
        if name == "WARP_SZ" {
            return Ok(Operand::Integer(32));
        }
        match self.find(name) {
            Some(Name::Register { slot, t }) => {
                if tokens.take('|') {
                    let q = tokens.word()?;
                    return Ok(Operand::Pair { p: slot, q: self.predicate(line, q)? });
                }
                Ok(Operand::Register { slot, t })
            }
            Some(Name::Variable { offset, .. }) => {
                let more = if tokens.take('+') { tokens.integer()? } else { 0 };
                Ok(Operand::Variable { offset: offset + more })
            }
            None => match Special::named(name) {
                Some(special) => Ok(Operand::Special(special)),
                None if name.starts_with('%') => Err(unknown(line, name)),
                // Labels may be used before they stand, and are looked for at the end.
                None => Ok(Operand::Label(name)),
            },
        }
    }

    fn address<'a>(&self, tokens: &mut Tokens<'a>) -> Result<Operand<'a>, Refusal> {
        let line = tokens.line();
        let base = match tokens.peek() {
            Token::Word(name) => {
                tokens.next();
                match self.find(name).ok_or_else(|| unknown(line, name))? {
                    Name::Register { slot, t } => Base::Register { slot, t },
                    Name::Variable { space, offset } => Base::Variable { space, offset },
                }
            }
            _ => Base::Nothing,
        };
        if !matches!(base, Base::Nothing) && !tokens.take('+') && tokens.peek() != Token::Mark('-') {
            return Ok(Operand::Address { base, offset: 0 });
        }
        let negative = tokens.take('-');
        let offset = tokens.integer()?.cast_signed();
        Ok(Operand::Address { base, offset: if negative { offset.wrapping_neg() } else { offset } })
    }
}

pub(crate) fn unknown(line: u32, name: &str) -> Refusal {
    refusal(line, &format!("Unknown symbol '{name}'"))
}
