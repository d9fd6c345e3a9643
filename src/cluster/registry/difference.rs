//! What to do when two processes do not have the same functions, in words.

use std::{collections::BTreeMap, fmt::Write as _};

use super::lookup::Listed;

/// The most functions that are named one by one: a text that nobody reads to its end helps nobody.
const MOST: usize = 20;

/// Says how the remote functions of another process (`theirs`) differ from those of this one (`ours`), and how to
/// repair it; `None` if they do not.
///
/// The texts of `theirs` come from another process: they are shown escaped.
#[must_use]
pub fn describe_difference(ours: &[Listed], theirs: &[Listed]) -> Option<String> {
    let ours = by_name(ours);
    let theirs = by_name(theirs);
    let missing_there = missing(&ours, &theirs, "is missing in the other process");
    let missing_here = missing(&theirs, &ours, "is missing in this process");
    let changed = ours.iter().filter_map(|(name, ours)| {
        let theirs = theirs.get(name)?;
        (ours != theirs).then(|| {
            format!(
                "`{}` has other types of arguments or of its result (signature {ours:016x} here, {theirs:016x} there)",
                name.escape_debug()
            )
        })
    });
    let lines: Vec<String> = missing_there.chain(missing_here).chain(changed).collect();
    if lines.is_empty() {
        return None;
    }
    let mut text = String::from("the two programs do not have the same remote functions:");
    for line in lines.iter().take(MOST) {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "\n  {line}");
    }
    if let Some(more) = lines.len().checked_sub(MOST).filter(|more| *more > 0) {
        let _ = write!(text, "\n  and {more} more");
    }
    text.push_str("\nStart all processes from the same build of the same program.");
    Some(text)
}

fn by_name(listing: &[Listed]) -> BTreeMap<&str, u64> {
    listing.iter().map(|listed| (listed.name.as_str(), listed.signature)).collect()
}

/// What is in `here` and not in `there`.
fn missing<'a>(
    here: &'a BTreeMap<&str, u64>,
    there: &'a BTreeMap<&str, u64>,
    what: &'a str,
) -> impl Iterator<Item = String> + 'a {
    here.keys().filter(|name| !there.contains_key(*name)).map(move |name| match name.split_once("::") {
        Some((krate, _)) => format!(
            "`{}` {what}: if its crate is linked only where it is mentioned, add `use {} as _;` to the main file",
            name.escape_debug(),
            krate.escape_debug()
        ),
        None => format!(
            "`{}` {what}: mention the crate that has it, `use the_crate as _;`, in the main file",
            name.escape_debug()
        ),
    })
}
