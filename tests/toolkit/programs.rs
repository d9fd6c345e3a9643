//! Programs of the system as processes: real programs, real pipes, and no zombies.
#![cfg(unix)]

use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use aqueduct::prelude::*;
use aqueduct::toolkit::*;
use aqueduct::{Ended, Handle};

use crate::{cause, on_runtime};

fn shell(script: &str) -> Program {
    Program::new("sh").args(["-c", script])
}

fn lines(count: usize) -> impl Iterator<Item = String> + Send {
    (0..count).map(|n| format!("line {n}"))
}

/// Waits until the system has forgotten a program: it has ended, and it is no zombie.
async fn gone(pid: &str) {
    if !cfg!(target_os = "linux") {
        println!("not checked for zombies: there is no /proc here");
        return;
    }
    let entry = PathBuf::from("/proc").join(pid);
    while entry.exists() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn command_error(error: &ProcessError) -> &CommandError {
    error.cause().error().and_then(|error| error.downcast_ref()).expect("a CommandError")
}

#[test]
fn cat_gives_back_what_it_gets() {
    on_runtime(async {
        let (a, a_rx) = aqueduct::channel();
        let (b, b_rx) = aqueduct::channel::<String>();
        let network = par!(generate(lines(5000), a), command_filter(Program::new("cat"), a_rx, b), collect(b_rx));
        let ((), status, back) = network.await.unwrap();
        assert!(status.success());
        assert!(back.into_iter().eq(lines(5000)));
    });
}

#[test]
fn bytes_come_as_they_are_and_pieces_are_bounded() {
    on_runtime(async {
        let bytes: Vec<u8> = (0..1_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let (a, a_rx) = aqueduct::channel();
        let (b, b_rx) = aqueduct::channel::<Vec<u8>>();
        let pieces: Vec<Vec<u8>> = bytes.chunks(777).map(<[u8]>::to_vec).collect();
        let network = par!(generate(pieces, a), command_filter(Program::new("cat"), a_rx, b), collect(b_rx));
        let back = network.await.unwrap().2;
        assert!(back.iter().all(|piece| !piece.is_empty() && piece.len() <= 1 << 20));
        assert!(back.concat() == bytes);
    });
}

#[test]
fn sort_sorts_once_its_input_has_retired() {
    on_runtime(async {
        let (a, a_rx) = aqueduct::channel();
        let (b, b_rx) = aqueduct::channel::<String>();
        let numbers = [17, 4, 230, 1].map(|n| n.to_string());
        let sort = Program::new("sort").arg("-n").must_succeed();
        let (_, _, sorted) = par!(generate(numbers, a), command_filter(sort, a_rx, b), collect(b_rx)).await.unwrap();
        assert_eq!(sorted, ["1", "4", "17", "230"]);
    });
}

#[test]
fn a_line_reaches_the_program_though_no_other_follows() {
    on_runtime(async {
        let (a, a_rx) = aqueduct::channel();
        let (b, b_rx) = aqueduct::channel::<String>();
        let running = command_filter(shell("while read n; do echo $((n + 1)); done"), a_rx, b).spawn();
        let mut n = 0;
        for _ in 0..20 {
            a.send(n.to_string()).await.unwrap();
            n = b_rx.recv().await.unwrap().parse().unwrap();
        }
        assert_eq!(n, 20);
        drop(a);
        assert!(running.await.unwrap().success());
    });
}

#[test]
fn the_exit_status_is_the_value_whatever_it_is() {
    on_runtime(async {
        let (tx, rx) = aqueduct::channel::<String>();
        let (status, said) = par!(
            command_source(shell("echo $GREETING; pwd; exit 42").env("GREETING", "hello").current_dir("/"), tx),
            collect(rx)
        )
        .await
        .unwrap();
        assert_eq!(status.code(), Some(42));
        assert_eq!(said, ["hello", "/"]);
        let (tx, rx) = aqueduct::channel::<String>();
        let status = par!(command_source(shell("kill -9 $$"), tx), discard(rx)).await.unwrap().0;
        assert_eq!(status.signal(), Some(9));
    });
}

#[test]
fn a_program_that_must_succeed_and_does_not_poisons_what_it_has_said() {
    on_runtime(async {
        let (tx, rx) = aqueduct::channel::<String>();
        let running = command_source(shell("echo half of it; exit 3").must_succeed(), tx).spawn();
        assert_eq!(rx.recv().await.unwrap(), "half of it");
        assert!(cause(rx.recv().await).contains("`sh` did not succeed"));
        let error = running.await.unwrap_err();
        assert!(matches!(command_error(&error), CommandError::Failed { status, .. } if status.code() == Some(3)));
        // Not if its reader has left.
        let (tx, rx) = aqueduct::channel::<String>();
        let endless = shell("while echo yes; do :; done").must_succeed();
        let (status, said) = par!(command_source(endless, tx), collect_first(3, rx)).await.unwrap();
        assert_eq!(said, ["yes"; 3]);
        assert!(!status.success());
    });
}

#[test]
fn a_program_that_is_not_there_is_a_clear_error() {
    on_runtime(async {
        let (_a, a_rx) = aqueduct::channel::<String>();
        let (b, b_rx) = aqueduct::channel::<String>();
        let error = command_filter(Command::new("no-such-program"), a_rx, b).await.unwrap_err();
        assert!(matches!(command_error(&error), CommandError::NotStarted { .. }));
        assert!(error.to_string().contains("cannot start `no-such-program`"), "{error}");
        assert!(cause(b_rx.recv().await).contains("no-such-program"));
    });
}

#[test]
fn when_the_program_exits_its_input_retires_though_more_would_come() {
    on_runtime(async {
        // It reads one line and goes; it reads nothing and goes.
        for script in ["read line", "true"] {
            let (a, a_rx) = aqueduct::channel::<String>();
            let running = command_sink(shell(script), a_rx).spawn();
            let mut sent = 0;
            while a.send(format!("line {sent}")).await.is_ok() {
                sent += 1;
            }
            assert_eq!(a.closed().await, Ended::Retired);
            assert!(running.await.unwrap().success());
            // And when nothing is sent at all.
            let (a, a_rx) = aqueduct::channel::<String>();
            let running = command_sink(shell("true"), a_rx).spawn();
            assert_eq!(a.closed().await, Ended::Retired);
            assert!(running.await.unwrap().success());
        }
    });
}

#[test]
fn a_program_that_closes_its_output_and_works_on_has_retired_it() {
    on_runtime(async {
        let (a, a_rx) = aqueduct::channel::<String>();
        let (b, b_rx) = aqueduct::channel::<String>();
        let running = command_filter(shell("echo done; exec >&-; read line; exit 5"), a_rx, b).spawn();
        assert_eq!(b_rx.recv().await.unwrap(), "done");
        assert_eq!(b_rx.recv().await, Err(Ended::Retired));
        a.send("go".to_owned()).await.unwrap();
        assert_eq!(running.await.unwrap().code(), Some(5));
    });
}

#[test]
fn the_three_streams_do_not_wait_for_each_other() {
    on_runtime(async {
        // It fills its standard error, more than a pipe holds, while nobody reads its output; then the other way round.
        for (first, second) in [(1, 2), (2, 1)] {
            let (a, a_rx) = aqueduct::channel::<String>();
            let (out, out_rx) = aqueduct::channel::<String>();
            let (errors, errors_rx) = aqueduct::channel::<String>();
            let script = format!("read go; echo small >&{second}; seq 20000 >&{first}; echo small >&{second}");
            let running = run_command(shell(&script), a_rx, out, errors).spawn();
            let (long, short) = if first == 1 { (out_rx, errors_rx) } else { (errors_rx, out_rx) };
            a.send("go".to_owned()).await.unwrap();
            // The short one is not received until the long one is through, but for what blocks: its pipe has room.
            let mut count = 0;
            while count < 20_000 {
                count += 1;
                assert_eq!(long.recv().await.unwrap(), count.to_string());
            }
            assert_eq!(collect(short).await.unwrap(), ["small"; 2]);
            assert!(long.recv().await.unwrap_err().is_retired());
            assert!(running.await.unwrap().success());
        }
    });
}

#[test]
fn a_program_stuck_on_a_stream_that_nobody_reads_can_be_cancelled_and_poisoned() {
    on_runtime(async {
        for poisoned in [false, true] {
            let (_a, a_rx) = aqueduct::channel::<String>();
            let (out, out_rx) = aqueduct::channel::<String>();
            let (errors, errors_rx) = aqueduct::channel::<String>();
            let script = "echo $$; seq 20000 >&2; echo never";
            let running = run_command(shell(script), a_rx, out, errors).spawn();
            let pid = out_rx.recv().await.unwrap();
            if poisoned {
                out_rx.poison("out of paper");
                assert!(running.await.unwrap_err().to_string().contains("out of paper"));
                assert!(cause(errors_rx.recv().await).contains("out of paper"));
            } else {
                running.abort();
                assert!(running.await.unwrap_err().cause().is_cancelled());
                assert!(errors_rx.recv().await.unwrap_err().is_poisoned());
            }
            gone(&pid).await;
        }
    });
}

/// Starts a program that tells its number and then neither reads, writes nor ends.
async fn silent() -> (Handle<std::process::ExitStatus>, String, Sender<String>, Receiver<String>, Receiver<String>) {
    let (a, a_rx) = aqueduct::channel();
    let (out, out_rx) = aqueduct::channel();
    let (errors, errors_rx) = aqueduct::channel();
    let running = run_command(shell("echo $$; exec sleep 1000"), a_rx, out, errors).spawn();
    let pid = out_rx.recv().await.unwrap();
    (running, pid, a, out_rx, errors_rx)
}

#[test]
fn cancelled_it_kills_the_program_and_leaves_no_zombie() {
    on_runtime(async {
        let (running, pid, a, out, errors) = silent().await;
        running.abort();
        assert!(running.await.unwrap_err().cause().is_cancelled());
        gone(&pid).await;
        assert!(a.closed().await.is_poisoned());
        assert!(out.recv().await.unwrap_err().is_poisoned());
        assert!(errors.recv().await.unwrap_err().is_poisoned());
    });
}

#[test]
fn a_poison_of_any_stream_kills_a_silent_program_and_goes_on_to_the_others() {
    on_runtime(async {
        for broken in 0..3 {
            let (running, pid, a, out, errors) = silent().await;
            match broken {
                0 => a.poison("out of paper"),
                1 => out.poison("out of paper"),
                _ => errors.poison("out of paper"),
            }
            assert!(running.await.unwrap_err().to_string().contains("out of paper"));
            gone(&pid).await;
            assert!(cause::<()>(Err(a.closed().await)).contains("out of paper"));
            assert!(cause(out.recv().await).contains("out of paper"));
            assert!(cause(errors.recv().await).contains("out of paper"));
        }
    });
}

#[test]
fn a_poison_of_the_input_kills_a_program_that_does_not_read() {
    on_runtime(async {
        // The pipe is full, so the pump waits there, and does not look at the channel.
        let (a, a_rx) = aqueduct::channel::<Vec<u8>>();
        let (out, out_rx) = aqueduct::channel::<String>();
        let running = command_filter(shell("echo $$; exec sleep 1000"), a_rx, out).spawn();
        let pid = out_rx.recv().await.unwrap();
        a.send(vec![b'x'; 1 << 20]).await.unwrap();
        a.poison("out of paper");
        assert!(running.await.unwrap_err().to_string().contains("out of paper"));
        gone(&pid).await;
    });
}

#[test]
fn dropped_unstarted_it_starts_nothing() {
    on_runtime(async {
        let (a, a_rx) = aqueduct::channel::<String>();
        let (out, out_rx) = aqueduct::channel::<String>();
        drop(command_filter(Program::new("no-such-program"), a_rx, out));
        assert!(a.closed().await.is_poisoned());
        assert!(out_rx.recv().await.unwrap_err().cause().unwrap().is_cancelled());
    });
}

#[test]
fn an_output_that_is_not_text_or_has_too_long_a_line_is_an_error_that_names_the_line() {
    on_runtime(async {
        let (tx, rx) = aqueduct::unbounded::<String>();
        let error = command_source(shell(r"echo fine; printf '\377\n'; exec sleep 1000"), tx).await.unwrap_err();
        assert!(error.to_string().contains("line 2 of the standard output of `sh` is not UTF-8"), "{error}");
        assert!(rx.ended().is_some_and(|ended| ended.is_poisoned()));
        let (tx, _rx) = aqueduct::unbounded::<String>();
        let endless = shell("while printf x; do :; done").line_limit(1000);
        let error = command_source(endless, tx).await.unwrap_err();
        assert!(
            error.to_string().contains("line 1 of the standard output of `sh` has more than 1000 bytes"),
            "{error}"
        );
        // Bytes are not asked to be text.
        let (tx, rx) = aqueduct::channel::<Vec<u8>>();
        let bytes = par!(command_source(shell(r"printf '\377\376'"), tx), collect(rx)).await.unwrap().1.concat();
        assert_eq!(bytes, [0xff, 0xfe]);
    });
}

#[test]
fn a_cancelled_composition_with_a_program_hangs_nobody_at_any_poll() {
    // Dropped after so many polls of the whole: before the program was started, while it is being fed, near its end.
    for polls in 0..40 {
        on_runtime(async move {
            let (a, a_rx) = aqueduct::channel();
            let (b, b_rx) = aqueduct::channel::<String>();
            let source = generate(lines(10), a).spawn();
            let sink = collect(b_rx).spawn();
            let mut running =
                Box::pin(std::future::IntoFuture::into_future(par!(command_filter(Program::new("cat"), a_rx, b))));
            let mut done = false;
            for _ in 0..polls {
                done = std::future::poll_fn(|cx| {
                    std::task::Poll::Ready(std::future::Future::poll(running.as_mut(), cx).is_ready())
                })
                .await;
                if done {
                    break;
                }
                tokio::time::sleep(Duration::from_micros(200)).await;
            }
            drop(running);
            match (done, sink.await) {
                (true, Ok(back)) => assert!(back.into_iter().eq(lines(10))),
                // Its output may have been complete when it was cancelled, but the program's end was not awaited.
                (false, Ok(back)) => assert_eq!(back.len(), 10),
                (done, Err(error)) => assert!(!done && error.cause().is_cancelled(), "{error}"),
            }
            let _ = source.await;
        });
    }
}

#[test]
fn what_a_command_says_of_a_stream_without_a_channel_stays() {
    on_runtime(async {
        let mut command = Command::new("sh");
        command.args(["-c", "cat; echo ignored >&2"]).stdin(Stdio::null()).stderr(Stdio::null());
        let (tx, rx) = aqueduct::channel::<String>();
        let (status, out) = par!(command_source(command, tx), collect(rx)).await.unwrap();
        assert!(status.success());
        assert_eq!(out, Vec::<String>::new());
    });
}

#[test]
fn programs_one_behind_the_other() {
    on_runtime(async {
        let (a, a_rx) = aqueduct::channel::<Vec<u8>>();
        let (b, b_rx) = aqueduct::channel::<Vec<u8>>();
        let (c, c_rx) = aqueduct::channel::<String>();
        let network = par!(
            command_source(Program::new("seq").arg("20000"), a),
            command_filter(Program::new("grep").arg("77"), a_rx, b),
            command_filter(Program::new("wc").arg("-l"), b_rx, c),
            collect(c_rx),
        );
        let expected = (1..=20_000).filter(|n: &u32| n.to_string().contains("77")).count();
        assert_eq!(network.await.unwrap().3[0].trim(), expected.to_string());
    });
}
