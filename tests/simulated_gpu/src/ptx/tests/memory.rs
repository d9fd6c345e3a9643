//! Loads, stores, atomic operations, barriers, and what is out of bounds.

use super::{BASE, Flat, kernel, run};

const ONE: ([u32; 3], [u32; 3], usize) = ([1; 3], [1; 3], 0);

#[test]
fn narrow_loads_extend_and_narrow_stores_cut() {
    let text = kernel(
        ".reg .b64 %p; .reg .b32 %r<3>; ld.param.u64 %p, [p0]; ld.global.s8 %r0, [%p]; ld.global.u8 %r1, [%p]; \
         ld.global.s16 %r2, [%p+2]; st.global.b32 [%p+8], %r0; st.global.b32 [%p+12], %r1; st.global.b32 [%p+16], %r2; \
         st.global.u8 [%p+20], %r0;",
    );
    let mut memory = Flat(vec![0x80, 0, 0xfe, 0xff, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
    run(&text, &mut memory, ONE, &[BASE, 0, 0, 0], 0).expect("in bounds");
    assert_eq!(memory.word(8), 0x0000_0080_ffff_ff80);
    assert_eq!(memory.word(16), 0x0101_0180_ffff_fffe);
}

#[test]
fn vectors_are_loaded_even_over_their_own_address() {
    let text = kernel(
        ".reg .b64 %p<3>; .reg .f32 %f<4>; ld.param.u64 %p0, [p0]; ld.param.u64 %p2, [p1]; ld.global.v4.f32 {%f0,%f1,%f2,%f3}, [%p0]; \
         st.global.v2.f32 [%p0], {%f3, %f2}; ld.global.v2.u64 {%p0, %p1}, [%p0]; st.global.v2.u64 [%p2], {%p1, %p0};",
    );
    let mut memory = Flat(Flat::of(&[1.0, 2.0, 3.0, 4.0, 0.0, 0.0, 0.0, 0.0]));
    run(&text, &mut memory, ONE, &[BASE, BASE + 16, 0, 0], 0).expect("in bounds");
    assert_eq!(memory.floats(), [4.0, 3.0, 3.0, 4.0, 3.0, 4.0, 4.0, 3.0]);
}

#[test]
fn what_lies_outside_or_askew_is_a_fault() {
    let text = kernel(".reg .b64 %p; .reg .b32 %r; ld.param.u64 %p, [p0]; ld.global.u32 %r, [%p];");
    for (address, code) in [(BASE - 4, 700), (BASE + 8, 700), (BASE + 6, 716), (0, 700), (u64::MAX - 3, 700)] {
        let fault = run(&text, &mut Flat(vec![0; 8]), ONE, &[address, 0, 0, 0], 0).expect_err("out of bounds");
        assert_eq!(fault.code, code, "{address:#x}: {}", fault.problem);
    }
    let text = kernel(".shared .align 4 .b32 s[4]; .reg .b32 %r; mov.u32 %r, s; st.shared.u32 [%r+16], %r;");
    assert_eq!(run(&text, &mut Flat(vec![]), ONE, &[0; 4], 0).expect_err("out of bounds").code, 700);
    let vector = kernel(".reg .b64 %p; .reg .b32 %r<2>; ld.param.u64 %p, [p0]; ld.global.v2.u32 {%r0,%r1}, [%p];");
    assert_eq!(run(&vector, &mut Flat(vec![0; 32]), ONE, &[BASE + 4, 0, 0, 0], 0).expect_err("askew").code, 716);
}

/// Each thread writes its number into shared memory, static and dynamic, and reads its mirror image's.
const MIRROR: &str = ".version 8.0\n.target sm_70\n.address_size 64\n.extern .shared .align 16 .b8 rest[];\n\
    .visible .entry mirror(.param .u64 p0)\n{\n.reg .b64 %p<4>; .reg .b32 %r<9>;\n\
    .shared .align 4 .b8 own[256];\n\
    mov.u32 %r0, %tid.x; shl.b32 %r1, %r0, 2; mov.u32 %r2, own; add.u32 %r3, %r2, %r1; st.shared.u32 [%r3], %r0;\n\
    mov.u32 %r4, rest; add.u32 %r5, %r4, %r1; mul.lo.u32 %r6, %r0, 100; st.shared.u32 [%r5], %r6;\n\
    BARRIER\n\
    mov.u32 %r7, 252; sub.u32 %r1, %r7, %r1; mov.u64 %p0, own; cvta.shared.u64 %p0, %p0; cvt.u64.u32 %p1, %r1;\n\
    add.u64 %p0, %p0, %p1; ld.u32 %r2, [%p0]; add.u32 %r4, %r4, %r1; ld.shared.u32 %r3, [%r4]; add.u32 %r2, %r2, %r3;\n\
    ld.param.u64 %p2, [p0]; mul.wide.u32 %p3, %r0, 4; add.u64 %p2, %p2, %p3; st.global.u32 [%p2], %r2; ret;\n}";

#[test]
fn shared_memory_is_exchanged_at_a_barrier() {
    let text = MIRROR.replace("BARRIER", "bar.sync 0;");
    for seed in 0..50 {
        let mut memory = Flat(vec![0; 256]);
        run(&text, &mut memory, ([1; 3], [64, 1, 1], 256), &[BASE], seed).expect("in bounds");
        let wanted: Vec<u8> = (0..64_u32).flat_map(|i| (101 * (63 - i)).to_le_bytes()).collect();
        assert_eq!(memory.0, wanted, "seed {seed}");
    }
}

#[test]
fn a_missing_barrier_is_seen_under_every_seed() {
    let text = MIRROR.replace("BARRIER", "");
    for seed in 0..50 {
        let mut memory = Flat(vec![0; 256]);
        run(&text, &mut memory, ([1; 3], [64, 1, 1], 256), &[BASE], seed).expect("in bounds");
        let wanted: Vec<u8> = (0..64_u32).flat_map(|i| (101 * (63 - i)).to_le_bytes()).collect();
        assert_ne!(memory.0, wanted, "seed {seed}");
    }
}

#[test]
fn dynamic_shared_memory_is_as_large_as_the_launch_says() {
    let text = MIRROR.replace("BARRIER", "bar.sync 0;");
    let fault = run(&text, &mut Flat(vec![0; 256]), ([1; 3], [64, 1, 1], 252), &[BASE], 0).expect_err("too small");
    assert_eq!(fault.code, 700);
}

#[test]
fn a_barrier_that_some_never_reach_is_a_fault() {
    let body = ".reg .pred %p; .reg .b32 %r; mov.u32 %r, %tid.x; setp.lt.u32 %p, %r, 3; @%p bra out; bar.sync 0; out:";
    for seed in 0..20 {
        let fault = run(&kernel(body), &mut Flat(vec![]), ([1; 3], [8, 1, 1], 0), &[0; 4], seed).expect_err("stuck");
        assert_eq!(fault.code, 719, "{}", fault.problem);
    }
}

#[test]
fn atomic_operations_lose_nothing_and_give_what_was_there() {
    let text = kernel(
        ".reg .b64 %p; .reg .b32 %r<3>; .reg .pred %q; ld.param.u64 %p, [p0]; atom.global.add.u32 %r0, [%p], 2; \
         red.global.max.s32 [%p+4], %r0; atom.add.f32 %f, [%p+8], 0f3F800000; atom.global.cas.b32 %r1, [%p+12], 7, 9; \
         atom.global.inc.u32 %r2, [%p+16], 9; red.relaxed.gpu.global.add.u64 [%p+24], 5;",
    )
    .replace(".reg .pred %q;", ".reg .f32 %f;");
    let mut memory = Flat(vec![0; 32]);
    memory.0[12] = 7;
    run(&text, &mut memory, ([3, 1, 1], [5, 1, 1], 0), &[BASE, 0, 0, 0], 3).expect("in bounds");
    let words: Vec<u32> = memory.0.chunks_exact(4).map(|n| u32::from_le_bytes(n.try_into().expect("four"))).collect();
    assert_eq!(words, [30, 28, 15.0_f32.to_bits(), 9, 5, 0, 75, 0]);
}

#[test]
fn one_thread_may_wait_for_another_and_a_launch_that_never_ends_is_ended() {
    // The last thread opens, all others spin.
    let text = kernel(
        ".reg .b64 %p; .reg .b32 %r<3>; .reg .pred %q; ld.param.u64 %p, [p0]; mov.u32 %r0, %tid.x; setp.ne.u32 %q, %r0, 39; \
         @%q bra spin; st.volatile.global.u32 [%p], 1; spin: ld.volatile.global.u32 %r1, [%p]; setp.eq.u32 %q, %r1, 0; @%q bra spin; \
         atom.global.add.u32 %r2, [%p+4], 1;",
    );
    let mut memory = Flat(vec![0; 8]);
    run(&text, &mut memory, ([1; 3], [40, 1, 1], 0), &[BASE, 0, 0, 0], 1).expect("it ends");
    assert_eq!(memory.0[4], 40);
    let fault = run(&text, &mut Flat(vec![0; 8]), ([1; 3], [39, 1, 1], 0), &[BASE, 0, 0, 0], 1).expect_err("never");
    assert_eq!(fault.code, 702);
}

#[test]
fn threads_know_where_they_are_in_three_dimensions() {
    let text = kernel(
        ".reg .b64 %p<2>; .reg .b32 %r<20>; ld.param.u64 %p0, [p0]; \
         mov.u32 %r0, %tid.x; mov.u32 %r1, %tid.y; mov.u32 %r2, %tid.z; mov.u32 %r3, %ntid.x; mov.u32 %r4, %ntid.y; \
         mov.u32 %r5, %ctaid.x; mov.u32 %r6, %ctaid.y; mov.u32 %r7, %ctaid.z; mov.u32 %r8, %nctaid.x; mov.u32 %r9, %nctaid.y; mov.u32 %r10, %ntid.z; \
         mad.lo.u32 %r11, %r7, %r9, %r6; mad.lo.u32 %r11, %r11, %r8, %r5; \
         mad.lo.u32 %r12, %r2, %r4, %r1; mad.lo.u32 %r12, %r12, %r3, %r0; \
         mul.lo.u32 %r13, %r3, %r4; mul.lo.u32 %r13, %r13, %r10; mad.lo.u32 %r11, %r11, %r13, %r12; \
         mul.wide.u32 %p1, %r11, 4; add.u64 %p0, %p0, %p1; add.u32 %r11, %r11, 1; atom.global.add.u32 %r14, [%p0], %r11;",
    );
    let mut memory = Flat(vec![0; 4 * 360]);
    run(&text, &mut memory, ([3, 2, 2], [5, 3, 2], 0), &[BASE, 0, 0, 0], 5).expect("in bounds");
    let wanted: Vec<u8> = (1..=360_u32).flat_map(u32::to_le_bytes).collect();
    assert_eq!(memory.0, wanted);
}
