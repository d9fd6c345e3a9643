//! Floating point.

use super::{doubles, one, singles};

const NAN: u32 = 0x7fff_ffff;

#[test]
fn singles_round_to_the_nearest_and_nans_have_one_pattern() {
    assert_eq!(singles("add.rn.f32 %d, %a, %b;", &[16_777_216.0, 1.0]), 16_777_216.0);
    assert_eq!(singles("add.f32 %d, %a, %b;", &[16_777_216.0, 3.0]), 16_777_220.0);
    assert_eq!(singles("mul.rn.f32 %d, %a, 0f40000000;", &[1.5]), 3.0);
    assert_eq!(singles("div.rn.f32 %d, %a, %b;", &[1.0, 3.0]).to_bits(), 0x3eaa_aaab);
    assert_eq!(singles("sqrt.rn.f32 %d, %a;", &[2.0]).to_bits(), 0x3fb5_04f3);
    assert_eq!(singles("rcp.rn.f32 %d, %a;", &[0.0]), f32::INFINITY);
    for text in ["sub.rn.f32 %d, %a, %a;", "mul.rn.f32 %d, %a, 0f00000000;", "fma.rn.f32 %d, %a, 0f00000000, %a;"] {
        assert_eq!(singles(text, &[f32::INFINITY]).to_bits(), NAN, "{text}");
    }
    assert_eq!(singles("sqrt.rn.f32 %d, %a;", &[-1.0]).to_bits(), NAN);
}

#[test]
fn a_fused_product_and_sum_rounds_once() {
    // (1 + 2^-12)^2 - 1 = 2^-11 + 2^-24; two roundings lose the second term.
    let a = 1.0 + 2.0_f32.powi(-12);
    let exact = 2.0_f32.powi(-11) + 2.0_f32.powi(-24);
    assert_eq!(singles("fma.rn.f32 %d, %a, %a, 0fBF800000;", &[a]), exact);
    assert_eq!(singles("mul.rn.f32 %d, %a, %a; add.rn.f32 %d, %d, 0fBF800000;", &[a]), 2.0_f32.powi(-11));
    let a = 1.0 + 2.0_f64.powi(-27);
    assert_eq!(doubles("fma.rn.f64 %d, %a, %a, 0dBFF0000000000000;", &[a]), 2.0_f64.powi(-26) + 2.0_f64.powi(-54));
}

#[test]
fn directed_rounding_goes_its_way() {
    let (tiny, next) = (2.0_f32.powi(-40), 1.0_f32.next_up());
    assert_eq!(singles("add.rz.f32 %d, %a, %b;", &[1.0, tiny]), 1.0);
    assert_eq!(singles("add.rp.f32 %d, %a, %b;", &[1.0, tiny]), next);
    assert_eq!(singles("add.rm.f32 %d, %a, %b;", &[1.0, -tiny]), 1.0_f32.next_down());
    assert_eq!(singles("add.rz.f32 %d, %a, %b;", &[-1.0, tiny]), -1.0_f32.next_down());
    // A third, from below and from above.
    assert_eq!(singles("fma.rm.f32 %d, %a, %b, %c;", &[next, next, 0.0]), 1.0_f32.next_up().next_up());
    assert_eq!(singles("fma.rp.f32 %d, %a, %b, %c;", &[next, next, 0.0]), 1.0_f32.next_up().next_up().next_up());
    assert_eq!(singles("add.rm.f32 %d, %a, %b;", &[1.0, -1.0]).to_bits(), (-0.0_f32).to_bits());
    assert_eq!(singles("mul.rz.f32 %d, %a, %b;", &[-0.0, 1.0]).to_bits(), (-0.0_f32).to_bits());
    // The sum is exact in an f64 only together with what its own rounding leaves over.
    let (big, small) = (1.0 + 2.0_f32.powi(-23), 2.0_f32.powi(-80));
    assert_eq!(singles("add.rm.f32 %d, %a, %b;", &[big, -small]), 1.0);
}

#[test]
fn extremes_prefer_numbers_to_nans_and_know_the_sign_of_zero() {
    let nan = f32::NAN;
    assert_eq!(singles("min.f32 %d, %a, %b;", &[nan, 1.0]), 1.0);
    assert_eq!(singles("max.f32 %d, %a, %b;", &[1.0, nan]), 1.0);
    assert_eq!(singles("max.f32 %d, %a, %b;", &[nan, nan]).to_bits(), NAN);
    assert_eq!(singles("min.f32 %d, %a, %b;", &[0.0, -0.0]).to_bits(), (-0.0_f32).to_bits());
    assert_eq!(singles("max.f32 %d, %a, %b;", &[-0.0, 0.0]).to_bits(), 0);
    assert_eq!(doubles("max.f64 %d, %a, %b;", &[f64::NEG_INFINITY, -3.0]), -3.0);
}

#[test]
fn nothing_compares_with_nan_but_the_unordered_forms() {
    let nan = u64::from(f32::NAN.to_bits());
    let one_ = u64::from(1.0_f32.to_bits());
    for (name, with_nan, equal) in [
        ("eq", 0, 1),
        ("ne", 0, 0),
        ("lt", 0, 0),
        ("le", 0, 1),
        ("gt", 0, 0),
        ("ge", 0, 1),
        ("equ", 1, 1),
        ("neu", 1, 0),
        ("ltu", 1, 0),
        ("leu", 1, 1),
        ("gtu", 1, 0),
        ("geu", 1, 1),
        ("num", 0, 1),
        ("nan", 1, 0),
    ] {
        let text = format!("setp.{name}.f32 %d, %a, %b;");
        assert_eq!(one(&text, "pred", &[("f32", nan), ("f32", one_)]), with_nan, "{name} with NaN");
        assert_eq!(one(&text, "pred", &[("f32", one_), ("f32", one_)]), equal, "{name} of equals");
    }
}

#[test]
fn flushing_and_saturating_are_done_where_they_are_asked_for() {
    let tiny = f32::from_bits(1);
    assert_eq!(singles("add.rn.f32 %d, %a, %b;", &[tiny, tiny]).to_bits(), 2);
    assert_eq!(singles("add.rn.ftz.f32 %d, %a, %b;", &[tiny, tiny]).to_bits(), 0);
    assert_eq!(singles("mul.ftz.f32 %d, %a, %b;", &[-tiny, 1.0]).to_bits(), (-0.0_f32).to_bits());
    assert_eq!(singles("add.sat.f32 %d, %a, %b;", &[0.75, 0.75]), 1.0);
    assert_eq!(singles("add.sat.f32 %d, %a, %b;", &[f32::NAN, 0.75]).to_bits(), 0);
    assert_eq!(singles("neg.f32 %d, %a;", &[0.0]).to_bits(), 1 << 31);
    assert_eq!(singles("abs.f32 %d, %a;", &[-2.5]), 2.5);
    assert_eq!(singles("copysign.f32 %d, %a, %b;", &[-1.0, 3.0]), -3.0);
}
