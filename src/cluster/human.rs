//! Numbers as people read them: three significant digits, a unit, no more.
//!
//! indicatif has forms of its own (`12.40 MB`, `7 seconds`); these are shorter, keep their width while a bar moves, and
//! never show a precision that was not measured. Only its thousands (`1,000,000`) are borrowed.

use std::time::Duration;

use indicatif::HumanCount;

/// `1,000,000`.
pub(crate) fn count(n: u64) -> String {
    HumanCount(n).to_string()
}

/// `1 retry`, `2 retries`.
pub(crate) fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

/// `12.4 MB`: decimal, as networks are measured.
pub(crate) fn bytes(n: u64) -> String {
    if n < 1000 {
        return format!("{n} B");
    }
    let (number, prefix) = scaled(n as f64);
    format!("{number} {prefix}B")
}

/// `83.2 k/s`; slow ones by the minute or by the hour, so that there is always a digit to see.
pub(crate) fn rate(per_second: f64) -> String {
    let (per, unit) = match per_second {
        r if r >= 1.0 || r <= 0.0 => (r, "s"),
        r if r * 60.0 >= 1.0 => (r * 60.0, "min"),
        r => (r * 3600.0, "h"),
    };
    match scaled(per) {
        (number, "") => format!("{number}/{unit}"),
        (number, prefix) => format!("{number} {prefix}/{unit}"),
    }
}

/// `97.1 %`.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// `4.21 s`, `312 ms`, `1 min 42 s`: a time that was measured.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        0.0 => "0 s".to_owned(),
        s if s < 0.000_999_5 => format!("{} µs", significant(s * 1e6)),
        s if s < 0.999_5 => format!("{} ms", significant(s * 1e3)),
        s if s < 99.95 => format!("{} s", significant(s)),
        s => whole(Duration::from_secs(s.round() as u64)),
    }
}

/// `7 s`, `1 min 12 s`, `2 h 05 min`, `3 d 4 h`: whole seconds, for clocks that tick.
pub(crate) fn whole(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{minutes} min {:02} s", seconds % 60),
        3600..86_400 => format!("{hours} h {:02} min", minutes % 60),
        _ => format!("{} d {} h", count(days), hours % 24),
    }
}

/// Three significant digits and a prefix: `("83.2", "k")`.
fn scaled(mut number: f64) -> (String, &'static str) {
    const PREFIXES: [&str; 7] = ["", "k", "M", "G", "T", "P", "E"];
    let mut step = 0;
    // 999.5 would be rounded up to 1000.
    while number >= 999.5 && step + 1 < PREFIXES.len() {
        number /= 1000.0;
        step += 1;
    }
    (significant(number), PREFIXES[step])
}

/// Three significant digits of a number under a thousand; the edges are where rounding adds a digit.
fn significant(number: f64) -> String {
    match number {
        n if n == 0.0 || n >= 99.95 => format!("{n:.0}"),
        n if n >= 9.995 => format!("{n:.1}"),
        n => format!("{n:.2}"),
    }
}

#[cfg(test)]
mod tests;
