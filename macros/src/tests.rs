//! What the macros say about mistakes: each message names the thing, the rule and the fix.

use quote::quote;

use crate::{alt, process};

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
