//! Memory, looked at again and again.

use super::memory::bytes_in_use;

/// What was in use at some moments. What comes once, such as the start of a runtime's thread, is in one interval; what
/// is leaked in each round is in all.
#[derive(Debug, Default)]
pub(crate) struct Growth(Vec<isize>);

impl Growth {
    pub(crate) const INTERVALS: usize = 4;

    /// Looks now: to be called at the beginning of each of so many intervals, and at the end.
    pub(crate) fn look(&mut self) {
        // Room first, so that it is not counted.
        self.0.reserve(Self::INTERVALS + 1);
        self.0.push(bytes_in_use());
    }

    /// The least growth in an interval.
    pub(crate) fn least(&self) -> isize {
        assert_eq!(self.0.len(), Self::INTERVALS + 1);
        self.0.windows(2).map(|pair| pair[1] - pair[0]).min().expect("there are intervals")
    }
}
