struct Image {
    pixels: Vec<u8>,
}

#[aqueduct::remote]
fn black(size: usize) -> Image {
    Image { pixels: vec![0; size] }
}

#[aqueduct::remote]
async fn white(size: usize) -> Image {
    Image { pixels: vec![255; size] }
}

fn main() {}
