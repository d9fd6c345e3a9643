//! Integers.

use super::one;

fn i32s(instruction: &str, a: i32, b: i32) -> i32 {
    let word = |n: i32| ("s32", u64::from(n.cast_unsigned()));
    (one(instruction, "s32", &[word(a), word(b)]) as u32).cast_signed()
}

fn u32s(instruction: &str, a: u32, b: u32) -> u32 {
    one(instruction, "u32", &[("u32", u64::from(a)), ("u32", u64::from(b))]) as u32
}

#[test]
fn sums_and_products_wrap_around() {
    assert_eq!(i32s("add.s32 %d, %a, %b;", i32::MAX, 1), i32::MIN);
    assert_eq!(u32s("sub.u32 %d, %a, %b;", 0, 1), u32::MAX);
    assert_eq!(i32s("mul.lo.s32 %d, %a, %b;", 1 << 20, 1 << 12), 0);
    assert_eq!(one("add.u64 %d, %a, 1;", "u64", &[("u64", u64::MAX)]), 0);
    assert_eq!(i32s("neg.s32 %d, %a;", i32::MIN, 0), i32::MIN);
    assert_eq!(i32s("abs.s32 %d, %a;", -5, 0), 5);
}

#[test]
fn a_product_has_a_low_half_a_high_half_and_a_whole() {
    assert_eq!(i32s("mul.hi.s32 %d, %a, %b;", -1, 2), -1);
    assert_eq!(u32s("mul.hi.u32 %d, %a, %b;", u32::MAX, 2), 1);
    assert_eq!(one("mul.hi.s64 %d, %a, %b;", "s64", &[("s64", u64::MAX), ("s64", 3)]), u64::MAX);
    assert_eq!(one("mul.hi.u64 %d, %a, %b;", "u64", &[("u64", u64::MAX), ("u64", 3)]), 2);
    let wide = one("mul.wide.s32 %d, %a, -4;", "s64", &[("s32", 7)]).cast_signed();
    assert_eq!(wide, -28);
    assert_eq!(one("mul.wide.u32 %d, %a, %b;", "u64", &[("u32", 0xffff_ffff), ("u32", 2)]), 0x1_ffff_fffe);
    let sum = one("mad.wide.s32 %d, %a, %b, %c;", "s64", &[("s32", 0xffff_ffff), ("s32", 8), ("s64", 100)]);
    assert_eq!(sum, 92);
    assert_eq!(one("mad.lo.u32 %d, %a, %b, %c;", "u32", &[("u32", 3), ("u32", 4), ("u32", 5)]), 17);
    assert_eq!(one("mad.hi.u32 %d, %a, %b, %c;", "u32", &[("u32", 1 << 31), ("u32", 4), ("u32", 5)]), 7);
}

#[test]
fn division_cuts_towards_zero_and_survives_zero_and_the_least_number() {
    assert_eq!(i32s("div.s32 %d, %a, %b;", -7, 2), -3);
    assert_eq!(i32s("rem.s32 %d, %a, %b;", -7, 2), -1);
    assert_eq!(i32s("div.s32 %d, %a, %b;", i32::MIN, -1), i32::MIN);
    assert_eq!(i32s("rem.s32 %d, %a, %b;", i32::MIN, -1), 0);
    assert_eq!(u32s("div.u32 %d, %a, %b;", 7, 0), u32::MAX);
    assert_eq!(u32s("rem.u32 %d, %a, %b;", 7, 0), 7);
}

#[test]
fn shift_amounts_are_clamped_at_the_width() {
    assert_eq!(u32s("shl.b32 %d, %a, %b;", 1, 31), 1 << 31);
    assert_eq!(u32s("shl.b32 %d, %a, %b;", 1, 32), 0);
    assert_eq!(u32s("shl.b32 %d, %a, %b;", 1, u32::MAX), 0);
    assert_eq!(u32s("shr.u32 %d, %a, %b;", u32::MAX, 40), 0);
    assert_eq!(i32s("shr.s32 %d, %a, %b;", -8, 1), -4);
    assert_eq!(i32s("shr.s32 %d, %a, %b;", -8, 99), -1);
    assert_eq!(one("shr.s64 %d, %a, 64;", "s64", &[("s64", 1 << 63)]), u64::MAX);
    assert_eq!(one("shl.b64 %d, %a, 64;", "b64", &[("b64", 1)]), 0);
    assert_eq!(u32s("shf.l.wrap.b32 %d, %a, %b, 8;", 0x1122_3344, 0x5566_7788), 0x6677_8811);
    assert_eq!(u32s("shf.r.wrap.b32 %d, %a, %b, 8;", 0x1122_3344, 0x5566_7788), 0x8811_2233);
}

#[test]
fn signs_decide_comparisons_and_extremes() {
    assert_eq!(i32s("min.s32 %d, %a, %b;", -1, 1), -1);
    assert_eq!(u32s("min.u32 %d, %a, %b;", u32::MAX, 1), 1);
    for (name, wanted) in [("lt.s32", 1), ("lt.u32", 0), ("lo.u32", 0), ("hs.u32", 1), ("ne.b32", 1), ("ge.s32", 0)] {
        let found = one(&format!("setp.{name} %d, %a, %b;"), "pred", &[("b32", 0xffff_ffff), ("b32", 1)]);
        assert_eq!(found, wanted, "{name}");
    }
}

#[test]
fn predicates_are_combined_and_come_in_pairs() {
    let given = |c: u64| [("u32", 1), ("u32", 2), ("pred", c)];
    assert_eq!(one("setp.lt.and.u32 %d, %a, %b, %c;", "pred", &given(0)), 0);
    assert_eq!(one("setp.lt.or.u32 %d, %a, %b, %c;", "pred", &given(0)), 1);
    assert_eq!(one("setp.lt.xor.u32 %d, %a, %b, !%c;", "pred", &given(0)), 0);
    // p = (a < b) and c; q = not (a < b), and c.
    assert_eq!(one(".reg .pred %q; setp.lt.and.u32 %q|%d, %a, %b, %c;", "pred", &given(1)), 0);
    assert_eq!(one(".reg .pred %q; setp.gt.and.u32 %q|%d, %a, %b, %c;", "pred", &given(1)), 1);
    assert_eq!(one("mov.u32 %d, 1; @%a mov.u32 %d, 2; @!%a add.u32 %d, %d, 7;", "u32", &[("pred", 0)]), 8);
    assert_eq!(one("selp.b32 %d, 5, 6, %a;", "b32", &[("pred", 1)]), 5);
}

#[test]
fn bits_are_counted_picked_and_put_in() {
    assert_eq!(one("popc.b64 %d, %a;", "u32", &[("b64", u64::MAX)]), 64);
    assert_eq!(one("clz.b32 %d, %a;", "u32", &[("b32", 1)]), 31);
    assert_eq!(one("brev.b32 %d, %a;", "b32", &[("b32", 1)]), 1 << 31);
    assert_eq!(one("not.b32 %d, %a;", "b32", &[("b32", 0)]), 0xffff_ffff);
    assert_eq!(one("bfe.u32 %d, %a, 4, 8;", "u32", &[("u32", 0xabcd)]), 0xbc);
    assert_eq!(one("bfe.s32 %d, %a, 4, 8;", "s32", &[("s32", 0xabcd)]), 0xffff_ffbc);
    // Beyond the top, the sign goes on.
    assert_eq!(one("bfe.s32 %d, %a, 28, 8;", "s32", &[("s32", 0x9000_0000)]), 0xffff_fff9);
    assert_eq!(one("bfe.u32 %d, %a, 4, 0;", "u32", &[("u32", 0xabcd)]), 0);
    assert_eq!(one("bfi.b32 %d, %a, %b, 8, 4;", "b32", &[("b32", 0xff), ("b32", 0)]), 0xf00);
    assert_eq!(one("bfi.b64 %d, %a, %b, 60, 8;", "b64", &[("b64", 0xff), ("b64", 1)]), 0xf000_0000_0000_0001);
    assert_eq!(one("lop3.b32 %d, %a, %b, %c, 0x96;", "b32", &[("b32", 12), ("b32", 10), ("b32", 1)]), 7);
    assert_eq!(one("prmt.b32 %d, %a, %b, 0x0123;", "b32", &[("b32", 0x1122_3344), ("b32", 0)]), 0x4433_2211);
}

#[test]
fn words_are_packed_and_unpacked() {
    assert_eq!(one("mov.b64 %d, {%a, %b};", "b64", &[("b32", 1), ("b32", 2)]), 0x2_0000_0001);
    assert_eq!(one(".reg .b32 %x; mov.b64 {%x, %d}, %a;", "b32", &[("b64", 0x2_0000_0001)]), 2);
}
