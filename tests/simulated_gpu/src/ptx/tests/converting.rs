//! `cvt`.

use super::one;

fn single(text: &str, result: &str, x: f32) -> u64 {
    one(text, result, &[("f32", u64::from(x.to_bits()))])
}

fn double(text: &str, result: &str, x: f64) -> u64 {
    one(text, result, &[("f64", x.to_bits())])
}

#[test]
fn floats_out_of_range_are_clamped() {
    assert_eq!(single("cvt.rzi.s32.f32 %d, %a;", "s32", 3e9), 0x7fff_ffff);
    assert_eq!(single("cvt.rzi.s32.f32 %d, %a;", "s32", -3e9), 0x8000_0000);
    assert_eq!(single("cvt.rzi.u32.f32 %d, %a;", "u32", -1.5), 0);
    assert_eq!(single("cvt.rzi.u32.f32 %d, %a;", "u32", 5e9), 0xffff_ffff);
    assert_eq!(single("cvt.rzi.u64.f32 %d, %a;", "u64", f32::INFINITY), u64::MAX);
    assert_eq!(double("cvt.rzi.s64.f64 %d, %a;", "s64", -1e300), 1 << 63);
    assert_eq!(single("cvt.rzi.u8.f32 %d, %a;", "u32", 300.0), 255);
    assert_eq!(single("cvt.rzi.s8.f32 %d, %a;", "s32", -300.0), 0xffff_ff80);
}

#[test]
fn nan_becomes_zero_or_the_highest_bit() {
    assert_eq!(single("cvt.rzi.s32.f32 %d, %a;", "s32", f32::NAN), 0);
    assert_eq!(single("cvt.rzi.u32.f32 %d, %a;", "u32", f32::NAN), 0);
    assert_eq!(single("cvt.rzi.s64.f32 %d, %a;", "s64", f32::NAN), 1 << 63);
    assert_eq!(single("cvt.rzi.u64.f32 %d, %a;", "u64", f32::NAN), 1 << 63);
    assert_eq!(double("cvt.rzi.s32.f64 %d, %a;", "s32", f64::NAN), 0x8000_0000);
    assert_eq!(double("cvt.rzi.s64.f64 %d, %a;", "s64", f64::NAN), 1 << 63);
}

#[test]
fn roundings_to_whole_numbers() {
    for (x, nearest, zero, down, up) in
        [(2.5, 2, 2, 2, 3), (3.5, 4, 3, 3, 4), (-2.5, -2, -2, -3, -2), (0.25, 0, 0, 0, 1)]
    {
        for (how, wanted) in [("rni", nearest), ("rzi", zero), ("rmi", down), ("rpi", up)] {
            let found = single(&format!("cvt.{how}.s32.f32 %d, %a;"), "s32", x) as u32;
            assert_eq!(found.cast_signed(), wanted, "{how} of {x}");
            let same = single(&format!("cvt.{how}.f32.f32 %d, %a;"), "f32", x) as u32;
            assert_eq!(f32::from_bits(same), wanted as f32, "{how} of {x} as a float");
        }
    }
}

#[test]
fn integers_are_cut_extended_or_saturated() {
    assert_eq!(one("cvt.u64.s32 %d, %a;", "u64", &[("s32", 0xffff_fffe)]), u64::MAX - 1);
    assert_eq!(one("cvt.u64.u32 %d, %a;", "u64", &[("u32", 0xffff_fffe)]), 0xffff_fffe);
    assert_eq!(one("cvt.u32.u64 %d, %a;", "u32", &[("u64", 0x1_0000_0002)]), 2);
    assert_eq!(one("cvt.s8.s32 %d, %a;", "s32", &[("s32", 0x180)]), 0xffff_ff80);
    assert_eq!(one("cvt.u8.u32 %d, %a;", "u32", &[("u32", 0x1ff)]), 0xff);
    assert_eq!(one("cvt.sat.u8.s32 %d, %a;", "u32", &[("s32", 0xffff_ffff)]), 0);
    assert_eq!(one("cvt.sat.s16.s32 %d, %a;", "s32", &[("s32", 0xffff)]), 0x7fff);
    assert_eq!(one("cvt.s64.s16 %d, %a;", "s64", &[("b16", 0x8000)]), 0xffff_ffff_ffff_8000);
    assert_eq!(one("cvt.sat.u32.s64 %d, %a;", "u32", &[("s64", u64::MAX)]), 0);
}

#[test]
fn integers_become_floats_with_the_rounding_asked_for() {
    let float = |text: &str, t: &str, n: u64| f32::from_bits(one(text, "f32", &[(t, n)]) as u32);
    assert_eq!(float("cvt.rn.f32.u32 %d, %a;", "u32", 16_777_217), 16_777_216.0);
    assert_eq!(float("cvt.rn.f32.u32 %d, %a;", "u32", 16_777_219), 16_777_220.0);
    assert_eq!(float("cvt.rz.f32.u32 %d, %a;", "u32", 16_777_219), 16_777_218.0);
    assert_eq!(float("cvt.rp.f32.u32 %d, %a;", "u32", 16_777_217), 16_777_218.0);
    assert_eq!(float("cvt.rn.f32.s32 %d, %a;", "s32", 0xffff_ffff), -1.0);
    assert_eq!(float("cvt.rn.f32.u64 %d, %a;", "u64", u64::MAX), 18_446_744_073_709_551_616.0);
    assert_eq!(float("cvt.rz.f32.u64 %d, %a;", "u64", u64::MAX).to_bits(), 0x5f7f_ffff);
    let wide = f64::from_bits(one("cvt.rn.f64.s64 %d, %a;", "f64", &[("s64", 1 << 63)]));
    assert_eq!(wide, -9_223_372_036_854_775_808.0);
}

#[test]
fn doubles_become_singles_and_back() {
    let narrow = |how: &str, x: f64| f32::from_bits(double(&format!("cvt.{how}.f32.f64 %d, %a;"), "f32", x) as u32);
    let x = 1.0 + 2.0_f64.powi(-30);
    assert_eq!(narrow("rn", x), 1.0);
    assert_eq!(narrow("rp", x), 1.0_f32.next_up());
    assert_eq!(narrow("rz", -x), -1.0);
    assert_eq!(narrow("rm", -x), -(1.0_f32.next_up()));
    assert_eq!(narrow("rn", 1e300), f32::INFINITY);
    assert_eq!(narrow("rz", 1e300), f32::MAX);
    assert_eq!(narrow("rn", f64::NAN).to_bits(), 0x7fff_ffff);
    assert_eq!(f64::from_bits(single("cvt.f64.f32 %d, %a;", "f64", 0.1)), f64::from(0.1_f32));
    assert_eq!(single("cvt.sat.f32.f32 %d, %a;", "f32", 7.0), u64::from(1.0_f32.to_bits()));
}
