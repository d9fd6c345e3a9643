#[aqueduct::remote]
unsafe fn read(address: u64) -> u8 {
    unsafe { *(address as *const u8) }
}

fn main() {}
