use std::time::Duration;

use super::{ConstantsSent, Summary, WorkerSummary};

fn worker(number: u32, tasks: u64, busy_ms: u64) -> WorkerSummary {
    WorkerSummary {
        worker: number,
        host: "local".to_owned(),
        pid: 41_235 + number,
        slots: 1,
        tasks,
        busy: Duration::from_millis(busy_ms),
        joined_for: Duration::from_millis(4210),
        ..WorkerSummary::default()
    }
}

fn assert_fits(text: &str) {
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{} columns: {line}", line.chars().count());
    }
}

#[test]
fn one_worker_with_everything_that_can_be_told() {
    let mut one = worker(1, 1, 1000);
    one.host = "a-very-long-host-name.in.a.very.long.domain.example.org".to_owned();
    one.slots = 64;
    one.tasks = 1_234_567_890;
    one.ended =
        Some("killed by signal 9 (SIGKILL); its last words:\nout of memory, and then a long tale about it".to_owned());
    let summary = Summary {
        elapsed: Duration::from_secs(7500),
        tasks: 1,
        failed: 1,
        retried: 1,
        deaths: 1,
        bytes_sent: 999,
        bytes_received: 0,
        constants_sent: ConstantsSent { count: 1, bytes: 4_000_000 },
        workers: vec![one],
    };
    let expected = "\
worker  host                       pid  slots          tasks    busy  efficiency
     1  a-very-long-host-name.…  41236     64  1,234,567,890  1.00 s       0.4 %
        killed by signal 9 (SIGKILL); its last words: out of memory, and then a…
1 task in 2 h 05 min on 1 worker: 0.48/h, efficiency 0.4 %,
1 failed, 1 retry, 1 death, 999 B sent, 1 constant of 4.00 MB, 0 B received";
    assert_eq!(summary.to_string(), expected);
    assert_fits(expected);
}

#[test]
fn two_workers_in_the_order_of_their_numbers() {
    let summary = Summary {
        elapsed: Duration::from_millis(4210),
        tasks: 1_000_000,
        bytes_sent: 12_400_000,
        bytes_received: 9_100_000,
        workers: vec![worker(2, 499_880, 4084), worker(1, 500_120, 4092)],
        ..Summary::default()
    };
    let expected = "\
worker  host     pid  slots    tasks    busy  efficiency
     1  local  41236      1  500,120  4.09 s      97.2 %
     2  local  41237      1  499,880  4.08 s      97.0 %
1,000,000 tasks in 4.21 s on 2 workers: 238 k/s, efficiency 97.1 %,
0 retries, 0 deaths, 12.4 MB sent, 9.10 MB received";
    assert_eq!(summary.to_string(), expected);
    assert_eq!(
        summary.line(),
        "1,000,000 tasks in 4.21 s on 2 workers: 238 k/s, efficiency 97.1 %, 0 retries, 0 deaths, 12.4 MB sent, \
         9.10 MB received"
    );
}

#[test]
fn of_forty_workers_the_best_and_the_worst_and_a_line_for_the_rest() {
    let mut workers: Vec<_> = (1..=40).map(|n| worker(n, 1000 + u64::from(n), 4200 - 20 * u64::from(n))).collect();
    workers[19].ended = Some("lost: no answer for 10 s".to_owned());
    workers[39].ended = Some("exited with status 3".to_owned());
    // It died as it joined.
    workers[0].joined_for = Duration::ZERO;
    workers[0].busy = Duration::ZERO;
    workers[0].ended = Some("killed by signal 9 (SIGKILL)".to_owned());
    let summary =
        Summary { elapsed: Duration::from_millis(4210), tasks: 40_820, deaths: 3, workers, ..Summary::default() };
    let expected = "\
worker  host     pid  slots  tasks    busy  efficiency
     2  local  41237      1  1,002  4.16 s      98.8 %
     3  local  41238      1  1,003  4.14 s      98.3 %
     4  local  41239      1  1,004  4.12 s      97.9 %
     5  local  41240      1  1,005  4.10 s      97.4 %
     6  local  41241      1  1,006  4.08 s      96.9 %
   ...  30 more: 30,645 tasks, efficiency 89.5 %, 1 ended
    37  local  41272      1  1,037  3.46 s      82.2 %
    38  local  41273      1  1,038  3.44 s      81.7 %
    39  local  41274      1  1,039  3.42 s      81.2 %
    40  local  41275      1  1,040  3.40 s      80.8 %
        exited with status 3
     1  local  41236      1  1,001     0 s           -
        killed by signal 9 (SIGKILL)
40,820 tasks in 4.21 s on 40 workers: 9.70 k/s, efficiency 89.8 %,
0 retries, 3 deaths, 0 B sent, 0 B received";
    assert_eq!(summary.to_string(), expected);
}

#[test]
fn nothing_done_by_nobody_has_no_rate_and_no_efficiency() {
    let summary = Summary::default();
    assert_eq!(summary.efficiency(), None);
    assert_eq!(summary.rate(), None);
    assert_eq!(summary.to_string(), "0 tasks in 0 s on 0 workers,\n0 retries, 0 deaths, 0 B sent, 0 B received");
    let idle = Summary { elapsed: Duration::from_millis(5), workers: vec![worker(1, 0, 0)], ..Summary::default() };
    assert_eq!(
        idle.line(),
        "0 tasks in 5.00 ms on 1 worker: efficiency 0.0 %, 0 retries, 0 deaths, 0 B sent, 0 B received"
    );
}

#[test]
fn efficiency_weighs_workers_by_their_slots_and_their_time() {
    let mut large = worker(1, 0, 0);
    (large.slots, large.joined_for, large.busy) = (3, Duration::from_secs(10), Duration::from_secs(30));
    let mut late = worker(2, 0, 0);
    (late.slots, late.joined_for, late.busy) = (1, Duration::from_secs(10), Duration::ZERO);
    assert_eq!(large.efficiency(), Some(1.0));
    assert_eq!(late.efficiency(), Some(0.0));
    let summary = Summary { workers: vec![large.clone(), late], ..Summary::default() };
    assert_eq!(summary.efficiency(), Some(0.75));
    // Clocks differ; a share above the whole is not shown.
    large.busy = Duration::from_secs(31);
    assert_eq!(large.efficiency(), Some(1.0));
    large.slots = 0;
    assert_eq!(large.efficiency(), None);
}

#[test]
fn the_largest_figures_still_fit() {
    let workers = (0..1000)
        .map(|n| WorkerSummary {
            worker: u32::MAX - n,
            host: "node.example.org".repeat(4),
            pid: u32::MAX,
            slots: 1024,
            tasks: 999_999_999_999,
            busy: Duration::from_secs(86_399),
            joined_for: Duration::from_secs(86_400),
            ..WorkerSummary::default()
        })
        .collect();
    let summary = Summary {
        elapsed: Duration::from_secs(864_000),
        tasks: 999_999_999_999_999,
        failed: 1_000_000,
        retried: 1_000_000,
        deaths: 1000,
        bytes_sent: u64::MAX,
        bytes_received: u64::MAX,
        workers,
        ..Summary::default()
    };
    let text = summary.to_string();
    assert_fits(&text);
    let expected = "
999,999,999,999,999 tasks in 10 d 0 h on 1,000 workers: 1.16 G/s,
efficiency 0.1 %,
1,000,000 failed, 1,000,000 retries, 1,000 deaths, 18.4 EB sent,
18.4 EB received";
    assert!(text.ends_with(expected), "{text}");
}
