//! Whether many items cost more each than few do, and the memory of the driver.

use super::{expected, noop};
use crate::{report, sizes::Sizes};
use aqueduct::Cluster;
use std::{error::Error, fs, time::Instant};

pub(super) async fn run(cluster: &Cluster, sizes: &Sizes) -> Result<(), Box<dyn Error>> {
    let (small, large, repeats) = (sizes.number("small")?, sizes.number("large")?, sizes.number("repeats")?);
    // The chunks have found their size, and the allocator has its memory.
    assert_eq!(cluster.map(noop, 0..large / 10).sum::<u64>().await?, expected(large / 10));

    let mut each = Vec::new();
    for _ in 0..repeats {
        let start = Instant::now();
        let sum: u64 = cluster.map(noop, 0..small).sum().await?;
        each.push(start.elapsed().as_nanos() as f64 / small as f64);
        assert_eq!(sum, expected(small));
    }
    each.sort_by(f64::total_cmp);
    let few = each[each.len() / 2];

    let before = kibibytes("VmRSS:")?;
    // The peak is counted from here.
    fs::write("/proc/self/clear_refs", "5")?;
    let start = Instant::now();
    let sum: u64 = cluster.map(noop, 0..large).sum().await?;
    let many = start.elapsed().as_nanos() as f64 / large as f64;
    assert_eq!(sum, expected(large));
    let peak = kibibytes("VmHWM:")?;

    report::figure("", "few", few);
    report::figure("", "many", many);
    report::figure("", "ratio", many / few);
    report::figure("", "before", before / 1024.0);
    report::figure("", "growth", (peak - before) / 1024.0);
    Ok(())
}

/// A line of this process's status.
fn kibibytes(name: &str) -> Result<f64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(name)).ok_or("no such line in the status")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
