//! The signatures of the kernels in a PTX text, as far as their sizes go.
//!
//! Grammar: `.entry name ( .param .type [attributes] name, … )` of the PTX ISA; a struct by value is an array of bytes.

/// A kernel of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) parameters: Vec<EntryParameter>,
}

/// A parameter of a kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EntryParameter {
    /// As it is written, without the dot: `u64`, `f32`, `b8`.
    pub(crate) kind: String,
    /// How many bytes it takes.
    pub(crate) bytes: usize,
}

/// All kernels of a text. What is not understood is left out: the driver will say more.
pub(crate) fn entries(ptx: &str) -> Vec<Entry> {
    let text = without_comments(ptx);
    let mut rest = text.as_str();
    let mut found = Vec::new();
    while let Some(at) = rest.find(".entry") {
        rest = &rest[at + ".entry".len()..];
        if !rest.starts_with(char::is_whitespace) {
            continue;
        }
        let after = rest.trim_start();
        let end = after.find(|c: char| c == '(' || c == '{' || c.is_whitespace()).unwrap_or(after.len());
        let (name, tail) = after.split_at(end);
        let parameters = match tail.trim_start().strip_prefix('(') {
            Some(list) => list.split(')').next().unwrap_or("").split(',').filter_map(parameter).collect(),
            None => Vec::new(),
        };
        found.push(Entry { name: name.to_owned(), parameters });
        rest = tail;
    }
    found
}

/// `.param .align 8 .b8 name[24]`, `.param .u64 .ptr .global .align 4 name`.
fn parameter(text: &str) -> Option<EntryParameter> {
    let mut words = text.split_whitespace();
    if words.next()? != ".param" {
        return None;
    }
    let mut kind = None;
    let mut elements = 1;
    for word in words {
        if let Some(word) = word.strip_prefix('.') {
            if kind.is_none() && size(word).is_some() {
                kind = Some(word);
            }
        } else if let Some((_, count)) = word.split_once('[') {
            elements = count.trim_end_matches(']').parse().ok()?;
        }
    }
    let kind = kind?;
    Some(EntryParameter { kind: kind.to_owned(), bytes: size(kind)? * elements })
}

fn size(kind: &str) -> Option<usize> {
    let digits = kind.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    if kind.len() == digits.len() || !matches!(&kind[..kind.len() - digits.len()], "u" | "s" | "b" | "f") {
        return None;
    }
    match digits {
        "8" => Some(1),
        "16" => Some(2),
        "32" => Some(4),
        "64" => Some(8),
        _ => None,
    }
}

fn without_comments(ptx: &str) -> String {
    let mut text = String::with_capacity(ptx.len());
    let mut rest = ptx;
    while let Some(at) = rest.find('/') {
        let (before, comment) = rest.split_at(at);
        text.push_str(before);
        if comment.starts_with("//") {
            rest = comment.find('\n').map_or("", |end| &comment[end..]);
        } else if comment.starts_with("/*") {
            text.push(' ');
            rest = comment.find("*/").map_or("", |end| &comment[end + 2..]);
        } else {
            text.push('/');
            rest = &comment[1..];
        }
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(entry: &Entry) -> Vec<(&str, usize)> {
        entry.parameters.iter().map(|parameter| (parameter.kind.as_str(), parameter.bytes)).collect()
    }

    #[test]
    fn every_kernel_is_found_with_its_parameters() {
        let found = entries(
            ".version 7.0\n.target sm_60\n.address_size 64\n// .entry not(\n/* .entry nor ( .param .u64 x ) */\n\
             .visible .entry one(\n\t.param .u64 one_param_0,\n\t.param .u64 .ptr .global .align 4 one_param_1,\n\
             \t.param .f32 one_param_2,\n\t.param .align 8 .b8 one_param_3[24]\n)\n.maxntid 256\n{\n\tret;\n}\n\
             .entry two { ret; }\n.weak .entry three()\n{ ret; }\n",
        );
        assert_eq!(found.iter().map(|entry| entry.name.as_str()).collect::<Vec<_>>(), ["one", "two", "three"]);
        assert_eq!(kinds(&found[0]), [("u64", 8), ("u64", 8), ("f32", 4), ("b8", 24)]);
        assert!(found[1].parameters.is_empty() && found[2].parameters.is_empty());
    }

    #[test]
    fn what_is_no_ptx_has_no_kernels() {
        for text in
            ["", ".entry", ".entry ", "/*", "/", "hello", ".entries x(", ".entry x(.param", ".entry x(.param .q9 y)"]
        {
            assert!(entries(text).iter().all(|entry| entry.parameters.is_empty()), "{text}");
        }
    }
}
