#[aqueduct::remote]
fn count(words: Vec<&str>) -> usize {
    words.len()
}

#[aqueduct::remote]
fn length(word: std::borrow::Cow<'_, str>) -> usize {
    word.len()
}

fn main() {}
