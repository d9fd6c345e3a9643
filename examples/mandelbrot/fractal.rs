//! The mathematics.

/// What is drawn: how many pixels of the part of the plane around -0.5, and how often a point may be iterated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Picture {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) iterations: u32,
}

impl Picture {
    /// The red, green and blue of each pixel of a row.
    pub(crate) fn row(&self, y: u32) -> Vec<u8> {
        let scale = 3.0 / f64::from(self.width);
        let imaginary = (f64::from(y) + 0.5 - f64::from(self.height) / 2.0) * scale;
        let mut pixels = Vec::with_capacity(3 * self.width as usize);
        for x in 0..self.width {
            let real = (f64::from(x) + 0.5 - f64::from(self.width) / 2.0) * scale - 0.5;
            pixels.extend(self.escape(real, imaginary).map_or([0; 3], |(steps, distance)| colour(steps, distance)));
        }
        pixels
    }

    /// After how many iterations z = z² + c has left the circle, and at which square of its distance; `None` if it stays.
    fn escape(&self, real: f64, imaginary: f64) -> Option<(u32, f64)> {
        let (mut x, mut y) = (0.0, 0.0);
        for n in 0..self.iterations {
            let (xx, yy) = (x * x, y * y);
            if xx + yy > 256.0 {
                return Some((n, xx + yy));
            }
            (x, y) = (xx - yy + real, 2.0 * x * y + imaginary);
        }
        None
    }
}

/// The colour of a point that has left the circle, smooth from one number of steps to the next.
pub(crate) fn colour(steps: u32, distance: f64) -> [u8; 3] {
    let escape = f64::from(steps) + 3.0 - f64::ln(f64::ln(distance)) / std::f64::consts::LN_2;
    let turn = escape.max(0.0).sqrt();
    // Red, green and blue swing alike, one after the other.
    [2.6, 3.3, 4.0].map(|phase| (127.5 * (1.0 - f64::cos(turn + phase))) as u8)
}
