//! What a competitor is told on its command line: `tasks=1000 micros=50`.

use std::collections::BTreeMap;

/// Names and values.
#[derive(Clone, Debug)]
pub(crate) struct Sizes(BTreeMap<String, String>);

impl Sizes {
    pub(crate) fn parse(words: impl IntoIterator<Item = String>) -> Result<Self, String> {
        words
            .into_iter()
            .map(|word| match word.split_once('=') {
                Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
                None => Err(format!("`{word}` is not of the form name=value")),
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    pub(crate) fn text(&self, name: &str) -> Result<&str, String> {
        self.0.get(name).map(String::as_str).ok_or_else(|| format!("`{name}=` is missing"))
    }

    pub(crate) fn number(&self, name: &str) -> Result<u64, String> {
        let text = self.text(name)?;
        text.parse().map_err(|_| format!("`{name}={text}` is not a number"))
    }
}
