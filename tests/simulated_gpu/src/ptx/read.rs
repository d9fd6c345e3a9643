//! A text as a module: its version, and its kernels.

use std::sync::Arc;

use super::decode::Decoder;
use super::op::{Kernel, Parameter, Space};
use super::operand::Name;
use super::text::{Refusal, Token, Tokens, refusal};
use super::types::Type;

/// The latest version of PTX that is taken: that of CUDA 13.0.
const VERSION: (u64, u64) = (9, 0);

/// Reads a text for a device of this compute capability (90 is 9.0).
///
/// `place` is given what the text's own variables hold at first, one after another, and says where they are.
pub(crate) fn read(
    text: &str,
    capability: u32,
    place: &mut dyn FnMut(Vec<u8>) -> u64,
) -> Result<Vec<Arc<Kernel>>, Refusal> {
    let mut tokens = Tokens::of(text)?;
    head(&mut tokens, capability)?;
    let mut kernels = Vec::new();
    let mut outer = Outer::default();
    loop {
        match tokens.peek() {
            Token::End => return Ok(kernels),
            Token::Word(".visible" | ".weak" | ".common") => {
                tokens.next();
            }
            Token::Word(".entry") => {
                tokens.next();
                kernels.push(Arc::new(entry(&mut tokens, &outer)?));
            }
            Token::Word(".extern") => {
                tokens.next();
                if tokens.peek() != Token::Word(".shared") {
                    return Err(refusal(tokens.line(), "the simulated driver knows `.extern .shared` alone"));
                }
                tokens.next();
                let variable = variable(&mut tokens)?;
                outer.dynamic.push((variable.name, variable.align));
            }
            Token::Word(".global" | ".const") => {
                tokens.next();
                let (name, content) = with_content(&mut tokens)?;
                outer.placed.push((name, place(content)));
            }
            Token::Word(".file" | ".loc") => skip_line(&mut tokens),
            Token::Word(".section") => skip_block(&mut tokens)?,
            Token::Word(name) => {
                return Err(refusal(
                    tokens.line(),
                    &format!("`{name}` is wrong here, or not known to the simulated driver"),
                ));
            }
            _ => return Err(tokens.unexpected("a directive")),
        }
    }
}

fn head(tokens: &mut Tokens<'_>, capability: u32) -> Result<(), Refusal> {
    let line = tokens.line();
    if tokens.next() != Token::Word(".version") {
        return Err(refusal(line, "Missing .version directive at start of file"));
    }
    let Token::Double(bits) = tokens.next() else { return Err(refusal(line, "a version such as 9.0 expected")) };
    let tenths = (f64::from_bits(bits) * 10.0).round() as u64;
    let version = (tenths / 10, tenths % 10);
    if version > VERSION {
        let problem = format!("Unsupported .version {}.{}; current version is '9.0'", version.0, version.1);
        return Err(Refusal { line, problem, too_new: true });
    }
    let line = tokens.line();
    if tokens.next() != Token::Word(".target") {
        return Err(refusal(line, "Missing .target directive"));
    }
    let target = tokens.word()?;
    let digits = target.strip_prefix("sm_").ok_or_else(|| refusal(line, &format!("Unknown target '{target}'")))?;
    let (digits, exact) = match digits.strip_suffix('a') {
        Some(digits) => (digits, true),
        None => (digits, false),
    };
    let number: u32 = digits.parse().map_err(|_| refusal(line, &format!("Unknown target '{target}'")))?;
    if number > capability || (exact && number != capability) {
        return Err(refusal(
            line,
            &format!("SM version specified by .target is higher than default SM version assumed ({target})"),
        ));
    }
    while tokens.take(',') {
        tokens.word()?;
    }
    if tokens.peek() == Token::Word(".address_size") {
        tokens.next();
        if tokens.integer()? != 64 {
            return Err(refusal(line, "only 64-bit addresses are known"));
        }
    }
    Ok(())
}

/// The names that all kernels know which follow.
#[derive(Debug, Default)]
struct Outer<'a> {
    /// Shared arrays whose size the launch says, and their alignment.
    dynamic: Vec<(&'a str, usize)>,
    /// The text's own variables, and where they are.
    placed: Vec<(&'a str, u64)>,
}

struct Variable<'a> {
    name: &'a str,
    /// The bytes of one element.
    element: usize,
    align: usize,
    bytes: usize,
}

/// `.align 4 .f32 name[16];`, after its space; with its semicolon.
fn variable<'a>(tokens: &mut Tokens<'a>) -> Result<Variable<'a>, Refusal> {
    let variable = declaration(tokens)?;
    if tokens.take('=') {
        return Err(refusal(tokens.line(), "shared and local memory have no initial values"));
    }
    tokens.expect(';')?;
    Ok(variable)
}

/// A variable of the text's own, and what it holds at first: zeros where nothing is said.
fn with_content<'a>(tokens: &mut Tokens<'a>) -> Result<(&'a str, Vec<u8>), Refusal> {
    let line = tokens.line();
    let Variable { name, element, bytes, .. } = declaration(tokens)?;
    let mut content = Vec::new();
    if tokens.take('=') {
        let mut depth = 0;
        loop {
            if tokens.take('{') {
                depth += 1;
                continue;
            }
            let negative = tokens.take('-');
            let word = match tokens.next() {
                Token::Integer(n) if negative => n.wrapping_neg(),
                Token::Integer(n) => n,
                Token::Single(bits) => u64::from(bits) ^ (u64::from(negative) << 31),
                Token::Double(bits) => bits ^ (u64::from(negative) << 63),
                _ => return Err(refusal(line, &format!("initial values of '{name}' that are no numbers"))),
            };
            content.extend_from_slice(&word.to_le_bytes()[..element]);
            while depth > 0 && tokens.take('}') {
                depth -= 1;
            }
            if depth == 0 {
                break;
            }
            tokens.expect(',')?;
        }
    }
    tokens.expect(';')?;
    if content.len() > bytes && bytes > 0 {
        return Err(refusal(line, &format!("more initial values than '{name}' has room for")));
    }
    content.resize(bytes.max(content.len()), 0);
    Ok((name, content))
}

fn declaration<'a>(tokens: &mut Tokens<'a>) -> Result<Variable<'a>, Refusal> {
    let (mut align, mut found) = (None, None);
    loop {
        let line = tokens.line();
        let word = tokens.word()?;
        match word {
            ".align" => align = Some(size(line, tokens.integer()?)?),
            // `.ptr .global .align 4`: what a parameter points to. An alignment after `.ptr` is not its own.
            ".ptr" => {
                while matches!(tokens.peek(), Token::Word(".global" | ".shared" | ".const" | ".local" | ".align")) {
                    if tokens.next() == Token::Word(".align") {
                        tokens.integer()?;
                    }
                }
            }
            _ if word.starts_with('.') => {
                let t = Type::named(&word[1..]).ok_or_else(|| refusal(line, &format!("unknown type `{word}`")))?;
                found = Some(t);
            }
            name => {
                let t = found.ok_or_else(|| refusal(line, "a type expected"))?;
                let mut bytes = t.bytes() as usize;
                while tokens.take('[') {
                    let length = if tokens.take(']') {
                        0
                    } else {
                        let length = size(line, tokens.integer()?)?;
                        tokens.expect(']')?;
                        length
                    };
                    bytes = bytes.checked_mul(length).ok_or_else(|| refusal(line, "an array larger than memory"))?;
                }
                let align = align.unwrap_or(t.bytes() as usize).max(1);
                return Ok(Variable { name, element: t.bytes() as usize, align, bytes });
            }
        }
    }
}

fn size(line: u32, n: u64) -> Result<usize, Refusal> {
    match usize::try_from(n) {
        Ok(n) if n <= 1 << 32 => Ok(n),
        _ => Err(refusal(line, "a size larger than memory")),
    }
}

/// Puts something behind what is there, aligned.
fn place(end: &mut usize, align: usize, bytes: usize) -> u64 {
    let start = end.next_multiple_of(align);
    *end = start + bytes;
    start as u64
}

fn entry<'a>(tokens: &mut Tokens<'a>, outer: &Outer<'a>) -> Result<Kernel, Refusal> {
    let name = tokens.word()?;
    let mut decoder = Decoder::default();
    decoder.names.enter();
    for (name, address) in &outer.placed {
        decoder.names.declare(tokens.line(), name, Name::Variable { space: Space::Global, offset: *address })?;
    }
    decoder.names.enter();
    let mut parameters = Vec::new();
    let mut parameter_bytes = 0;
    if tokens.take('(') && !tokens.take(')') {
        loop {
            let line = tokens.line();
            if tokens.word()? != ".param" {
                return Err(refusal(line, "`.param` expected"));
            }
            let Variable { name, align, bytes, .. } = declaration(tokens)?;
            let offset = place(&mut parameter_bytes, align, bytes);
            decoder.names.declare(line, name, Name::Variable { space: Space::Parameter, offset })?;
            parameters.push(Parameter { offset: offset as usize, bytes });
            if tokens.take(')') {
                break;
            }
            tokens.expect(',')?;
        }
    }
    let max_threads = limits(tokens)?;
    tokens.expect('{')?;
    let mut kernel = Kernel {
        name: name.into(),
        parameters,
        parameter_bytes,
        code: Vec::new(),
        words: Vec::new(),
        shared: 0,
        local: 0,
        max_threads,
    };
    body(tokens, &mut decoder, &mut kernel, &outer.dynamic)?;
    decoder.finish()?;
    kernel.code = decoder.code;
    kernel.words = decoder.words;
    Ok(kernel)
}

/// `.maxntid 256, 1, 1` and its like.
fn limits(tokens: &mut Tokens<'_>) -> Result<Option<u32>, Refusal> {
    let mut most = None;
    while let Token::Word(word) = tokens.peek() {
        let line = tokens.line();
        tokens.next();
        match word {
            ".maxntid" | ".reqntid" => {
                let mut product = tokens.integer()?;
                while tokens.take(',') {
                    product = product.saturating_mul(tokens.integer()?);
                }
                most = u32::try_from(product).ok();
            }
            ".minnctapersm" | ".maxnreg" | ".maxnctapersm" => {
                tokens.integer()?;
            }
            ".noreturn" => {}
            _ => return Err(refusal(line, &format!("`{word}` is wrong here, or not known to the simulated driver"))),
        }
    }
    Ok(most)
}

fn body<'a>(
    tokens: &mut Tokens<'a>,
    decoder: &mut Decoder<'a>,
    kernel: &mut Kernel,
    dynamic: &[(&'a str, usize)],
) -> Result<(), Refusal> {
    // Static arrays stand at the beginning of a kernel's body, after which the dynamic ones follow.
    let outer = decoder.names.depth();
    let mut pending = !dynamic.is_empty();
    decoder.names.enter();
    loop {
        let line = tokens.line();
        match tokens.peek() {
            Token::Mark('}') => {
                tokens.next();
                decoder.names.leave();
                if decoder.names.depth() == outer {
                    kernel.shared = kernel.shared.next_multiple_of(16);
                    return Ok(());
                }
            }
            Token::Mark('{') => {
                tokens.next();
                decoder.names.enter();
            }
            Token::Word(".reg") => {
                tokens.next();
                registers(tokens, decoder)?;
            }
            Token::Word(space @ (".shared" | ".local")) => {
                tokens.next();
                let Variable { name, align, bytes, .. } = variable(tokens)?;
                let (space, end) = match space {
                    ".shared" => (Space::Shared, &mut kernel.shared),
                    _ => (Space::Local, &mut kernel.local),
                };
                if space == Space::Shared && !pending && !dynamic.is_empty() {
                    return Err(refusal(line, "the simulated driver wants shared arrays before the instructions"));
                }
                let offset = place(end, align, bytes);
                decoder.names.declare(line, name, Name::Variable { space, offset })?;
            }
            Token::Word(".loc" | ".file") => skip_line(tokens),
            Token::Word(".pragma") => while !matches!(tokens.next(), Token::Mark(';') | Token::End) {},
            Token::Word(word) if word.starts_with('.') => {
                return Err(refusal(line, &format!("`{word}` is wrong here, or not known to the simulated driver")));
            }
            Token::Word(label) if tokens.peek_second() == Token::Mark(':') => {
                tokens.next();
                tokens.next();
                decoder.label(line, label)?;
            }
            Token::Word(_) | Token::Mark('@') => {
                if std::mem::take(&mut pending) {
                    kernel.shared = kernel.shared.next_multiple_of(16);
                    for (name, align) in dynamic {
                        kernel.shared = kernel.shared.next_multiple_of((*align).max(16));
                        let offset = kernel.shared as u64;
                        decoder.names.declare(line, name, Name::Variable { space: Space::Shared, offset })?;
                    }
                }
                instruction(tokens, decoder)?;
            }
            _ => return Err(tokens.unexpected("an instruction")),
        }
    }
}

fn instruction<'a>(tokens: &mut Tokens<'a>, decoder: &mut Decoder<'a>) -> Result<(), Refusal> {
    let guard = if tokens.take('@') { Some(decoder.names.guard(tokens)?) } else { None };
    let line = tokens.line();
    let opcode = tokens.word()?;
    let operands = operands(tokens, decoder)?;
    decoder.instruction(line, guard, opcode, &operands)
}

fn operands<'a>(tokens: &mut Tokens<'a>, decoder: &Decoder<'a>) -> Result<Vec<super::operand::Operand<'a>>, Refusal> {
    let mut operands = Vec::new();
    if tokens.take(';') {
        return Ok(operands);
    }
    loop {
        operands.push(decoder.names.operand(tokens)?);
        if tokens.take(';') {
            return Ok(operands);
        }
        tokens.expect(',')?;
    }
}

/// `.reg .f32 %f<5>, %x;`
fn registers<'a>(tokens: &mut Tokens<'a>, decoder: &mut Decoder<'a>) -> Result<(), Refusal> {
    let line = tokens.line();
    let word = tokens.word()?;
    let t = word.strip_prefix('.').and_then(Type::named);
    let t = t.filter(|t| t.bits != 8).ok_or_else(|| refusal(line, &format!("no register has the type `{word}`")))?;
    loop {
        let name = tokens.word()?;
        if tokens.take('<') {
            let count = tokens.integer()?;
            tokens.expect('>')?;
            if count > 1 << 20 {
                return Err(refusal(line, "more registers than the simulated driver has room for"));
            }
            for i in 0..count {
                let slot = decoder.register();
                decoder.names.declare(line, &format!("{name}{i}"), Name::Register { slot, t })?;
            }
        } else {
            let slot = decoder.register();
            decoder.names.declare(line, name, Name::Register { slot, t })?;
        }
        if tokens.take(';') {
            return Ok(());
        }
        tokens.expect(',')?;
    }
}

/// `.file` and `.loc` end with their line.
fn skip_line(tokens: &mut Tokens<'_>) {
    let line = tokens.line();
    while tokens.line() == line && tokens.peek() != Token::End {
        tokens.next();
    }
}

fn skip_block(tokens: &mut Tokens<'_>) -> Result<(), Refusal> {
    while !matches!(tokens.peek(), Token::Mark('{') | Token::End) {
        tokens.next();
    }
    tokens.expect('{')?;
    let mut depth = 1;
    while depth > 0 {
        match tokens.next() {
            Token::Mark('{') => depth += 1,
            Token::Mark('}') => depth -= 1,
            Token::End => return Err(tokens.unexpected("`}`")),
            _ => {}
        }
    }
    Ok(())
}
