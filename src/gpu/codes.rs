//! The codes of CUDA's driver: their names, what to do about them, and which of them are for good.
//!
//! Names and numbers: `CUresult` of the CUDA driver API, up to CUDA 13.0.

/// There is no more memory.
pub(crate) const OUT_OF_MEMORY: i32 = 2;

const UNKNOWN: &str = "a code that this library does not know";

/// In ascending order.
#[rustfmt::skip]
const NAMES: &[(i32, &str)] = &[
    (0, "CUDA_SUCCESS"),
    (1, "CUDA_ERROR_INVALID_VALUE"),
    (2, "CUDA_ERROR_OUT_OF_MEMORY"),
    (3, "CUDA_ERROR_NOT_INITIALIZED"),
    (4, "CUDA_ERROR_DEINITIALIZED"),
    (5, "CUDA_ERROR_PROFILER_DISABLED"),
    (6, "CUDA_ERROR_PROFILER_NOT_INITIALIZED"),
    (7, "CUDA_ERROR_PROFILER_ALREADY_STARTED"),
    (8, "CUDA_ERROR_PROFILER_ALREADY_STOPPED"),
    (34, "CUDA_ERROR_STUB_LIBRARY"),
    (36, "CUDA_ERROR_CALL_REQUIRES_NEWER_DRIVER"),
    (46, "CUDA_ERROR_DEVICE_UNAVAILABLE"),
    (47, "CUDA_ERROR_MULTICAST_RESOURCE_FULL"),
    (100, "CUDA_ERROR_NO_DEVICE"),
    (101, "CUDA_ERROR_INVALID_DEVICE"),
    (102, "CUDA_ERROR_DEVICE_NOT_LICENSED"),
    (200, "CUDA_ERROR_INVALID_IMAGE"),
    (201, "CUDA_ERROR_INVALID_CONTEXT"),
    (202, "CUDA_ERROR_CONTEXT_ALREADY_CURRENT"),
    (205, "CUDA_ERROR_MAP_FAILED"),
    (206, "CUDA_ERROR_UNMAP_FAILED"),
    (207, "CUDA_ERROR_ARRAY_IS_MAPPED"),
    (208, "CUDA_ERROR_ALREADY_MAPPED"),
    (209, "CUDA_ERROR_NO_BINARY_FOR_GPU"),
    (210, "CUDA_ERROR_ALREADY_ACQUIRED"),
    (211, "CUDA_ERROR_NOT_MAPPED"),
    (212, "CUDA_ERROR_NOT_MAPPED_AS_ARRAY"),
    (213, "CUDA_ERROR_NOT_MAPPED_AS_POINTER"),
    (214, "CUDA_ERROR_ECC_UNCORRECTABLE"),
    (215, "CUDA_ERROR_UNSUPPORTED_LIMIT"),
    (216, "CUDA_ERROR_CONTEXT_ALREADY_IN_USE"),
    (217, "CUDA_ERROR_PEER_ACCESS_UNSUPPORTED"),
    (218, "CUDA_ERROR_INVALID_PTX"),
    (219, "CUDA_ERROR_INVALID_GRAPHICS_CONTEXT"),
    (220, "CUDA_ERROR_NVLINK_UNCORRECTABLE"),
    (221, "CUDA_ERROR_JIT_COMPILER_NOT_FOUND"),
    (222, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION"),
    (223, "CUDA_ERROR_JIT_COMPILATION_DISABLED"),
    (224, "CUDA_ERROR_UNSUPPORTED_EXEC_AFFINITY"),
    (225, "CUDA_ERROR_UNSUPPORTED_DEVSIDE_SYNC"),
    (226, "CUDA_ERROR_CONTAINED"),
    (227, "CUDA_ERROR_INSUFFICIENT_LOADER_VERSION"),
    (300, "CUDA_ERROR_INVALID_SOURCE"),
    (301, "CUDA_ERROR_FILE_NOT_FOUND"),
    (302, "CUDA_ERROR_SHARED_OBJECT_SYMBOL_NOT_FOUND"),
    (303, "CUDA_ERROR_SHARED_OBJECT_INIT_FAILED"),
    (304, "CUDA_ERROR_OPERATING_SYSTEM"),
    (400, "CUDA_ERROR_INVALID_HANDLE"),
    (401, "CUDA_ERROR_ILLEGAL_STATE"),
    (402, "CUDA_ERROR_LOSSY_QUERY"),
    (500, "CUDA_ERROR_NOT_FOUND"),
    (600, "CUDA_ERROR_NOT_READY"),
    (700, "CUDA_ERROR_ILLEGAL_ADDRESS"),
    (701, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES"),
    (702, "CUDA_ERROR_LAUNCH_TIMEOUT"),
    (703, "CUDA_ERROR_LAUNCH_INCOMPATIBLE_TEXTURING"),
    (704, "CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED"),
    (705, "CUDA_ERROR_PEER_ACCESS_NOT_ENABLED"),
    (708, "CUDA_ERROR_PRIMARY_CONTEXT_ACTIVE"),
    (709, "CUDA_ERROR_CONTEXT_IS_DESTROYED"),
    (710, "CUDA_ERROR_ASSERT"),
    (711, "CUDA_ERROR_TOO_MANY_PEERS"),
    (712, "CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED"),
    (713, "CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED"),
    (714, "CUDA_ERROR_HARDWARE_STACK_ERROR"),
    (715, "CUDA_ERROR_ILLEGAL_INSTRUCTION"),
    (716, "CUDA_ERROR_MISALIGNED_ADDRESS"),
    (717, "CUDA_ERROR_INVALID_ADDRESS_SPACE"),
    (718, "CUDA_ERROR_INVALID_PC"),
    (719, "CUDA_ERROR_LAUNCH_FAILED"),
    (720, "CUDA_ERROR_COOPERATIVE_LAUNCH_TOO_LARGE"),
    (721, "CUDA_ERROR_TENSOR_MEMORY_LEAK"),
    (800, "CUDA_ERROR_NOT_PERMITTED"),
    (801, "CUDA_ERROR_NOT_SUPPORTED"),
    (802, "CUDA_ERROR_SYSTEM_NOT_READY"),
    (803, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH"),
    (804, "CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE"),
    (805, "CUDA_ERROR_MPS_CONNECTION_FAILED"),
    (806, "CUDA_ERROR_MPS_RPC_FAILURE"),
    (807, "CUDA_ERROR_MPS_SERVER_NOT_READY"),
    (808, "CUDA_ERROR_MPS_MAX_CLIENTS_REACHED"),
    (809, "CUDA_ERROR_MPS_MAX_CONNECTIONS_REACHED"),
    (810, "CUDA_ERROR_MPS_CLIENT_TERMINATED"),
    (811, "CUDA_ERROR_CDP_NOT_SUPPORTED"),
    (812, "CUDA_ERROR_CDP_VERSION_MISMATCH"),
    (900, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED"),
    (901, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED"),
    (902, "CUDA_ERROR_STREAM_CAPTURE_MERGE"),
    (903, "CUDA_ERROR_STREAM_CAPTURE_UNMATCHED"),
    (904, "CUDA_ERROR_STREAM_CAPTURE_UNJOINED"),
    (905, "CUDA_ERROR_STREAM_CAPTURE_ISOLATION"),
    (906, "CUDA_ERROR_STREAM_CAPTURE_IMPLICIT"),
    (907, "CUDA_ERROR_CAPTURED_EVENT"),
    (908, "CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD"),
    (909, "CUDA_ERROR_TIMEOUT"),
    (910, "CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE"),
    (911, "CUDA_ERROR_EXTERNAL_DEVICE"),
    (912, "CUDA_ERROR_INVALID_CLUSTER_SIZE"),
    (913, "CUDA_ERROR_FUNCTION_NOT_LOADED"),
    (914, "CUDA_ERROR_INVALID_RESOURCE_TYPE"),
    (915, "CUDA_ERROR_INVALID_RESOURCE_CONFIGURATION"),
    (916, "CUDA_ERROR_KEY_ROTATION"),
    (917, "CUDA_ERROR_STREAM_DETACHED"),
    (918, "CUDA_ERROR_GRAPH_RECAPTURE_FAILURE"),
    (919, "CUDA_ERROR_FABRIC_NOT_READY"),
    (999, "CUDA_ERROR_UNKNOWN"),
];

/// The name of a code, or what stands for those without one.
pub(crate) fn name(code: i32) -> &'static str {
    match NAMES.binary_search_by_key(&code, |(number, _)| *number) {
        Ok(place) => NAMES[place].1,
        Err(_) => UNKNOWN,
    }
}

/// What to do about it, as the end of a sentence: nothing, or something that begins with `: ` or `; `.
pub(crate) fn advice(code: i32) -> &'static str {
    match code {
        1 => ": an argument of the call is wrong; if it was a launch, look at its grid, block and shared memory",
        2 => {
            ": smaller batches, fewer slots or fewer kernels at a time need less memory; another program may hold the rest"
        }
        3 | 4 => ": the driver was used before it started or after it ended, as when a program is ending",
        34 => ": a toolkit's stub stands where the driver's library should; take the stubs out of LD_LIBRARY_PATH",
        36 | 227 => ": install a newer driver",
        46 => {
            ": another process holds the device for itself, or the limit of processes is reached; `nvidia-smi` shows both"
        }
        100 => {
            ": see what `nvidia-smi` lists, whether CUDA_VISIBLE_DEVICES hides it, and whether the \
             container was given it"
        }
        101 => ": there is no device with this index, or it has gone; `nvidia-smi -L` lists those there are",
        200 => ": the text is neither PTX nor a program for a GPU",
        201 => ": the call came on a thread that has no context, or after the device's context was destroyed",
        209 => ": the program was built for other GPUs than this one; give PTX, which the driver compiles for any",
        214 | 220 => ": the hardware failed; `nvidia-smi -q` counts such errors, and a reset of the device may help",
        216 => ": another process has the device in exclusive mode",
        217 | 704 | 705 | 711 => ": these two devices cannot reach each other's memory directly",
        218 => ": the PTX is wrong, or asks for a newer GPU than this one (its `.target`)",
        221 => {
            ": the driver's PTX compiler (libnvidia-ptxjitcompiler) is not installed; the full driver package has it"
        }
        222 => {
            ": the PTX is of a newer version (its `.version`) than this driver takes; make it with a toolkit or an NVRTC no \
             newer than the driver, or install a newer driver"
        }
        223 => ": CUDA_DISABLE_PTX_JIT is set in the environment; unset it",
        300 => ": the source of the kernel is wrong",
        301 => ": a file that the driver needs is not there",
        302 | 303 => ": a library of the driver does not fit it; install the driver anew",
        304 => ": a call to the operating system failed; look at the kernel's log, and at the limits on locked memory",
        400 => ": a handle was used that is none, or that was given back already",
        500 => ": the text has no kernel of this name, or the driver is too old to have the function",
        600 => ": it is not done yet",
        700 => {
            ": a kernel read or wrote outside its memory; check its indices against `Len`, or run the program under \
             `compute-sanitizer`"
        }
        701 => ": a block needs more registers or shared memory than there are; launch fewer threads in a block",
        702 => ": the kernel ran longer than the display's watchdog allows; give it less work at a time",
        708 => ": something else in this process set the device up before",
        709 => ": the device's context was destroyed, or failed before",
        710 => ": an `assert` in a kernel failed; what it said is on the standard output",
        712 | 713 => ": memory of the host was registered twice, or not at all",
        714 => ": the stack of a thread overflowed; the kernel recurses, or its local arrays are too large",
        715 => ": a kernel was compiled for other instructions, or its code was overwritten",
        716 => ": a kernel read or wrote at an address that does not divide by the size of what it reads there",
        717 => ": a kernel used an address of global memory as one of shared or local memory, or the other way round",
        718 => ": a kernel jumped to where no code is",
        719 => ": a kernel failed on the device; run the program under `compute-sanitizer` to see where",
        720 => ": a cooperative launch needs all its blocks on the device at once; launch fewer",
        800 => ": this process may not do that; see the permissions of the device's files",
        801 => ": this device or this driver cannot do that",
        802 => ": the system's GPU services are not ready; on machines with NVSwitch the fabric manager must run",
        803 => {
            ": the driver's library and the driver in the kernel are of different versions; reboot, or install one anew"
        }
        804 => ": the compatibility package of CUDA does not work on this GPU; install a newer driver instead",
        805..=810 => ": the multi-process service (MPS) failed, is not ready, or has no place left",
        912 => ": the cluster of blocks is larger than this device can hold",
        919 => ": the NVLink fabric is not ready yet",
        999 => ": the driver says no more; its messages are in the kernel's log (`dmesg`, lines with NVRM or Xid)",
        _ if name(code) == UNKNOWN => "; a newer CUDA than 13.0 may say what it means",
        _ => "",
    }
}

/// True for the codes after which a context answers nothing else.
pub(crate) fn is_sticky(code: i32) -> bool {
    matches!(code, 4 | 214 | 220 | 226 | 700 | 702 | 709 | 710 | 714..=719 | 721 | 810)
}

#[cfg(test)]
mod tests {
    use super::{NAMES, advice, is_sticky, name};

    #[test]
    fn the_names_are_in_order_and_none_stands_twice() {
        assert!(NAMES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        let mut names: Vec<_> = NAMES.iter().map(|(_, name)| name).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), NAMES.len());
    }

    #[test]
    fn a_code_has_its_name_and_an_unknown_one_says_so() {
        assert_eq!(name(0), "CUDA_SUCCESS");
        assert_eq!(name(700), "CUDA_ERROR_ILLEGAL_ADDRESS");
        assert_eq!(name(919), "CUDA_ERROR_FABRIC_NOT_READY");
        assert_eq!(name(999), "CUDA_ERROR_UNKNOWN");
        for unknown in [i32::MIN, -1, 9, 99, 103, 920, 1000, i32::MAX] {
            assert!(name(unknown).contains("does not know"), "{unknown}: {}", name(unknown));
            assert!(advice(unknown).contains("newer CUDA"), "{unknown}");
        }
    }

    #[test]
    fn advice_ends_a_sentence() {
        for code in -1..1100 {
            let advice = advice(code);
            assert!(advice.is_empty() || advice.starts_with(": ") || advice.starts_with("; "), "{code}: {advice}");
            assert!(!advice.ends_with(['.', ' ', ':', ';']) && !advice.contains("  "), "{code}: {advice}");
        }
    }

    #[test]
    fn what_a_kernel_did_to_its_device_is_for_good_and_a_refused_call_is_not() {
        for code in [700, 710, 714, 715, 716, 717, 718, 719] {
            assert!(is_sticky(code), "{code}");
        }
        for code in [0, 1, 2, 100, 101, 200, 218, 222, 500, 600, 701, 801, 999] {
            assert!(!is_sticky(code), "{code}");
        }
    }
}
