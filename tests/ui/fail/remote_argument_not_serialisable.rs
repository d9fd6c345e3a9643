struct Image {
    pixels: Vec<u8>,
}

#[aqueduct::remote]
fn brightness(scale: u64, image: Image) -> u64 {
    scale * image.pixels.len() as u64
}

fn main() {}
