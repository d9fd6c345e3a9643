//! A program of the system as a process: its standard streams are channels.
//!
//! The program's pipes block, so each has a thread that pumps between it and its channel, and one thread waits for the
//! program's end. The process itself waits for them, and watches the channels: a poison must kill a program that is
//! silent, whose pumps wait at its pipes and so see nothing. `shared_child` is what lets one thread wait for a program
//! while another kills it: with std alone, either the killer waits too, or it may hit a stranger with the same number.

use std::convert::Infallible;
use std::ffi::OsStr;
use std::future::{Future, pending, poll_fn};
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::Path;
use std::pin::Pin;
use std::process::{ChildStdin, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::task::{Context, Poll};

use shared_child::SharedChild;

use super::lines::{LineError, Lines, Portion};
use crate::prelude::*;
use crate::{ClosedFuture, Poisoned, TryRecvError, thread};

/// A program to be run: what to start, and what to expect of it.
///
/// For what it does not offer itself, make it `from` a [`Command`]. A stream for which the process has no channel stays
/// as the command says; std's default is that the program shares it with yours.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
/// use aqueduct::toolkit::*;
///
/// # if cfg!(unix) { aqueduct::run(async {
/// let (tx, rx) = aqueduct::channel();
/// let (out, sorted) = aqueduct::channel();
/// let sort = Program::new("sort").arg("-n").must_succeed();
/// let numbers = ["10", "9", "1"].map(str::to_owned);
/// let network = par!(generate(numbers, tx), command_filter(sort, rx, out), collect(sorted));
/// let ((), status, lines): (_, _, Vec<String>) = network.await?;
/// assert_eq!(lines, ["1", "9", "10"]);
/// assert!(status.success());
/// # Outcome::Ok(()) }).unwrap(); }
/// ```
#[derive(Debug)]
#[must_use = "a program is started by a process, such as `command_filter`"]
pub struct Program {
    command: Command,
    line_limit: usize,
    must_succeed: bool,
}

impl Program {
    /// A program, by its path, or by a name that is looked up in `PATH`. No shell is between.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Command::new(program).into()
    }

    /// Adds an argument.
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.command.arg(arg);
        self
    }

    /// Adds arguments.
    pub fn args(mut self, args: impl IntoIterator<Item: AsRef<OsStr>>) -> Self {
        self.command.args(args);
        self
    }

    /// Sets a variable of its environment.
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sets the directory in which it runs.
    pub fn current_dir(mut self, directory: impl AsRef<Path>) -> Self {
        self.command.current_dir(directory);
        self
    }

    /// Takes an exit status other than success as a failure of the process: the channels are then poisoned, not
    /// retired, so that nobody takes the output of a program that broke down for complete. (Not if the reader of an
    /// output has left: then the program breaks off, and may.)
    pub fn must_succeed(mut self) -> Self {
        self.must_succeed = true;
        self
    }

    /// Takes a line of more than `limit` bytes, its end not counted, as a failure: memory is bounded. (Without it, a
    /// line may be of any length. Bytes come in pieces that are bounded anyway.)
    pub fn line_limit(mut self, limit: usize) -> Self {
        self.line_limit = limit;
        self
    }
}

impl From<Command> for Program {
    fn from(command: Command) -> Self {
        Self { command, line_limit: usize::MAX, must_succeed: false }
    }
}

/// A program could not be run to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommandError {
    /// It could not be started: for instance, there is no such program.
    #[error("cannot start `{program}`: {source}")]
    NotStarted {
        /// The program.
        program: String,
        /// What the system says.
        source: io::Error,
    },
    /// Its end could not be waited for.
    #[error("cannot wait for `{program}`: {source}")]
    Wait {
        /// The program.
        program: String,
        /// What the system says.
        source: io::Error,
    },
    /// Its standard input could not be written.
    #[error("cannot write to the standard input of `{program}`: {source}")]
    Write {
        /// The program.
        program: String,
        /// What the system says.
        source: io::Error,
    },
    /// One of its outputs could not be read.
    #[error("cannot read the standard {stream} of `{program}`: {source}")]
    Read {
        /// The program.
        program: String,
        /// `output` or `error`.
        stream: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// A line of one of its outputs is not text.
    #[error("line {line} of the standard {stream} of `{program}` is not UTF-8")]
    NotUtf8 {
        /// The program.
        program: String,
        /// `output` or `error`.
        stream: &'static str,
        /// The line; the first is 1.
        line: u64,
    },
    /// A line of one of its outputs is longer than it may be.
    #[error("line {line} of the standard {stream} of `{program}` has more than {limit} bytes")]
    TooLong {
        /// The program.
        program: String,
        /// `output` or `error`.
        stream: &'static str,
        /// The line; the first is 1.
        line: u64,
        /// How many bytes a line may have.
        limit: usize,
    },
    /// It ended without success, and [had to succeed](Program::must_succeed).
    #[error("`{program}` did not succeed: {status}")]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        status: ExitStatus,
    },
}

/// Runs a program with its three standard streams as channels; its exit status is the process's value.
///
/// A channel of `String` carries lines, without their ends (`\n` or `\r\n`); one of `Vec<u8>` carries bytes, in the
/// pieces in which they come. [`command_filter`], [`command_source`] and [`command_sink`] have fewer channels.
///
/// When `stdin` retires, the program sees the end of its input. When the program's output ends, its channel retires
/// (see [`Program::must_succeed`]). When an output channel is retired by its reader, the program is told as in a
/// pipeline of the shell, by a broken pipe when it next writes. When the program exits, `stdin` retires; what it had
/// not read is lost.
///
/// Each stream has a thread of its own, so none waits for another here. But the program may: one that fills its
/// standard error while nobody receives `stderr` waits there, and writes no output meanwhile. If you read one after the
/// other, give the later one a channel with room for all.
///
/// The process ends when the program has exited and its pipes are closed. What the program has started and left behind
/// may hold them open.
///
/// # Errors
/// [`CommandError`]; or one of the channels is poisoned. The program is then killed, and waited for; the channels are
/// poisoned.
///
/// # Cancel safety
/// Dropped, it kills the program, which a thread waits for: it leaves no zombie. (What the program itself has started
/// is not killed.)
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
/// use aqueduct::toolkit::*;
///
/// # if cfg!(unix) { aqueduct::run(async {
/// let (input, stdin) = aqueduct::channel::<String>();
/// let (stdout, output) = aqueduct::channel::<String>();
/// let (stderr, errors) = aqueduct::channel::<String>();
/// let program = Program::new("sh").args(["-c", "read name; echo hello $name; echo bye >&2; exit 3"]);
/// let network = par!(
///     generate(["world".to_owned()], input),
///     run_command(program, stdin, stdout, stderr),
///     collect(output),
///     collect(errors),
/// );
/// let ((), status, output, errors) = network.await?;
/// assert_eq!(status.code(), Some(3));
/// assert_eq!((output, errors), (vec!["hello world".to_owned()], vec!["bye".to_owned()]));
/// # Outcome::Ok(()) }).unwrap(); }
/// ```
#[process]
pub async fn run_command<I, O, E>(
    program: impl Into<Program> + Send,
    stdin: Receiver<I>,
    stdout: Sender<O>,
    stderr: Sender<E>,
) -> Outcome<ExitStatus>
where
    I: Portion,
    O: Portion,
    E: Portion,
{
    run(program.into(), [Some(Stream::input(stdin)), Some(Stream::output(stdout)), Some(Stream::output(stderr))]).await
}

/// Runs a program between two channels: its standard input and its standard output. For the rest as [`run_command`].
///
/// See [`Program`] for an example.
///
/// # Errors
/// As [`run_command`].
#[process]
pub async fn command_filter<I, O>(
    program: impl Into<Program> + Send,
    input: Receiver<I>,
    out: Sender<O>,
) -> Outcome<ExitStatus>
where
    I: Portion,
    O: Portion,
{
    run(program.into(), [Some(Stream::input(input)), Some(Stream::output(out)), None]).await
}

/// Runs a program and emits what it writes to its standard output. For the rest as [`run_command`].
///
/// # Errors
/// As [`run_command`].
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
/// use aqueduct::toolkit::*;
///
/// # if cfg!(unix) { aqueduct::run(async {
/// let (tx, rx) = aqueduct::channel::<String>();
/// let (status, numbers) = par!(command_source(Program::new("seq").arg("3"), tx), collect(rx)).await?;
/// assert!(status.success());
/// assert_eq!(numbers, ["1", "2", "3"]);
/// # Outcome::Ok(()) }).unwrap(); }
/// ```
#[process]
pub async fn command_source<O>(program: impl Into<Program> + Send, out: Sender<O>) -> Outcome<ExitStatus>
where
    O: Portion,
{
    run(program.into(), [None, Some(Stream::output(out)), None]).await
}

/// Runs a program and gives it what it receives as its standard input. For the rest as [`run_command`].
///
/// # Errors
/// As [`run_command`].
#[process]
pub async fn command_sink<I>(program: impl Into<Program> + Send, input: Receiver<I>) -> Outcome<ExitStatus>
where
    I: Portion,
{
    run(program.into(), [Some(Stream::input(input)), None, None]).await
}

/// One of the three streams: its pump, and what watches its channel meanwhile.
struct Stream {
    pump: Box<dyn FnOnce(Pipe, Told) -> Outcome + Send>,
    watch: Box<dyn Watch>,
}

/// The program's end of a stream.
enum Pipe {
    Input(ChildStdin),
    Output(Box<dyn Read + Send>),
}

/// What a pump is told.
struct Told {
    program: Arc<str>,
    stream: &'static str,
    line_limit: usize,
    /// Retires when the program has exited.
    exited: Receiver<Infallible>,
}

impl Stream {
    fn input<T: Portion>(input: Receiver<T>) -> Self {
        let watch = Box::new(input.clone());
        let pump = Box::new(move |pipe, told| match pipe {
            Pipe::Input(pipe) => feed(pipe, &input, &told),
            Pipe::Output(_) => unreachable!("the standard input is an input"),
        });
        Self { pump, watch }
    }

    fn output<T: Portion>(out: Sender<T>) -> Self {
        let watch = Box::new(out.clone());
        let pump = Box::new(move |pipe, told| match pipe {
            Pipe::Output(pipe) => drain(pipe, &out, &told),
            Pipe::Input(_) => unreachable!("a standard output is an output"),
        });
        Self { pump, watch }
    }
}

/// An end that is watched for a poison. Held by the process itself, it also is what poisons the channel if a pump
/// cannot: it may stay at its pipe for as long as somebody holds the other side.
trait Watch: Send + Sync {
    /// True if the channel's reader has left.
    fn is_unwanted(&self) -> bool;
    fn closed(&self) -> Pin<Box<dyn Future<Output = Ended> + Send + '_>>;
}

impl<T: Send> Watch for Sender<T> {
    fn is_unwanted(&self) -> bool {
        self.ended() == Some(Ended::Retired)
    }

    fn closed(&self) -> Pin<Box<dyn Future<Output = Ended> + Send + '_>> {
        Box::pin(Self::closed(self))
    }
}

impl<T: Send> Watch for Receiver<T> {
    fn is_unwanted(&self) -> bool {
        false
    }

    fn closed(&self) -> Pin<Box<dyn Future<Output = Ended> + Send + '_>> {
        let closed: ClosedFuture<'_, T> = Self::closed(self);
        Box::pin(closed)
    }
}

/// Waits for a poison of one of the channels.
async fn poisoned(watches: &[Option<Box<dyn Watch>>; 3]) -> Poisoned {
    let mut closed: Vec<_> = watches.iter().flatten().map(|watch| watch.closed()).collect();
    let first = poll_fn(|cx: &mut Context<'_>| {
        let mut poisoned = None;
        closed.retain_mut(|closed| match closed.as_mut().poll(cx) {
            Poll::Pending => true,
            // In good order: the pump sees to it.
            Poll::Ready(Ended::Retired) => false,
            Poll::Ready(Ended::Poisoned(cause)) => {
                poisoned.get_or_insert(cause);
                false
            }
        });
        poisoned.map_or(Poll::Pending, Poll::Ready)
    });
    if watches.iter().all(Option::is_none) { pending().await } else { first.await }
}

/// Kills the program as it is dropped, unless it has been waited for.
struct Kill(Arc<SharedChild>);

impl Drop for Kill {
    fn drop(&mut self) {
        // It may have exited just now; and more than kill it we cannot.
        let _ = self.0.kill();
    }
}

/// The streams, by their numbers.
const NAMES: [&str; 3] = ["input", "output", "error"];
const INPUT: usize = 0;

async fn run(program: Program, streams: [Option<Stream>; 3]) -> Outcome<ExitStatus> {
    let Program { mut command, line_limit, must_succeed } = program;
    let name: Arc<str> = command.get_program().to_string_lossy().into();
    let piped = streams.each_ref().map(Option::is_some);
    if piped[0] {
        command.stdin(Stdio::piped());
    }
    if piped[1] {
        command.stdout(Stdio::piped());
    }
    if piped[2] {
        command.stderr(Stdio::piped());
    }
    let child = match SharedChild::spawn(&mut command) {
        Ok(child) => Arc::new(child),
        Err(source) => return Err(CommandError::NotStarted { program: name.to_string(), source }.into()),
    };
    // The command may hold what it was to give to the program, such as a pipe of yours.
    drop(command);
    let kill = Kill(Arc::clone(&child));

    let mut pipes = [
        child.take_stdin().map(Pipe::Input),
        child.take_stdout().map(|pipe| Pipe::Output(Box::new(pipe))),
        child.take_stderr().map(|pipe| Pipe::Output(Box::new(pipe))),
    ];
    let (running, exited) = crate::channel::<Infallible>();
    let mut running = Some(running);
    let mut pumps = Group::new();
    let mut watches = [None, None, None];
    for (index, stream) in streams.into_iter().enumerate() {
        let (Some(Stream { pump, watch }), Some(pipe)) = (stream, pipes[index].take()) else { continue };
        watches[index] = Some(watch);
        let told = Told { program: Arc::clone(&name), stream: NAMES[index], line_limit, exited: exited.clone() };
        pumps.add(thread(format!("standard {} of {name}", NAMES[index]), move || match pump(pipe, told) {
            // Its channel, or its pipe, has ended in good order.
            Err(exit) if exit.is_retired() => Ok(index),
            pumped => pumped.map(|()| index),
        }));
    }
    let waited_for = Arc::clone(&child);
    let mut end = thread(format!("end of {name}"), move || Ok(waited_for.wait()?)).spawn();

    let mut status: Option<ExitStatus> = None;
    let failure: Exit = loop {
        if let Some(status) = status
            && pumps.is_empty()
        {
            // A program whose reader has left breaks off, and may.
            let unwanted = watches.iter().flatten().any(|watch| watch.is_unwanted());
            if must_succeed && !status.success() && !unwanted {
                break CommandError::Failed { program: name.to_string(), status }.into();
            }
            return Ok(status);
        }
        alt! { Alt::pri();
            poisoned = poisoned(&watches) => break poisoned.into(),
            pumped = pumps.next(), if !pumps.is_empty() => match pumped {
                // How the channel of an output ends may still depend on how the program does.
                Some(Ok(index)) if index == INPUT || !must_succeed => watches[index] = None,
                Some(Err(error)) => break error.into(),
                Some(Ok(_)) | None => {}
            },
            ended = &mut end, if status.is_none() => match ended {
                Ok(exit_status) => {
                    status = Some(exit_status);
                    running = None;
                }
                Err(error) => break error.into(),
            },
        }
    };
    drop(kill);
    drop(running);
    // The thread that waits for the program has it, if there is one, and else we wait: it has been killed.
    if status.is_none() && (&mut end).await.is_err() {
        let _ = child.wait();
    }
    Err(failure)
}

/// Writes what comes into a program's standard input, until that, the channel or the program has ended.
fn feed<T: Portion>(pipe: ChildStdin, input: &Receiver<T>, told: &Told) -> Outcome {
    let mut pipe = BufWriter::new(pipe);
    loop {
        let value = match input.try_recv() {
            Ok(value) => value,
            Err(TryRecvError::Ended(Ended::Retired)) => return finish(pipe.flush(), told),
            Err(TryRecvError::Ended(poisoned)) => return Err(poisoned.into()),
            Err(TryRecvError::Empty) => {
                // The program should see what there is, before we wait.
                if let Err(error) = pipe.flush() {
                    return finish(Err(error), told);
                }
                let next = alt_blocking! { Alt::pri();
                    _ = told.exited.recv() => None,
                    next = input.next() => next?,
                };
                match next {
                    Some(value) => value,
                    None => return finish(pipe.flush(), told),
                }
            }
        };
        if let Err(error) = value.write(&mut pipe) {
            return finish(Err(error), told);
        }
    }
}

/// What became of the writing: a program need not read its input to the end.
fn finish(written: io::Result<()>, told: &Told) -> Outcome {
    match written {
        Err(source) if source.kind() != ErrorKind::BrokenPipe => {
            Err(CommandError::Write { program: told.program.to_string(), source }.into())
        }
        _ => Ok(()),
    }
}

/// Emits what a program writes, until it writes no more, or the channel has ended.
fn drain<T: Portion>(pipe: Box<dyn Read + Send>, out: &Sender<T>, told: &Told) -> Outcome {
    let mut lines = Lines::new(BufReader::new(pipe), told.line_limit);
    loop {
        let (program, stream, line) = (told.program.to_string(), told.stream, lines.number + 1);
        match T::read(&mut lines) {
            Ok(Some(value)) => out.send_blocking(value)?,
            Ok(None) => return Ok(()),
            Err(LineError::Read(source)) => return Err(CommandError::Read { program, stream, source }.into()),
            Err(LineError::NotUtf8) => return Err(CommandError::NotUtf8 { program, stream, line }.into()),
            Err(LineError::TooLong(limit)) => {
                return Err(CommandError::TooLong { program, stream, line, limit }.into());
            }
        }
    }
}
