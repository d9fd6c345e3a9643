//! The text of an event or a span, within a budget of bytes.

use std::fmt::{self, Debug, Write};

use tracing::field::{Field, Visit};

/// Takes text until the budget is spent; what was cut ends in `…`.
///
/// It never says `Err`: the `Debug` of a user's type may not expect that.
struct Cut<'a> {
    text: String,
    budget: &'a mut usize,
    cut: bool,
}

impl Write for Cut<'_> {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let kept = more.floor_char_boundary(*self.budget);
        self.text.push_str(&more[..kept]);
        *self.budget -= kept;
        if kept < more.len() && !self.cut {
            self.cut = true;
            // The rest of a character that does not fit is not for a shorter one that comes later.
            *self.budget = 0;
            self.text.push('…');
        }
        Ok(())
    }
}

/// Writes within a budget, which is made smaller by what was written.
pub(super) fn within(budget: &mut usize, text: fmt::Arguments<'_>) -> String {
    let mut cut = Cut { text: String::new(), budget, cut: false };
    let _ = cut.write_fmt(text);
    cut.text
}

/// Gathers the message and the other fields.
pub(super) struct Fields<'a> {
    budget: &'a mut usize,
    message: String,
    fields: Vec<(String, String)>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(budget: &'a mut usize) -> Self {
        Self { budget, message: String::new(), fields: Vec::new() }
    }

    pub(super) fn finish(self) -> (String, Vec<(String, String)>) {
        (self.message, self.fields)
    }

    fn take(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        if field.name() == "message" {
            self.message = within(self.budget, value);
        } else {
            let name = within(self.budget, format_args!("{}", field.name()));
            self.fields.push((name, within(self.budget, value)));
        }
    }
}

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.take(field, format_args!("{value:?}"));
    }

    /// Text is shown as it is, not in quotes.
    fn record_str(&mut self, field: &Field, value: &str) {
        self.take(field, format_args!("{value}"));
    }

    /// An error with its causes.
    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        let mut text = value.to_string();
        let mut cause = value.source();
        // Not every chain of causes ends.
        for _ in 0..16 {
            let Some(error) = cause else { break };
            text = format!("{text}: {error}");
            cause = error.source();
        }
        self.take(field, format_args!("{text}"));
    }
}
