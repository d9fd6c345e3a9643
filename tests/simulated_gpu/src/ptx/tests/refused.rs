//! Texts that are wrong, and where.

use super::{kernel, read};

/// The line and the problem of a kernel whose body begins in line 6.
fn problem(body: &str) -> (u32, String) {
    let refusal = read(&kernel(body), 90).expect_err(body);
    (refusal.line, refusal.problem)
}

#[test]
fn what_is_not_known_is_refused_with_its_line() {
    for (body, part) in [
        ("\n\nwmma.mma %r;", "%r"),
        ("\n\nfrob.u32;", "frob.u32"),
        (".reg .b32 %r;\n\nadd.u32 %r, %r, %s;", "Unknown symbol '%s'"),
        (".reg .b32 %r;\n\nadd.u32 %r, %r;", "add.u32"),
        (".reg .b32 %r;\n\nadd.u32.wrong %r, %r, 1;", ".wrong"),
        (".reg .f32 %r;\n\nadd.u32 %r, %r, 1;", "a register of type .f32"),
        (".reg .b64 %r;\n\nadd.u32 %r, %r, 1;", "a register of type .b64"),
        (".reg .f32 %r;\n\ndiv.f32 %r, %r, %r;", "Rounding modifier required"),
        (".reg .f32 %r;\n\nadd.f32 %r, %r, 1;", "an integer where a floating point number"),
        (".reg .f32 %r; .reg .b32 %s;\n\ncvt.s32.f32 %s, %r;", "cvt.s32.f32"),
        (".reg .f32 %r; .reg .f64 %s;\n\ncvt.f32.f64 %r, %s;", "cvt.f32.f64"),
        ("\n\nbra nowhere;", "Unknown symbol 'nowhere'"),
        ("\na:\na:", "Duplicate definition of label 'a'"),
        (".reg .b32 %r;\n\n.reg .b32 %r;", "Duplicate definition"),
        ("\n\n.reg .b8 %r;", ".b8"),
        ("\n\nmov.u32", "operand"),
    ] {
        let (line, problem) = problem(body);
        assert!(problem.contains(part), "{body}: {problem}");
        assert!((7..10).contains(&line), "{body}: line {line}");
    }
}

#[test]
fn a_version_or_a_target_from_the_future_is_refused() {
    let text = |version, target| format!(".version {version}\n.target {target}\n.address_size 64\n");
    assert!(read(&text("9.0", "sm_90"), 90).is_ok());
    assert!(read(&text("9.0", "sm_90a"), 90).is_ok());
    assert!(read(&text("9.1", "sm_90"), 90).expect_err("too new").too_new);
    let refusal = read(&text("9.0", "sm_100"), 90).expect_err("too new");
    assert!(!refusal.too_new && refusal.problem.contains("higher"), "{refusal}");
    for wrong in
        ["", "hello", ".target sm_90", ".version 9.0", ".version 9.0\n.target x", "\u{0}\u{1}", ".version 9.0 /*"]
    {
        assert!(read(wrong, 90).is_err(), "{wrong}");
    }
}

/// Any text cut off anywhere, or with any character replaced, is taken or refused, and never a panic.
#[test]
fn damaged_texts_are_no_panics() {
    for text in [include_str!("../../../data/saxpy.ptx"), include_str!("../../../data/matmul.ptx")] {
        for at in 0..text.len() {
            let _ = read(&text[..at], 90);
        }
        let mut random = crate::random::Random::new(1);
        for _ in 0..3000 {
            let mut bytes = text.as_bytes().to_vec();
            for _ in 0..3 {
                let at = random.below(bytes.len() as u64) as usize;
                bytes[at] = random.below(128) as u8;
            }
            let _ = read(&String::from_utf8_lossy(&bytes), 90);
        }
    }
}
