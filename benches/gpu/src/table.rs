//! A table in Markdown.

/// A table, printed when it is whole.
pub(crate) struct Table {
    title: String,
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// The first column holds text, the others figures.
    pub(crate) fn new(title: impl Into<String>, columns: &[&str]) -> Self {
        let columns = columns.iter().map(ToString::to_string).collect();
        Self { title: title.into(), columns, rows: Vec::new() }
    }

    /// # Panics
    /// If it is not as wide as the table.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells: Vec<String> = cells.into_iter().collect();
        assert_eq!(cells.len(), self.columns.len(), "a row of `{}`", self.title);
        eprintln!("{}: {}", self.title, cells.join("; "));
        self.rows.push(cells);
    }

    pub(crate) fn print(&self, note: &str) {
        println!("#### {}\n", self.title);
        println!("| {} |", self.columns.join(" | "));
        println!("|---{}|", "|--:".repeat(self.columns.len() - 1));
        for row in &self.rows {
            println!("| {} |", row.join(" | "));
        }
        println!("\n{note}\n");
    }
}
