//! Programs with worker processes: the answer is that of one process, however many there are.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{failed, numbers, printed, programs, run};

#[allow(dead_code, reason = "only the computation is used")]
#[path = "../../examples/image_tiles/lens.rs"]
mod lens;

/// A new directory with these files.
fn folder(name: &str, files: &[(&str, &[u8])]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("examples").join("clusters").join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("below")).unwrap();
    for (name, text) in files {
        fs::write(folder.join(name), text).unwrap();
    }
    folder
}

/// The line that begins so.
fn line<'a>(text: &'a str, start: &str) -> &'a str {
    text.lines().find(|line| line.trim_start().starts_with(start)).unwrap_or_else(|| panic!("no {start:?} in\n{text}"))
}

#[test]
fn the_darts_give_the_same_pi_by_any_number_of_workers() {
    let texts = ["1", "2", "3"].map(|workers| printed("pi_map", &["12", workers]));
    for (text, workers) in texts.iter().zip(1..) {
        assert_eq!(line(text, "pi is about"), line(&texts[0], "pi is about"), "{text}");
        assert!(line(text, "6,000,000 darts").contains("; on one core about "), "{text}");
        assert!(line(text, "12 tasks in").contains(&format!(" on {workers} worker")), "{text}");
    }
    let pi: f64 = line(&texts[0], "pi is about").split_whitespace().nth(3).unwrap().parse().unwrap();
    assert!((pi - std::f64::consts::PI).abs() < 0.01, "{pi}");
}

#[test]
fn progress_is_told_in_lines_where_there_is_no_terminal() {
    let output =
        Command::new(programs().join("pi_map")).args(["4", "1"]).env("AQUEDUCT_PROGRESS", "plain").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.lines().last().unwrap().starts_with("darts: 4 in "), "{told}");
}

#[test]
fn a_tree_of_tasks_grows_to_its_leaves_even_on_one_worker() {
    let text = printed("nested_tree", &["6", "3"]);
    let grown: Vec<Vec<u64>> = text.lines().filter(|line| line.starts_with("workers: ")).map(numbers).collect();
    assert_eq!(grown.len(), 3, "{text}");
    for (grown, workers) in grown.iter().zip(1..) {
        assert_eq!(grown[..3], [workers, 64, 127], "workers, leaves and tasks:\n{text}");
    }
    assert_eq!(text.matches("127 tasks in ").count(), 3, "the cluster counts the same:\n{text}");
    assert_eq!(numbers(line(&printed("nested_tree", &["0", "1"]), "workers: 1"))[..3], [1, 1, 1]);
}

#[test]
fn words_of_all_files_are_counted_and_those_in_directories_below() {
    let folder = folder("words", &[("one", b"b a C a"), ("below/two", b"c b\xffd C! E-e"), ("empty", b"")]);
    for workers in ["1", "2"] {
        let text = printed("word_count", &[folder.to_str().unwrap(), workers]);
        let (table, rest) = text.split_once("\n\n").unwrap();
        let words: Vec<(u64, &str)> =
            table.lines().map(|line| (numbers(line)[1], line.split_whitespace().last().unwrap())).collect();
        // By count, and by the alphabet where the counts are the same.
        assert_eq!(words, [(3, "c"), (2, "a"), (2, "b"), (2, "e"), (1, "d")], "{text}");
        assert!(rest.starts_with("files: 3, bytes: 19\nwords: 10, distinct: 5\n"), "{text}");
    }
}

#[test]
fn the_sources_of_this_library_are_counted_when_nothing_is_named() {
    let text = printed("word_count", &[]);
    assert_eq!(text.split("\n\n").next().unwrap().lines().count(), 10, "{text}");
    assert!(numbers(&line(&text, "files: ").replace(", ", " "))[0] > 100, "{text}");
}

#[test]
fn where_no_file_can_be_counted_that_is_an_error_with_its_reason() {
    let empty = folder("nothing", &[]);
    let missing = empty.join("missing");
    let (_, complaint) = failed("word_count", &[missing.to_str().unwrap(), "1"]);
    assert!(complaint.starts_with("cannot read ") && complaint.contains("missing"), "{complaint}");
    let (_, complaint) = failed("word_count", &[empty.to_str().unwrap(), "1"]);
    assert_eq!(complaint, "error: no file could be counted\n");
}

#[test]
fn evolution_is_the_same_in_a_loop_on_threads_and_by_1_2_and_4_workers() {
    let course = |arguments: &[&str]| -> Vec<Vec<u64>> {
        let text = printed("onemax", arguments);
        for way in ["a plain loop", "threads: ", "worker processes: 1", "worker processes: 2", "worker processes: 4"] {
            assert!(line(&text, way).ends_with(" ms"), "{text}");
        }
        text.lines().skip(1).take_while(|line| !line.is_empty()).map(numbers).collect()
    };
    // DEAP's figures.
    let deap = course(&["300", "40", "64"]);
    assert_eq!(deap.len(), 41);
    assert_eq!(deap[0][1], 300, "at first all are evaluated");
    assert!(deap[1..].iter().all(|generation| (100..250).contains(&generation[1])), "later, those who have changed");
    let best = |generation: &Vec<u64>| generation[2];
    assert!(best(&deap[0]) < 80 && best(&deap[40]) >= 95, "it has evolved: {deap:?}");
    assert_eq!(course(&["40", "3", "7"]), course(&["40", "3", "7"]));
    assert_ne!(course(&["40", "3", "7"]), course(&["40", "3", "8"]));
}

#[test]
fn queens_are_counted_and_one_solution_is_found() {
    for (side, solutions) in [("1", 1), ("2", 0), ("4", 2), ("8", 92)] {
        let text = printed("tree_search", &[side, "0", "2"]);
        let counted = numbers(line(&text, &format!("a board of {side} has ")).split_once(" has ").unwrap().1)[0];
        assert_eq!(counted, solutions, "{text}");
        let queens = text.matches(" Q").count();
        assert_eq!(queens, if side == "1" { 0 } else { 2 * side.parse::<usize>().unwrap() }, "{text}");
    }
    let text = printed("tree_search", &["5", "200", "1"]);
    assert!(text.contains("a board of 5 has 0 solutions"), "nothing but holes:\n{text}");
}

#[test]
fn tiles_of_any_size_by_any_number_of_workers_make_the_picture_of_one_piece() {
    let folder = folder("tiles", &[]);
    let original = folder.join("original.png");
    let lens = lens::Lens {
        width: 50,
        height: 31,
        blur: 9,
        pixels: (0..50 * 31 * 3_u32).map(|n| (n * n % 251) as u8).collect(),
    };
    image::RgbImage::from_raw(50, 31, lens.pixels.clone()).unwrap().save(&original).unwrap();
    let (_, right) = lens.draw(lens::Tile { left: 0, top: 0, width: 50, height: 31 });
    assert_ne!(right, lens.pixels);
    for (tile, workers, tiles) in [("7", "1", 40), ("16", "2", 8), ("1000", "3", 1)] {
        let out = folder.join(format!("{tile}.png"));
        let text = printed(
            "image_tiles",
            &[
                "--in",
                original.to_str().unwrap(),
                "--blur",
                "9",
                "--tile",
                tile,
                "--workers",
                workers,
                "--out",
                out.to_str().unwrap(),
            ],
        );
        assert!(text.starts_with(&format!("50 x 31 pixels, {tiles} tiles, in ")), "{text}");
        assert!(image::open(&out).unwrap().into_rgb8().into_raw() == right, "tiles of {tile}");
    }
}

#[test]
fn a_picture_of_its_own_is_painted_where_none_is_given() {
    let out = folder("painted", &[]).join("painted.png");
    let text =
        printed("image_tiles", &["--size", "90", "--blur", "5", "--workers", "1", "--out", out.to_str().unwrap()]);
    assert!(text.starts_with("90 x 60 pixels, 2 tiles, in "), "{text}");
    let drawn = image::open(&out).unwrap().into_rgb8();
    let colours: std::collections::HashSet<_> = drawn.pixels().collect();
    assert!(colours.len() > 100, "{} colours", colours.len());
}

#[test]
fn pictures_that_cannot_be_read_or_written_are_errors() {
    let folder = folder("unreadable", &[("picture.png", b"no picture")]);
    for name in ["picture.png", "missing.png"] {
        let (text, complaint) = failed("image_tiles", &["--in", folder.join(name).to_str().unwrap()]);
        assert!(
            text.is_empty() && complaint.starts_with("error: cannot read ") && complaint.contains(name),
            "{complaint}"
        );
    }
    let out = folder.join("no folder").join("picture.png");
    let (text, complaint) = failed("image_tiles", &["--size", "9", "--workers", "1", "--out", out.to_str().unwrap()]);
    assert!(text.is_empty() && complaint.contains("error: cannot write "), "{complaint}");
}

#[test]
fn every_call_of_the_service_is_answered_rightly() {
    for workers in ["1", "2"] {
        let text = printed("cluster_service", &["7", "5", workers]);
        assert!(text.starts_with("35 requests answered, and every answer checked: "), "{text}");
        assert!(line(&text, "35 tasks in").contains(&format!(" on {workers} worker")), "{text}");
        for edge in ["p0 -->|\"numbers (100)\"| p1", "p1 -->|\"factors\"| p0", "unordered map factors"] {
            assert!(text.contains(edge), "{edge} in\n{text}");
        }
    }
    assert!(printed("cluster_service", &["3", "0", "1"]).starts_with("0 requests answered"));
}

#[test]
fn a_number_of_workers_in_the_environment_that_is_none_is_an_error() {
    let output = Command::new(programs().join("pi_map")).arg("1").env("AQUEDUCT_WORKERS", "many").output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(complaint.starts_with("error: AQUEDUCT_WORKERS is \"many\""), "{complaint}");
}

#[test]
fn word_count_and_image_tiles_refuse_what_they_do_not_know() {
    for (program, arguments, complaint) in [
        ("word_count", &["src", "many"][..], "WORKERS takes a whole number from 0 to 64, not \"many\""),
        ("word_count", &["src", "65"], "WORKERS takes a whole number from 0 to 64, not \"65\""),
        ("word_count", &["src", "1", "more"], "there is no place for \"more\""),
        ("image_tiles", &["--colour"], "there is no option \"--colour\""),
        ("image_tiles", &["--in"], "--in needs a file after it"),
        ("image_tiles", &["--tile"], "--tile needs a number after it"),
        ("image_tiles", &["--tile", "0"], "--tile takes a whole number from 1 to 16384, not \"0\""),
    ] {
        let output = run(program, arguments);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(told.starts_with(&format!("error: {complaint}")), "{told}");
    }
}
