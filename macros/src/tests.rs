//! What the macros say about mistakes: each message names the thing, the rule and the fix.

use quote::quote;

use crate::{alt, entry_point, process, remote};

/// The message with which `alt!` refuses this.
fn refused_choice(arms: proc_macro2::TokenStream) -> String {
    message(&alt::expand(quote!((::aqueduct) #arms), alt::Wait::Task))
}

/// The message with which `#[process]` refuses this.
fn refused_process(arguments: proc_macro2::TokenStream, item: proc_macro2::TokenStream) -> String {
    let expanded = process::expand(arguments, item.clone());
    let text = expanded.to_string();
    let name = item.into_iter().skip_while(|token| !matches!(token.to_string().as_str(), "fn" | "struct")).nth(1);
    let name = name.expect("the item has a name").to_string();
    assert!(text.contains(&name), "something stands in, so that one mistake is one error: {text}");
    message(&expanded)
}

fn message(expanded: &proc_macro2::TokenStream) -> String {
    let text = expanded.to_string();
    let (_, rest) = text.split_once("compile_error ! {").unwrap_or_else(|| panic!("it was not refused: {text}"));
    assert_eq!(text.matches("compile_error").count(), 1, "one mistake is one error");
    let end = rest.find("\" }").expect("the message ends");
    let literal: syn::LitStr = syn::parse_str(rest[..=end].trim()).expect("the message is a string");
    literal.value()
}

/// True if it is accepted.
fn accepted(arms: proc_macro2::TokenStream) -> bool {
    !alt::expand(quote!((::aqueduct) #arms), alt::Wait::Task).to_string().contains("compile_error")
}

#[test]
fn else_names_default_and_complete() {
    let message = refused_choice(quote!(n = rx.recv() => n, else => 0));
    assert!(message.contains("`default =>") && message.contains("`complete =>"), "{message}");
}

#[test]
fn an_empty_choice_is_refused() {
    assert!(refused_choice(quote!()).contains("would wait for ever"));
    assert!(refused_choice(quote!(choice;)).contains("would wait for ever"));
    assert!(accepted(quote!(default => 1)), "with `default` there is nothing to wait for");
}

#[test]
fn a_choice_whose_arms_can_all_switch_off_needs_complete() {
    assert!(refused_choice(quote!(Ok(n) = rx.recv() => n)).contains("add `complete =>"));
    assert!(refused_choice(quote!(n = rx.recv(), if open => n)).contains("add `complete =>"));
    assert!(accepted(quote!(Ok(n) = rx.recv() => n, complete => 0)));
    assert!(accepted(quote!(Ok(n) = rx.recv() => n, default => 0)));
    assert!(accepted(quote!(Ok(n) = rx.recv() => n, _ = after(second) => 0)), "a timer stays");
}

#[test]
fn a_pattern_that_would_lose_values_is_refused() {
    for pattern in
        [quote!(Err(e)), quote!(None), quote!(Ok(None)), quote!(Some(Err(e))), quote!(Ok(3)), quote!(Ok(Some(1..=2)))]
    {
        let message = refused_choice(quote!(#pattern = rx.recv() => 0, complete => 1));
        assert!(
            message.contains("throw received values away") && message.contains("take the whole result"),
            "{message}"
        );
    }
}

#[test]
fn a_guard_is_not_awaited() {
    assert!(refused_choice(quote!(n = rx.recv().await => n)).contains("Take `.await` away"));
}

#[test]
fn the_shape_of_an_arm_is_explained() {
    assert!(refused_choice(quote!(rx.recv() => 0)).contains("pattern = guard =>"));
    assert!(refused_choice(quote!(otherwise => 0)).contains("`otherwise` is no arm"));
    assert!(refused_choice(quote!(n = rx.recv() if open => n)).contains("comma stands before a pre-condition"));
    assert!(refused_choice(quote!(n = a.recv() => n m = b.recv() => m)).contains("comma is missing"));
    assert!(refused_choice(quote!(n = a.recv() => n, default => 0, default => 1)).contains("one `default` at most"));
}

#[test]
fn habits_of_other_macros_are_explained() {
    assert!(refused_choice(quote!(biased; n = rx.recv() => n)).contains("`let mut choice = Alt::pri();`"));
    assert!(refused_choice(quote!(choice, n = rx.recv() => n)).contains("stands a semicolon"));
    assert!(refused_choice(quote!(Ok(n) if n > 3 = rx.recv() => n)).contains("stands behind the guard"));
}

#[test]
fn seventeen_guards_are_too_many() {
    let arms = (0..17).map(|_| quote!(n = rx.recv() => n,));
    assert!(refused_choice(quote!(#(#arms)*)).contains("`Alt::offer()`"));
    let arms = (0..16).map(|_| quote!(n = rx.recv() => n,));
    assert!(accepted(quote!(#(#arms)*)));
}

#[test]
fn a_process_is_a_free_function() {
    let message = refused_process(
        quote!(),
        quote!(
            async fn run(&self) {}
        ),
    );
    assert!(message.contains("shares nothing") && message.contains("free function"), "{message}");
    assert!(
        refused_process(
            quote!(),
            quote!(
                struct Merge;
            )
        )
        .contains("stands on a function")
    );
    assert!(
        refused_process(
            quote!(),
            quote!(
                const fn f() {}
            )
        )
        .contains("Take `const` away")
    );
    assert!(
        refused_process(
            quote!(),
            quote!(
                extern "C" fn f() {}
            )
        )
        .contains("Take `extern` away")
    );
}

#[test]
fn a_thread_process_blocks_and_owns() {
    let refused = |item| refused_process(quote!(), item);
    assert!(
        refused(quote!(
            fn f() {
                alt! { n = rx.recv() => n }
            }
        ))
        .contains("use `alt_blocking!`")
    );
    assert!(
        refused(quote!(
            fn f() {
                let n = { rx.recv().await };
            }
        ))
        .contains("use the `_blocking` form")
    );
    assert!(
        refused(quote!(
            fn f(name: &str) {}
        ))
        .contains("owns what it works on")
    );
    for item in [
        quote!(
            fn f() {
                futures::executor::block_on(async { rx.recv().await })
            }
        ),
        quote!(
            fn f(name: &'static str) {}
        ),
        quote!(
            async fn f(name: &str) {
                rx.recv().await
            }
        ),
    ] {
        let text = process::expand(quote!(), item).to_string();
        assert!(!text.contains("compile_error"), "{text}");
    }
}

#[test]
fn an_unknown_argument_names_the_known_ones() {
    let message = refused_process(
        quote!(label = "x"),
        quote!(
            async fn f() {}
        ),
    );
    assert!(message.contains("knows no `label`") && message.contains("name"), "{message}");
}

/// The message with which `#[remote]` refuses this; the item stays.
fn refused_remote(arguments: proc_macro2::TokenStream, item: proc_macro2::TokenStream) -> String {
    let expanded = remote::expand(arguments, item.clone());
    assert!(expanded.to_string().starts_with(&item.to_string()), "those who use it add no errors of their own");
    message(&expanded)
}

#[test]
fn a_remote_function_owns_what_it_takes() {
    for (item, fix) in [
        (
            quote!(
                fn f(id: u8, text: &str) {}
            ),
            "`String` for `&str`",
        ),
        (
            quote!(
                fn f(text: &str) {}
            ),
            "take `&String`",
        ),
        (
            quote!(
                fn f(text: &[u8]) {}
            ),
            "take `&Vec<T>`",
        ),
        (
            quote!(
                fn f(words: Vec<&str>) {}
            ),
            "nothing in it borrows",
        ),
        (
            quote!(
                fn f(word: Cow<'_, str>) {}
            ),
            "nothing in it borrows",
        ),
        (
            quote!(
                fn f(list: &mut Vec<u8>) {}
            ),
            "return the new one",
        ),
        (
            quote!(
                fn f(id: u8) -> &'static str {}
            ),
            "return `String`",
        ),
        (
            quote!(
                fn f(id: u8) -> Option<&'static str> {}
            ),
            "nothing in it borrows",
        ),
        (
            quote!(
                fn f(id: u8) -> ! {}
            ),
            "has a result",
        ),
        (
            quote!(
                fn f(all: impl Iterator) {}
            ),
            "write it out",
        ),
        (
            quote!(
                fn f<'a>(all: &'a Data) {}
            ),
            "no named lifetime",
        ),
    ] {
        let message = refused_remote(quote!(), item);
        assert!(message.contains(fix), "{message}");
    }
}

#[test]
fn what_a_remote_function_may_take_is_accepted() {
    for item in [
        quote!(
            fn f() {}
        ),
        quote!(
            async fn f(words: Vec<Cow<'static, str>>) -> Result<(), String> {}
        ),
        quote!(
            fn f(data: &Data, (a, b): (u8, u8), mut c: [u8; 4]) {}
        ),
        quote!(impl Data { const N: u8 = 1; fn new() -> Self {} fn f(&self, other: Option<Self>) -> [Self; 2] {} }),
    ] {
        for arguments in [quote!(), quote!(pure), quote!(pure, name = "f", crate = other::path)] {
            let text = remote::expand(arguments, item.clone()).to_string();
            assert!(!text.contains("compile_error"), "{text}");
        }
    }
}

#[test]
fn only_two_values_of_one_type_that_give_a_third_fold() {
    for (item, folds) in [
        (
            quote!(
                fn f(a: u8, b: u8) -> u8 {}
            ),
            true,
        ),
        (
            quote!(
                fn f(a: Vec<u8>, b: Vec<u8>) -> Vec<u8> {}
            ),
            true,
        ),
        (quote!(impl Sum { fn f(a: Self, b: Self) -> Self {} }), true),
        (
            quote!(
                fn f(a: u8, b: u8) -> u16 {}
            ),
            false,
        ),
        (
            quote!(
                fn f(a: u8, b: u16) -> u8 {}
            ),
            false,
        ),
        (
            quote!(
                fn f(a: u8, b: u8) {}
            ),
            false,
        ),
        (
            quote!(
                fn f(a: &u8, b: u8, c: u8) -> u8 {}
            ),
            false,
        ),
        (
            quote!(
                async fn f(a: u8, b: u8) -> u8 {}
            ),
            false,
        ),
    ] {
        let text = remote::expand(quote!(), item).to_string();
        assert_eq!(text.contains("fold : :: core :: option :: Option :: Some"), folds, "{text}");
    }
}

#[test]
fn each_method_of_a_remote_impl_is_judged() {
    let block = quote!(impl Data { fn f(self) {} fn g(&mut self) {} fn h(&self) {} });
    let text = remote::expand(quote!(), block).to_string();
    assert_eq!(text.matches("compile_error").count(), 2, "{text}");
}

#[test]
fn the_entry_point_is_an_async_main() {
    let refused = |arguments, item| {
        let expanded = entry_point::expand(arguments, item);
        assert!(expanded.to_string().contains("fn main () { }"), "the compiler does not miss a `main` too");
        message(&expanded)
    };
    assert!(
        refused(
            quote!(),
            quote!(
                fn main() {}
            )
        )
        .contains("`aqueduct::init()` first")
    );
    assert!(
        refused(
            quote!(),
            quote!(
                async fn main(a: A, b: B) {}
            )
        )
        .contains("or nothing")
    );
    assert!(
        refused(
            quote!(),
            quote!(
                async fn main<T>() {}
            )
        )
        .contains("no generic parameters")
    );
    assert!(
        refused(
            quote!(flavor = "x"),
            quote!(
                async fn main() {}
            )
        )
        .contains("knows no `flavor`")
    );
    assert!(
        refused(
            quote!(crate = a, crate = b),
            quote!(
                async fn main() {}
            )
        )
        .contains("nothing else")
    );
    for item in [
        quote!(
            async fn main() {}
        ),
        quote!(
            async fn main(mut cluster: Cluster) -> Result<(), E> {}
        ),
    ] {
        let text = entry_point::expand(quote!(crate = other), item).to_string();
        assert!(!text.contains("compile_error") && text.contains("other :: init () ;"), "{text}");
    }
}
