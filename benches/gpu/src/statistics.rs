//! Medians, and how far the others lie from them.

/// Figures of the rounds, in order of size.
#[derive(Debug, Clone)]
pub(crate) struct Figures(Vec<f64>);

impl Figures {
    /// # Panics
    /// If there is none: no measure has no round.
    pub(crate) fn of(figures: impl IntoIterator<Item = f64>) -> Self {
        let mut figures: Vec<f64> = figures.into_iter().collect();
        assert!(!figures.is_empty(), "a measure has at least one round");
        figures.sort_by(f64::total_cmp);
        Self(figures)
    }

    /// One for each round, of two competitors in that round.
    pub(crate) fn paired(ours: &[f64], raw: &[f64], combine: impl Fn(f64, f64) -> f64) -> Self {
        Self::of(ours.iter().zip(raw).map(|(ours, raw)| combine(*ours, *raw)))
    }

    /// The figure that this share of all are not above; between two figures, on the line between them.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let place = share * (self.0.len() - 1) as f64;
        let (below, part) = (place.floor() as usize, place.fract());
        let above = (below + 1).min(self.0.len() - 1);
        self.0[below] * (1.0 - part) + self.0[above] * part
    }

    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// `median (tenth–ninetieth percentile)`.
    pub(crate) fn show(&self) -> String {
        let [median, low, high] = [0.5, 0.1, 0.9].map(|share| number(self.quantile(share)));
        if self.0.len() == 1 { median } else { format!("{median} ({low}–{high})") }
    }
}

/// A number with as many places as are worth reading.
pub(crate) fn number(number: f64) -> String {
    match number.abs() {
        size if size >= 10_000.0 => format!("{:.1}k", number / 1000.0),
        size if size >= 100.0 => format!("{number:.0}"),
        size if size >= 10.0 => format!("{number:.1}"),
        size if size >= 2.0 => format!("{number:.2}"),
        _ => format!("{number:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Figures, number};

    #[test]
    fn quantiles_lie_on_the_line_between_figures() {
        let figures = Figures::of([4.0, 1.0, 2.0, 3.0, 5.0]);
        assert_eq!(figures.median(), 3.0);
        assert_eq!(figures.quantile(0.1), 1.4);
        assert_eq!(figures.quantile(1.0), 5.0);
        assert_eq!(Figures::of([7.0]).quantile(0.9), 7.0);
    }

    #[test]
    fn ratios_are_made_within_a_round() {
        // Twice as slow a machine in the second round changes nothing.
        let ratios = Figures::paired(&[2.0, 4.0], &[1.0, 2.0], |ours, raw| ours / raw);
        assert_eq!((ratios.quantile(0.0), ratios.quantile(1.0)), (2.0, 2.0));
    }

    #[test]
    fn numbers_have_three_or_four_places() {
        assert_eq!(
            [0.1234, 1.2344, 5.678, 12.34, 123.4, 12_345.0].map(number).join(" "),
            "0.123 1.234 5.68 12.3 123 12.3k"
        );
    }
}
