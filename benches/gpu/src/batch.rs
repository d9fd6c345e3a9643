//! What is in the batches, so that every result can be checked while nothing is made anew.
//!
//! A kernel turns each element `v` into `FLIP − v`, exactly: all are whole numbers. So a buffer that was filled once at random
//! can go round for ever; its contents are the original numbers, or the flipped ones. Its first element is a tag, from which
//! the others follow by a hash; its second is stamped with the number of the batch, so that an old or a foreign result is seen.

use std::error::Error;
use std::fmt;

/// Elements are whole numbers up to this, which an `f32` holds exactly.
pub(crate) const FLIP: f32 = (1 << 20) as f32;

/// How many batches go through behind those that are measured: of these, every element is checked.
pub(crate) const COOL: usize = 4;

/// How many of the elements of a batch are looked at while the clock runs.
const SAMPLES: usize = 8;

/// What is wrong with a result.
#[derive(Debug)]
pub(crate) struct Wrong(pub(crate) String);

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Wrong {}

/// What stands at a place of the buffer of this tag, unflipped.
fn original(tag: u32, index: usize) -> f32 {
    let mut word = (u64::from(tag) << 32 | index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    word = (word ^ word >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    (word >> 44) as f32
}

fn stamp_of(number: usize) -> f32 {
    (number % (1 << 19)) as f32
}

/// Fills a buffer. Tags begin at 1.
pub(crate) fn fill(buffer: &mut [f32], tag: u32) {
    for (index, element) in buffer.iter_mut().enumerate() {
        *element = original(tag, index);
    }
    buffer[0] = tag as f32;
}

/// Stamps the batch of this number, which is about to be sent.
pub(crate) fn stamp(batch: &mut [f32], number: usize) {
    batch[1] = stamp_of(number);
}

/// Whether these are the results of the batch of this number: the stamp, and some elements or all.
///
/// # Errors
/// What is wrong.
pub(crate) fn check(results: &[f32], number: usize, all: bool) -> Result<(), Wrong> {
    if results[1] != FLIP - stamp_of(number) {
        let expected = FLIP - stamp_of(number);
        return Err(Wrong(format!(
            "batch {number}: its stamp is {}, not {expected}: another batch's results",
            results[1]
        )));
    }
    let flipped = results[0] > FLIP / 2.0;
    let tag = if flipped { FLIP - results[0] } else { results[0] };
    if tag < 1.0 || tag.fract() != 0.0 {
        return Err(Wrong(format!("batch {number}: element 0 is {}, which no buffer has", results[0])));
    }
    let look = |index: usize| {
        let original = original(tag as u32, index);
        let expected = if flipped { FLIP - original } else { original };
        if results[index] == expected {
            Ok(())
        } else {
            Err(Wrong(format!("batch {number}: element {index} is {}, not {expected}", results[index])))
        }
    };
    if all {
        return (2..results.len()).try_for_each(look);
    }
    let step = (results.len() - 2) / SAMPLES;
    (0..SAMPLES).try_for_each(|sample| look(2 + sample * step + number % step))?;
    look(results.len() - 1)
}

#[cfg(test)]
mod tests {
    use super::{FLIP, check, fill, stamp};

    fn result() -> Vec<f32> {
        let mut buffer = vec![0.0; 1024];
        fill(&mut buffer, 3);
        stamp(&mut buffer, 77);
        buffer.iter().map(|element| FLIP - element).collect()
    }

    #[test]
    fn right_results_pass_flipped_once_or_three_times() {
        check(&result(), 77, true).unwrap();
        check(&result(), 77, false).unwrap();
        let mut twice: Vec<f32> = result().iter().map(|element| FLIP - element).collect();
        stamp(&mut twice, 5);
        let thrice: Vec<f32> = twice.iter().map(|element| FLIP - element).collect();
        check(&thrice, 5, true).unwrap();
    }

    #[test]
    fn stale_missing_and_wrong_results_are_seen() {
        assert!(check(&result(), 78, true).unwrap_err().0.contains("another batch's"));
        assert!(check(&[0.0; 1024], 0, true).is_err());
        let mut wrong = result();
        wrong[500] += 1.0;
        assert!(check(&wrong, 77, true).unwrap_err().0.contains("element 500"));
        let mut input = vec![0.0; 1024];
        fill(&mut input, 3);
        stamp(&mut input, 77);
        assert!(check(&input, 77, false).is_err(), "an input that no kernel touched");
    }
}
