//! `alt!`: builds the guards, lets the library choose, and matches the result.
//!
//! ```text
//! let out = {
//!     let mut g0 = pin!(guard 0);  …           // evaluated once, in textual order
//!     loop {
//!         match choice.select((g0, …)).await { // all waiting is the library's
//!             0 => break Out::G0(result),      // or, if the pattern does not match: switch g0 off, go on
//!             …
//!         }
//!     }
//! };                                           // the guards are dropped
//! match out { Out::G0(pattern) => arm, … }
//! ```

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned as _;
use syn::{Error, Expr, Ident, Pat, Result, Token};

/// Whether the choice awaits or blocks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    Task,
    Thread,
}

/// The most guards that the library's tuples have.
const MOST: usize = 16;

struct Choice {
    krate: TokenStream,
    alt: Option<Expr>,
    guards: Vec<Guard>,
    default: Option<Expr>,
    complete: Option<Expr>,
}

struct Guard {
    pattern: Pat,
    /// The wrappers around the irrefutable pattern.
    layers: Vec<Layer>,
    guard: Expr,
    condition: Option<Expr>,
    body: Expr,
}

#[derive(Clone, Copy)]
enum Layer {
    Ok,
    Some,
}

impl Parse for Choice {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let krate;
        syn::parenthesized!(krate in input);
        let krate = krate.parse()?;
        let mut choice = Self { krate, alt: None, guards: Vec::new(), default: None, complete: None };
        let ahead = input.fork();
        if ahead.parse::<Expr>().is_ok() && ahead.peek(Token![;]) {
            let alt: Expr = input.parse()?;
            if let Expr::Path(path) = &alt
                && path.path.is_ident("biased")
            {
                return Err(Error::new_spanned(
                    path,
                    "for textual order write `let mut choice = Alt::pri();` before the loop, and `alt! { choice; …`",
                ));
            }
            choice.alt = Some(alt);
            input.parse::<Token![;]>()?;
        }
        while !input.is_empty() {
            choice.arm(input)?;
        }
        choice.check()?;
        Ok(choice)
    }
}

impl Choice {
    /// Parses one arm and the comma behind it.
    fn arm(&mut self, input: ParseStream<'_>) -> Result<()> {
        if input.peek(Token![else]) {
            return Err(input.error(
                "a choice has no `else`: write `default => …` for \"no guard is ready now\", or `complete => …` for \
                 \"every guard is ended or disabled\"",
            ));
        }
        let special = input.peek(Ident::peek_any) && input.peek2(Token![=>]);
        if special {
            let name: Ident = input.call(Ident::parse_any)?;
            input.parse::<Token![=>]>()?;
            let slot = match name.to_string().as_str() {
                "default" => &mut self.default,
                "complete" => &mut self.complete,
                _ => {
                    return Err(Error::new(
                        name.span(),
                        format!("`{name}` is no arm: write `pattern = guard => …`, `default => …` or `complete => …`"),
                    ));
                }
            };
            if slot.is_some() {
                return Err(Error::new(name.span(), format!("a choice has one `{name}` at most")));
            }
            *slot = Some(body(input)?);
            return Ok(());
        }
        let pattern = input.call(Pat::parse_multi_with_leading_vert)?;
        let (pattern, layers) = peel(pattern)?;
        if input.peek(Token![if]) {
            return Err(input.error(
                "a pre-condition stands behind the guard, and does not see the value: `pattern = guard, if condition => …`",
            ));
        }
        if input.peek(Token![,]) {
            return Err(
                input.error("behind the name of the `Alt` stands a semicolon: `alt! { choice; pattern = guard => …`")
            );
        }
        if !input.peek(Token![=]) || input.peek(Token![=>]) {
            return Err(input.error("an arm is `pattern = guard => …`: `=` and a guard are missing here"));
        }
        input.parse::<Token![=]>()?;
        let guard: Expr = input.parse()?;
        if let Expr::Await(awaited) = &guard {
            return Err(Error::new(
                awaited.await_token.span(),
                "a guard is not awaited: the choice waits for all its guards at once. Take `.await` away",
            ));
        }
        let condition = if input.peek(Token![,]) && input.peek2(Token![if]) {
            input.parse::<Token![,]>()?;
            input.parse::<Token![if]>()?;
            Some(input.parse()?)
        } else if input.peek(Token![if]) {
            return Err(input.error("a comma stands before a pre-condition: `guard, if condition => …`"));
        } else {
            None
        };
        input.parse::<Token![=>]>()?;
        let body = body(input)?;
        self.guards.push(Guard { pattern, layers, guard, condition, body });
        Ok(())
    }

    fn check(&self) -> Result<()> {
        if self.guards.is_empty() && self.default.is_none() && self.complete.is_none() {
            return Err(Error::new(
                Span::call_site(),
                "an empty choice would wait for ever: give it a guard, `pattern = rx.recv() => …`",
            ));
        }
        if let Some(extra) = self.guards.get(MOST) {
            return Err(Error::new_spanned(
                &extra.guard,
                format!("`alt!` has at most {MOST} guards: use `Alt::offer()` for more"),
            ));
        }
        let stays = |guard: &Guard| guard.layers.is_empty() && guard.condition.is_none();
        if let Some(last) = self.guards.last()
            && self.default.is_none()
            && self.complete.is_none()
            && !self.guards.iter().any(stays)
        {
            return Err(Error::new_spanned(
                &last.guard,
                "every guard of this choice can switch off (by a pattern that may not match, or by an `if`), and then \
                 there is nothing to wait for: add `complete => …`",
            ));
        }
        Ok(())
    }
}

/// Parses what stands behind `=>`, and the comma behind it.
fn body(input: ParseStream<'_>) -> Result<Expr> {
    let block = input.peek(syn::token::Brace);
    let body = input.call(Expr::parse_with_earlier_boundary_rule)?;
    if input.peek(Token![,]) {
        input.parse::<Token![,]>()?;
    } else if !input.is_empty() && !block && !is_block_like(&body) {
        return Err(input.error("a comma is missing between two arms"));
    }
    Ok(body)
}

fn is_block_like(body: &Expr) -> bool {
    matches!(
        body,
        Expr::Block(_)
            | Expr::If(_)
            | Expr::Match(_)
            | Expr::Loop(_)
            | Expr::While(_)
            | Expr::ForLoop(_)
            | Expr::Unsafe(_)
    )
}

/// Takes `Ok(…)` and `Some(…)` off a pattern.
fn peel(pattern: Pat) -> Result<(Pat, Vec<Layer>)> {
    let mut layers = Vec::new();
    let mut pattern = pattern;
    loop {
        match pattern {
            Pat::Paren(inner) => pattern = *inner.pat,
            Pat::TupleStruct(mut wrapper) if wrapper.elems.len() == 1 && wrapper.path.segments.len() <= 2 => {
                let Some(last) = wrapper.path.segments.last() else { return Ok((Pat::TupleStruct(wrapper), layers)) };
                let layer = match last.ident.to_string().as_str() {
                    "Ok" => Layer::Ok,
                    "Some" => Layer::Some,
                    "Err" => return Err(lossy(&wrapper)),
                    _ => return Ok((Pat::TupleStruct(wrapper), layers)),
                };
                layers.push(layer);
                match wrapper.elems.pop() {
                    Some(inner) => pattern = inner,
                    None => return Err(Error::new_spanned(&wrapper, "a pattern is missing here")),
                }
            }
            Pat::Ident(name) if name.ident == "None" => return Err(lossy(&name)),
            Pat::Lit(_) | Pat::Range(_) | Pat::Or(_) | Pat::Slice(_) => return Err(lossy(&pattern)),
            other => return Ok((other, layers)),
        }
    }
}

fn lossy(pattern: &impl quote::ToTokens) -> Error {
    Error::new_spanned(
        pattern,
        "this pattern would throw received values away: take the whole result, `r = guard => match r { … }`, or \
         `Ok(value)` or `Some(value)`",
    )
}

pub(crate) fn expand(input: TokenStream, wait: Wait) -> TokenStream {
    match syn::parse2::<Choice>(input) {
        Ok(choice) => emit(&choice, wait),
        Err(error) => error.to_compile_error(),
    }
}

fn emit(choice: &Choice, wait: Wait) -> TokenStream {
    let Choice { krate, alt, guards, default, complete } = choice;
    let private = quote!(#krate::__private);
    let site = Span::mixed_site();
    if guards.is_empty() {
        // Nothing to wait for; `complete` says so more precisely than `default`.
        let body = complete.as_ref().or(default.as_ref());
        return quote!({ #body });
    }
    let names: Vec<Ident> = (0..guards.len()).map(|n| Ident::new(&format!("guard_{n}"), site)).collect();
    let variants: Vec<Ident> = (0..guards.len()).map(|n| format_ident!("Guard{n}")).collect();
    let types: Vec<Ident> = (0..guards.len()).map(|n| format_ident!("T{n}")).collect();
    let out = Ident::new("AqueductOut", site);

    let build = guards.iter().zip(&names).map(|(guard, name)| {
        let expr = &guard.guard;
        let made = match &guard.condition {
            Some(condition) => {
                quote!(if #condition { ::core::option::Option::Some(#expr) } else { ::core::option::Option::None })
            }
            None => quote!(::core::option::Option::Some(#expr)),
        };
        // The method call has the guard's span, so that "this is no guard" points there.
        let arm = quote_spanned!(expr.span()=> (&&&#name).aqueduct_guard().arm(#name));
        quote! {
            let #name = #made;
            let mut #name = #private::pin!(#arm);
        }
    });

    // Evaluated once, outside our loop, and living as long as the choice.
    let own = Ident::new("choice", site);
    let alt_expr = match alt {
        Some(alt) => quote!((#alt)),
        None => quote!(#krate::Alt::unseeded()),
    };
    let alt = &own;
    let select = match (wait, default.is_some()) {
        (Wait::Task, false) => quote!(#alt.select((#(#names.as_mut(),)*)).await),
        (Wait::Task, true) => quote!(#alt.select_now((#(#names.as_mut(),)*)).await),
        (Wait::Thread, false) => quote!(#alt.select_blocking((#(#names.as_mut(),)*))),
        (Wait::Thread, true) => quote!(#alt.select_now_blocking((#(#names.as_mut(),)*))),
    };
    let chosen = Ident::new("chosen", site);
    let value = Ident::new("value", site);
    let taken = guards.iter().zip(&names).zip(&variants).enumerate().map(|(index, ((guard, name), variant))| {
        let accept = accept(&guard.layers, &value, &quote!(#out::#variant), &private, site);
        let switch_off = (!guard.layers.is_empty()).then(|| quote!(#name.as_mut().switch_off();));
        quote! {
            #private::Chosen::Guard(#index) => {
                let #value = #name.as_mut().take();
                #accept
                #switch_off
            }
        }
    });
    let at_default = default.is_some().then(|| quote!(#private::Chosen::Default => break #out::Default,));
    let at_complete = match (complete, default) {
        (Some(_), _) => quote!(#private::Chosen::Complete => break #out::Complete,),
        (None, Some(_)) => quote!(#private::Chosen::Complete => break #out::Default,),
        (None, None) => quote! {
            #private::Chosen::Complete => ::core::panic!(
                "every guard of this choice is disabled, and it has neither `complete` nor `default`"
            ),
        },
    };

    let arms = guards.iter().zip(&variants).map(|(guard, variant)| {
        let Guard { pattern, body, .. } = guard;
        quote! {
            #out::#variant(#value) => {
                let #pattern = #value;
                #body
            }
        }
    });
    let default_arm = default.as_ref().map(|body| quote!(#out::Default => #body,));
    let complete_arm = complete.as_ref().map(|body| quote!(#out::Complete => #body,));
    let default_variant = default.is_some().then(|| quote!(Default,));
    let complete_variant = complete.is_some().then(|| quote!(Complete,));
    let result = Ident::new("result", site);

    quote! {{
        #[allow(unused_imports)]
        use #private::{
            Arm as _, SwallowNothing as _, SwallowPoison as _, ViaExchange as _, ViaFuture as _, ViaEvent as _,
        };
        enum #out<#(#types),*> {
            #(#variants(#types),)*
            #default_variant
            #complete_variant
        }
        #[allow(clippy::all, clippy::pedantic, unreachable_code)]
        let #result = match #alt_expr.by_mut() {
            #own => {
                #(#build)*
                loop {
                    let #chosen = #select;
                    match #chosen {
                        #(#taken)*
                        #at_default
                        #at_complete
                        _ => ::core::unreachable!(),
                    }
                }
            }
        };
        match #result {
            #(#arms)*
            #default_arm
            #complete_arm
        }
    }}
}

/// Breaks with the value if it is inside all the layers; falls through if not.
fn accept(layers: &[Layer], value: &Ident, variant: &TokenStream, private: &TokenStream, site: Span) -> TokenStream {
    let Some((layer, rest)) = layers.split_first() else {
        return quote!(break #variant(#value););
    };
    let inner = accept(rest, value, variant, private, site);
    match layer {
        Layer::Ok => {
            let error = Ident::new("error", site);
            quote! {
                match #value {
                    ::core::result::Result::Ok(#value) => { #inner }
                    ::core::result::Result::Err(#error) => (&&#private::Swallowed(&#error)).aqueduct_swallow(),
                }
            }
        }
        Layer::Some => quote! {
            if let ::core::option::Option::Some(#value) = #value { #inner }
        },
    }
}
