//! A picture, tile by tile: the lens of an old camera, sharp in the middle and soft at the edges, by worker processes.
//!
//! ```text
//! cargo run --release --example image_tiles -- [--in FILE] [--size N] [--tile N] [--blur N] [--workers N] [--out FILE]
//! ```
//!
//! Read [`lens`] first: the picture is captured data, sent to each worker once; an item is a tile, and a result its pixels. The
//! tiles at the edge take much longer than those in the middle, and come in any order: they say where they belong. The other
//! module, [`options`], reads the command line.
//!
//! The result is compared, pixel by pixel, with that of a plain loop.

use std::{env, error::Error, fmt::Write as _, process::ExitCode, time::Instant};

use aqueduct::cluster::with;
use image::{ImageFormat, RgbImage};
use lens::{Lens, Tile, tiles};
use options::{Command, Options};

#[path = "../common/mod.rs"]
mod common;
pub(crate) mod lens;
pub(crate) mod options;

/// What is to be seen where no picture is given: fields of a chess board in all colours, and a disc on each.
fn painted(size: u32) -> RgbImage {
    RgbImage::from_fn(size, size * 2 / 3, |x, y| {
        const FIELD: u32 = 48;
        let (column, row) = (x / FIELD, y / FIELD);
        let (dx, dy) = (x as i64 % 48 - 24, y as i64 % 48 - 24);
        let bright = (dx * dx + dy * dy < 256) != (column + row).is_multiple_of(2);
        let colour = [40 * column % 256, 40 * row % 256, 90 * (column + row) % 256];
        image::Rgb(colour.map(|part| if bright { 255 - part as u8 / 4 } else { part as u8 / 2 }))
    })
}

async fn draw(options: Options, report: &mut String) -> Result<(), Box<dyn Error>> {
    let original = match &options.input {
        None => painted(options.size),
        Some(path) => image::open(path).map_err(|error| format!("cannot read {path:?}: {error}"))?.into_rgb8(),
    };
    let (width, height) = original.dimensions();
    let lens = Lens { width, height, blur: options.blur, pixels: original.into_raw() };
    let all = Tile { left: 0, top: 0, width, height };

    let cluster = common::cluster(options.workers).await?;
    let mut picture = RgbImage::new(width, height);
    let tiles = tiles(all, options.tile);
    let count = tiles.len();
    let began = Instant::now();
    let mut drawn = cluster.map(with(lens.clone(), Lens::draw), tiles).unordered().progress("tiles");
    while let Some(result) = drawn.next().await {
        let (tile, pixels) = result?;
        let part = RgbImage::from_raw(tile.width, tile.height, pixels).ok_or("a tile has too few pixels")?;
        image::imageops::replace(&mut picture, &part, tile.left.into(), tile.top.into());
    }
    let distributed = began.elapsed().as_secs_f64() * 1000.0;
    let summary = cluster.shutdown().await;

    let began = Instant::now();
    let (_, right) = lens.draw(all);
    let serial = began.elapsed().as_secs_f64() * 1000.0;
    if picture.as_raw() != &right {
        return Err("the tiles do not make the picture of a plain loop".into());
    }
    picture
        .save_with_format(&options.out, ImageFormat::Png)
        .map_err(|error| format!("cannot write {:?}: {error}", options.out))?;
    writeln!(report, "{width} x {height} pixels, {count} tiles, in {}", options.out.display())?;
    writeln!(
        report,
        "on the cluster: {distributed:.0} ms; a plain loop: {serial:.0} ms, the same pixels\n\n{summary}"
    )?;
    Ok(())
}

#[aqueduct::main]
async fn main() -> ExitCode {
    match options::parse(env::args_os().skip(1)) {
        Ok(Command::Help) => common::print(options::HELP),
        Ok(Command::Draw(options)) => {
            let mut report = String::new();
            let result = draw(options, &mut report).await;
            common::finish(result, &report)
        }
        Err(error) => {
            common::complain(format_args!("error: {error}; `--help` tells more"));
            ExitCode::from(2)
        }
    }
}
