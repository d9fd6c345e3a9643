//! What `#[process]` accepts, and that a process value is lazy.
#![deny(unfulfilled_lint_expectations)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aqueduct::prelude::*;

use super::on_runtime;

#[process]
async fn count_task(runs: Arc<AtomicUsize>) {
    runs.fetch_add(1, Ordering::SeqCst);
}

#[process]
fn count_thread(runs: Arc<AtomicUsize>) {
    runs.fetch_add(1, Ordering::SeqCst);
}

#[test]
fn a_process_is_lazy_whatever_holds_it() {
    on_runtime(async {
        let runs = Arc::new(AtomicUsize::new(0));
        let task = count_task(runs.clone());
        let thread = count_thread(runs.clone());
        let both = par!(count_task(runs.clone()), count_thread(runs.clone()));
        let mut group = Group::new();
        group.add(count_task(runs.clone()));
        group.add(count_task(runs.clone()));
        let future = IntoFuture::into_future(count_thread(runs.clone()));
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        assert_eq!(runs.load(Ordering::SeqCst), 0, "nothing has run");
        task.await.unwrap();
        thread.await.unwrap();
        both.await.unwrap();
        group.join().await.unwrap();
        future.await.unwrap();
        assert_eq!(runs.load(Ordering::SeqCst), 7);
    });
}

#[test]
fn dropped_processes_never_run() {
    on_runtime(async {
        let runs = Arc::new(AtomicUsize::new(0));
        drop(count_task(runs.clone()));
        drop(count_thread(runs.clone()));
        drop(par!(count_task(runs.clone()), count_thread(runs.clone())));
        drop(IntoFuture::into_future(count_thread(runs.clone())));
        let mut group = Group::new();
        group.add(count_thread(runs.clone()));
        drop(group);
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        assert_eq!(runs.load(Ordering::SeqCst), 0);
        assert_eq!(Arc::strong_count(&runs), 1, "what they held is gone");
    });
}

/// The expectations below are the test: without the lint they are unfulfilled, which is denied in this file.
#[test]
fn unused_processes_and_handles_are_warned_of() {
    let runs = Arc::new(AtomicUsize::new(0));
    #[expect(unused_must_use)]
    {
        count_task(runs.clone());
    }
    #[expect(unused_must_use)]
    {
        count_thread(runs.clone());
    }
    #[expect(unused_must_use)]
    {
        par!(count_task(runs.clone()));
    }
    #[expect(unused_must_use)]
    {
        try_par!(count_task(runs.clone()));
    }
    #[expect(unused_must_use)]
    {
        count_thread(runs.clone()).into_future();
    }
    #[expect(unused_must_use)]
    {
        Exit::failure("nobody looks");
    }
    let handle_runs = runs.clone();
    #[expect(unused_must_use)]
    {
        count_thread(handle_runs).spawn();
    }
}

struct Point {
    x: u32,
    y: u32,
}

#[process]
async fn patterns(
    (a, b): (u32, u32),
    [c, _]: [u32; 2],
    Point { x, y }: Point,
    mut sum: u32,
    _: &'static str,
) -> Outcome<u32> {
    sum += a + b + c + x + y;
    Ok(sum)
}

#[process]
fn patterns_on_a_thread((a, mut b): (u32, u32), Point { x, .. }: Point, mut rest: Vec<u32>) -> Outcome<u32> {
    b += x;
    rest.push(a + b);
    Ok(rest.into_iter().sum())
}

#[test]
fn parameters_may_be_patterns_and_mut() {
    on_runtime(async {
        let point = || Point { x: 1000, y: 10_000 };
        assert_eq!(patterns((1, 10), [100, 7], point(), 100_000, "ignored").await.unwrap(), 111_111);
        assert_eq!(patterns_on_a_thread((1, 10), point(), vec![5]).await.unwrap(), 1016);
    });
}

#[process]
async fn generic<T, const N: usize>(values: [T; N], out: Sender<T>) -> Outcome<usize>
where
    T: Clone + Send + Sync + 'static,
{
    for value in &values {
        out.send(value.clone()).await?;
    }
    Ok(N)
}

#[process]
fn generic_on_a_thread<T, F>(input: Receiver<T>, map: F) -> Outcome<Vec<T>>
where
    T: Send + 'static,
    F: Fn(T) -> T + Send + 'static,
{
    let mut all = Vec::new();
    for value in input {
        all.push(map(value?));
    }
    Ok(all)
}

#[test]
fn processes_may_be_generic_with_where_clauses() {
    on_runtime(async {
        let (tx, rx) = aqueduct::channel();
        let (count, all) =
            par!(generic(["a", "b", "c"].map(str::to_owned), tx), generic_on_a_thread(rx, |s| s + "!")).await.unwrap();
        assert_eq!((count, all), (3, vec!["a!".to_owned(), "b!".to_owned(), "c!".to_owned()]));
    });
}

#[process]
async fn borrows(words: &[&str], total: &mut usize, counter: &AtomicUsize) -> Outcome<usize> {
    for word in words {
        *total += word.len();
        counter.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
    }
    Ok(words.len())
}

#[process]
async fn borrows_by_name<'a, 'b: 'a>(one: &'a str, other: &'b str) -> Outcome<usize> {
    let longest: &'a str = if one.len() > other.len() { one } else { other };
    Ok(longest.len())
}

#[test]
fn task_processes_may_borrow_from_their_parent() {
    on_runtime(async {
        let words = vec!["in", "the", "parents", "frame"];
        let (mut left, mut right) = (0, 0);
        let counter = AtomicUsize::new(0);
        let counts =
            par!(borrows(&words, &mut left, &counter), borrows(&words[1..3], &mut right, &counter)).await.unwrap();
        assert_eq!(counts, (4, 2));
        assert_eq!((left, right, counter.into_inner()), (17, 10, 6));
        let text = String::from("longer");
        assert_eq!(borrows_by_name(&text, "short").await.unwrap(), 6);
        let mut group = Group::new();
        group.add(borrows_by_name(&text, "a"));
        group.add(borrows_by_name("ab", &text[..1]));
        assert_eq!(group.join().await.unwrap(), [6, 2]);
    });
}

mod inner {
    use aqueduct::prelude::*;

    /// Documented, visible, renamed.
    #[process(name = "a \"renamed\" process")]
    pub(crate) async fn renamed() -> Outcome<String> {
        Ok(aqueduct::current().name().to_owned())
    }

    #[process(crate = aqueduct, name = "both")]
    pub(crate) fn both_arguments() -> Outcome<String> {
        Ok(aqueduct::current().name().to_owned())
    }
}

#[test]
fn the_attribute_gives_another_name() {
    on_runtime(async {
        assert_eq!(inner::renamed().await.unwrap(), "a \"renamed\" process");
        assert_eq!(inner::both_arguments().await.unwrap(), "both");
    });
}

#[process]
async fn nothing_to_say() {}

#[process]
fn nothing_to_say_on_a_thread() {}

#[process]
async fn early(n: u32) -> Outcome<u32> {
    if n > 3 {
        return Ok(n);
    }
    let doubled = async { n * 2 }.await;
    Ok(doubled)
}

#[test]
fn bodies_return_nothing_or_an_outcome() {
    on_runtime(async {
        let () = nothing_to_say().await.unwrap();
        let () = nothing_to_say_on_a_thread().await.unwrap();
        assert_eq!((early(1).await.unwrap(), early(7).await.unwrap()), (2, 7));
    });
}

#[process]
async fn recursive(depth: u32) -> Outcome<u32> {
    if depth == 0 {
        return Ok(1);
    }
    let mut group = Group::new();
    for _ in 0..2 {
        let child: std::pin::Pin<Box<dyn Future<Output = Outcome<u32>> + Send>> =
            Box::pin(async move { Ok(recursive(depth - 1).await?) });
        group.add(aqueduct::task("half", child));
    }
    Ok(group.join().await?.iter().sum())
}

#[test]
fn a_process_may_start_itself_again() {
    assert_eq!(on_runtime(async { recursive(6).await.unwrap() }), 64);
}
