#[derive(serde::Serialize)]
struct Image {
    pixels: Vec<u8>,
}

#[aqueduct::remote]
async fn brightness(image: Image) -> u64 {
    image.pixels.len() as u64
}

fn main() {}
