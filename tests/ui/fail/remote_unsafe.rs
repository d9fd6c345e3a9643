#[aqueduct::remote]
unsafe fn read(address: u64) -> u8 {
    address as u8
}

fn main() {}
