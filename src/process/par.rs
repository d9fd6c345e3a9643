//! Parallel composition of a number of processes that the text knows.

use std::fmt;
use std::future::IntoFuture;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::error::ProcessError;
use super::handle::Handle;
use super::join::{Child, Children, Join};
use super::shape::Sketch;
use super::{Process, task};
use crate::process::exit::Exit;

/// Runs one to sixteen processes together, in turns, in the task that awaits it; done when all have ended. (For more,
/// or for a number known at run time only, a [`Group`](crate::Group).)
///
/// Gives a tuple of their values, in order. It is structured: no child outlives it. Thread processes among them run
/// on their own threads. The composition is itself a process, and lazy.
///
/// # Errors
/// [`ProcessError`](crate::ProcessError) with the first cause, once *all* have ended: a failing process poisons its
/// channels, which ends its neighbours.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
///
/// #[process]
/// async fn double(input: Receiver<u32>, out: Sender<u32>) -> Outcome {
///     while let Some(n) = input.next().await? {
///         out.send(2 * n).await?;
///     }
///     Ok(())
/// }
///
/// #[process]
/// async fn sum(input: Receiver<u32>) -> Outcome<u32> {
///     let mut sum = 0;
///     while let Some(n) = input.next().await? {
///         sum += n;
///     }
///     Ok(sum)
/// }
///
/// #[process]
/// fn count(out: Sender<u32>) -> Outcome {          // a plain fn: on a thread of its own
///     for n in 0..10 {
///         out.send_blocking(n)?;
///     }
///     Ok(())
/// }
///
/// # aqueduct::run(async {
/// let (a, a_rx) = aqueduct::channel();
/// let (b, b_rx) = aqueduct::channel();
/// let ((), (), total) = par!(count(a), double(a_rx, b), sum(b_rx)).await?;
/// assert_eq!(total, 90);
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[macro_export]
macro_rules! par {
    ($($process:expr),* $(,)?) => {
        $crate::process::par($crate::__parts!($($process),*))
    };
}

/// The processes of a [`par!`] as a tuple, each looked at on its own, so that what is no process is pointed at.
#[doc(hidden)]
#[macro_export]
macro_rules! __parts {
    () => {
        ::core::compile_error!("`par!` composes one to sixteen processes: for a number that may be zero use `Group`")
    };
    ($a:expr, $b:expr, $c:expr, $d:expr, $e:expr, $f:expr, $g:expr, $h:expr, $i:expr, $j:expr, $k:expr, $l:expr,
     $m:expr, $n:expr, $o:expr, $p:expr, $($more:expr),+) => {
        ::core::compile_error!(
            "`par!` composes up to sixteen processes: put some of them into a `par!` of their own, or use `Group`"
        )
    };
    ($($process:expr),+) => {
        ($($crate::process::part($process),)*)
    };
}

/// As [`par!`], but at the first failure the other processes are cancelled.
///
/// # Examples
/// ```
/// use aqueduct::prelude::*;
///
/// # aqueduct::run(async {
/// let error = try_par!(
///     aqueduct::task("waits for ever", std::future::pending::<()>()),
///     aqueduct::task("fails", async { Outcome::<()>::Err(Exit::failure("out of paper")) }),
/// )
/// .await
/// .unwrap_err();
/// assert!(error.to_string().ends_with("failed: out of paper"));
/// # Outcome::Ok(()) }).unwrap();
/// ```
#[macro_export]
macro_rules! try_par {
    ($($process:expr),* $(,)?) => {
        $crate::process::try_par($crate::__parts!($($process),*))
    };
}

/// One process of a composition: one that is none is pointed at.
#[doc(hidden)]
#[inline(always)]
pub fn part<P: Process>(process: P) -> P {
    process
}

/// Behind [`par!`].
#[doc(hidden)]
pub fn par<S>(set: S) -> Par<S> {
    Par { set, fail_fast: false }
}

/// Behind [`try_par!`].
#[doc(hidden)]
pub fn try_par<S>(set: S) -> Par<S> {
    Par { set, fail_fast: true }
}

/// Processes that are to run together: the value of [`par!`](crate::par!).
#[must_use = "a composition does nothing until it is awaited or spawned"]
pub struct Par<S> {
    set: S,
    fail_fast: bool,
}

/// A tuple of up to sixteen processes.
#[doc(hidden)]
pub trait ParSet {
    /// The tuple of their values.
    type Output;
    /// The processes, running.
    type Run: Children<Output = Self::Output>;
    /// Starts all of them.
    fn start(self) -> Self::Run;
    /// Adds all of them to a picture.
    fn draw(&self, sketch: &mut Sketch);
}

impl<S: ParSet> IntoFuture for Par<S> {
    type Output = Result<S::Output, ProcessError>;
    type IntoFuture = Join<S::Run>;

    fn into_future(self) -> Join<S::Run> {
        Join::new(self.set.start(), self.fail_fast)
    }
}

impl<S: ParSet> Process for Par<S> {
    type Value = S::Output;

    fn draw(&self, sketch: &mut Sketch) {
        self.set.draw(sketch);
    }

    fn spawn(self) -> Handle<Self::Value>
    where
        Self: 'static,
        Join<S::Run>: Send,
        Self::Value: Send,
    {
        let all = self.into_future();
        task("par", async move { all.await.map_err(Exit::from) }).spawn()
    }

    fn spawn_local(self) -> Handle<Self::Value>
    where
        Self: 'static,
    {
        let all = self.into_future();
        task("par", async move { all.await.map_err(Exit::from) }).spawn_local()
    }
}

impl<S> fmt::Debug for Par<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Par").field("fail_fast", &self.fail_fast).finish_non_exhaustive()
    }
}

macro_rules! tuples {
    ($($Running:ident ($count:literal: $($P:ident $field:ident $index:tt),*))*) => {$(
        pin_project! {
            #[doc(hidden)]
            #[derive(Debug)]
            pub struct $Running<$($P: Process),*> {
                $(#[pin] $field: Child<$P::IntoFuture, $P::Value>,)*
            }
        }

        impl<$($P: Process),*> Children for $Running<$($P),*> {
            type Output = ($($P::Value,)*);
            const COUNT: u32 = $count;

            fn poll_child(self: Pin<&mut Self>, index: u32, cx: &mut Context<'_>) -> Poll<Result<(), ProcessError>> {
                let _this = self.project();
                match index {
                    $($index => _this.$field.poll(cx),)*
                    _ => { let _ = cx; Poll::Ready(Ok(())) }
                }
            }

            fn discard_child(self: Pin<&mut Self>, index: u32) {
                let _this = self.project();
                match index {
                    $($index => _this.$field.discard(),)*
                    _ => {}
                }
            }

            fn take(self: Pin<&mut Self>) -> Option<Self::Output> {
                let _this = self.project();
                Some(($(_this.$field.take()?,)*))
            }
        }

        impl<$($P: Process),*> ParSet for ($($P,)*) {
            type Output = ($($P::Value,)*);
            type Run = $Running<$($P),*>;

            fn start(self) -> Self::Run {
                let ($($field,)*) = self;
                $Running { $($field: Child::new($field.into_future()),)* }
            }

            fn draw(&self, _sketch: &mut Sketch) {
                let ($($field,)*) = self;
                $($field.draw(_sketch);)*
            }
        }
    )*};
}

tuples! {
    Running1(1: A a 0)
    Running2(2: A a 0, B b 1)
    Running3(3: A a 0, B b 1, C c 2)
    Running4(4: A a 0, B b 1, C c 2, D d 3)
    Running5(5: A a 0, B b 1, C c 2, D d 3, E e 4)
    Running6(6: A a 0, B b 1, C c 2, D d 3, E e 4, F f 5)
    Running7(7: A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6)
    Running8(8: A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7)
    Running9(9: A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8)
    Running10(10: A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8, J j 9)
    Running11(11: A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8, J j 9, K k 10)
    Running12(12: A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8, J j 9, K k 10, L l 11)
    Running13(13: A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8, J j 9, K k 10, L l 11, M m 12)
    Running14(14: A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8, J j 9, K k 10, L l 11, M m 12, N n 13)
    Running15(15: A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8, J j 9, K k 10, L l 11, M m 12, N n 13, O o 14)
    Running16(16: A a 0, B b 1, C c 2, D d 3, E e 4, F f 5, G g 6, H h 7, I i 8, J j 9, K k 10, L l 11, M m 12, N n 13, O o 14, P p 15)
}
