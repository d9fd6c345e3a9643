//! Shuffles, votes and reductions.

use super::{BASE, Flat, kernel, run};

/// What each of so many lanes gets from a text that makes `%d` of `%lane`.
fn lanes(text: &str, count: u32) -> Vec<u32> {
    let body = format!(
        ".reg .b64 %p<2>; .reg .b32 %lane, %d; .reg .pred %q; ld.param.u64 %p0, [p0]; mov.u32 %lane, %laneid; {text} \
         mov.u32 %lane, %tid.x; mul.wide.u32 %p1, %lane, 4; add.u64 %p0, %p0, %p1; st.global.u32 [%p0], %d;"
    );
    let mut memory = Flat(vec![0; 4 * count as usize]);
    run(&kernel(&body), &mut memory, ([1; 3], [count, 1, 1], 0), &[BASE, 0, 0, 0], 2).expect("it runs");
    memory.0.chunks_exact(4).map(|n| u32::from_le_bytes(n.try_into().expect("four"))).collect()
}

#[test]
fn shuffles_go_up_down_across_and_to_a_lane() {
    let down = lanes("shfl.sync.down.b32 %d, %lane, 3, 31, 0xffffffff;", 32);
    assert_eq!(down, (0..32).map(|i| if i < 29 { i + 3 } else { i }).collect::<Vec<_>>());
    let up = lanes("shfl.sync.up.b32 %d|%q, %lane, 1, 0, -1; @!%q mov.u32 %d, 99;", 32);
    assert_eq!(up, (0..32).map(|i| if i == 0 { 99 } else { i - 1 }).collect::<Vec<_>>());
    let across = lanes("shfl.sync.bfly.b32 %d, %lane, 16, 31, -1;", 32);
    assert_eq!(across, (0..32).map(|i| i ^ 16).collect::<Vec<_>>());
    let to = lanes("shfl.sync.idx.b32 %d, %lane, 5, 31, -1;", 64);
    assert_eq!(to, [5; 64]);
    // In segments of eight: (32 - 8) << 8 | 31.
    let segments = lanes("shfl.sync.idx.b32 %d, %lane, 1, 6175, -1;", 32);
    assert_eq!(segments, (0..32).map(|i| i / 8 * 8 + 1).collect::<Vec<_>>());
}

#[test]
fn votes_and_reductions_see_every_lane() {
    let even = "and.b32 %d, %lane, 1; setp.eq.u32 %q, %d, 0;";
    assert_eq!(lanes(&format!("{even} vote.sync.ballot.b32 %d, %q, -1;"), 32), [0x5555_5555; 32]);
    assert_eq!(lanes(&format!("{even} vote.sync.all.pred %q, %q, -1; selp.b32 %d, 1, 0, %q;"), 32), [0; 32]);
    assert_eq!(lanes(&format!("{even} vote.sync.any.pred %q, %q, -1; selp.b32 %d, 1, 0, %q;"), 32), [1; 32]);
    assert_eq!(lanes("redux.sync.add.u32 %d, %lane, -1;", 32), [496; 32]);
    // A warp of fewer lanes.
    assert_eq!(lanes("redux.sync.max.s32 %d, %lane, -1;", 20), [19; 20]);
}

#[test]
fn a_lane_that_is_named_and_does_not_come_is_a_fault() {
    let body = ".reg .b32 %d<2>; .reg .pred %q; mov.u32 %d0, %laneid; setp.eq.u32 %q, %d0, 4; @%q exit; \
                shfl.sync.down.b32 %d1, %d0, 1, 31, -1;";
    let fault = run(&kernel(body), &mut Flat(vec![]), ([1; 3], [32, 1, 1], 0), &[0; 4], 0).expect_err("missing");
    assert_eq!(fault.code, 719, "{}", fault.problem);
}
