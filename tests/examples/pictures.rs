//! Programs that draw: the picture is what the mathematics says, however the work is divided.

use std::fs;
use std::path::{Path, PathBuf};

use super::gpu_examples::mandelbrot::fractal;
use super::{failed, printed, run};

fn file(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("examples").join("pictures");
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join(name);
    let _ = fs::remove_file(&file);
    file
}

#[test]
fn the_farm_draws_the_same_mandelbrot_set_with_any_number_of_workers() {
    let picture = fractal::Picture { width: 90, height: 60, iterations: 100 };
    let right: Vec<u8> = (0..60).flat_map(|y| picture.row(y)).collect();
    assert!(right.iter().any(|byte| *byte > 0) && right.chunks(3).any(|pixel| pixel == [0; 3]));
    for workers in ["1", "2", "7", "100"] {
        let file = file(&format!("{workers}.png"));
        let out = file.to_str().unwrap();
        let output = run("mandelbrot", &["--size", "90", "--iterations", "100", "--workers", workers, "--out", out]);
        assert!(output.status.success(), "{output:?}");
        let drawn = image::open(&file).unwrap().into_rgb8();
        assert_eq!(drawn.dimensions(), (90, 60));
        assert!(drawn.into_raw() == right, "{workers} workers");

        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.starts_with("90 x 60 pixels in ") && text.contains(&format!("farm of {workers}")), "{text}");
        assert!(text.contains("p0 -->|\"out\"| p1"), "{text}");
        let progress = String::from_utf8(output.stderr).unwrap();
        assert_eq!(progress, "15 of 60 rows\n30 of 60 rows\n45 of 60 rows\n60 of 60 rows\n", "no terminal, so lines");
    }
}

#[test]
fn the_smallest_picture_can_be_drawn() {
    let file = file("smallest.png");
    let output = run("mandelbrot", &["--size", "3", "--iterations", "1", "--out", file.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(image::open(&file).unwrap().into_rgb8().dimensions(), (3, 2));
}

#[test]
fn a_picture_that_cannot_be_written_is_an_error() {
    let file = file("no folder").join("picture.png");
    let (text, complaint) = failed("mandelbrot", &["--size", "9", "--out", file.to_str().unwrap()]);
    assert!(text.is_empty() && complaint.contains("error: cannot write ") && complaint.contains("picture.png"));
}

/// The left and the right half of each line of a world.
fn before_and_after(text: &str, name: &str) -> (Vec<String>, Vec<String>) {
    let worlds = text.split_once(name).unwrap().1;
    let lines = worlds.split("\n\n").nth(1).unwrap().lines();
    lines.map(|line| line.split_once("    ").map(|(left, right)| (left.to_owned(), right.to_owned())).unwrap()).unzip()
}

#[test]
fn a_glider_comes_home_in_any_number_of_strips() {
    for strips in ["1", "2", "3", "31", "32"] {
        let text = printed("game_of_life", &["128", strips]);
        let (before, after) = before_and_after(&text, "a glider");
        assert_eq!(before.len(), 16, "{text}");
        assert_eq!(before, after, "{text}");
        assert_eq!(before.concat().replace("·", ""), "▀▄▀▀▀", "{text}");
    }
}

#[test]
fn a_glider_walks_one_cell_down_and_right_in_four_generations() {
    let text = printed("game_of_life", &["8"]);
    let (before, after) = before_and_after(&text, "a glider");
    let column =
        |world: &[String]| world[..].iter().find_map(|line| line.chars().position(|sign| sign != '·')).unwrap();
    let row = |world: &[String]| world.iter().position(|line| line.chars().any(|sign| sign != '·')).unwrap();
    // Two cells of the world stand in one line of the picture.
    assert_eq!((column(&after), row(&after)), (column(&before) + 2, row(&before) + 1), "{text}");
}

#[test]
fn a_random_world_depends_on_its_seed_and_not_on_the_strips() {
    let world = |strips, seed| before_and_after(&printed("game_of_life", &["50", strips, seed]), "a random world");
    assert_eq!(world("1", "7"), world("13", "7"));
    assert_ne!(world("4", "7"), world("4", "8"));
    let (before, after) = before_and_after(&printed("game_of_life", &["0"]), "a random world");
    assert_eq!(before, after);
}
