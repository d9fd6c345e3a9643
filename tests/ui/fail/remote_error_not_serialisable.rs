// An error goes back to the driver too.
#[aqueduct::remote]
fn size(path: String) -> std::io::Result<u64> {
    Ok(std::fs::metadata(path)?.len())
}

fn main() {}
