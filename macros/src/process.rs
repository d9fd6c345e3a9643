//! `#[process]`: keeps the function as it is inside a constructor of the same name.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{Error, FnArg, Ident, ItemFn, LitStr, Pat, Result, ReturnType, Type};

use crate::arguments::Arguments;

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let arguments = syn::parse2::<Arguments>(arguments);
    let krate = arguments.as_ref().map_or_else(|_| Arguments::default().library(), Arguments::library);
    let expanded = arguments.and_then(|arguments| {
        let function = syn::parse2::<ItemFn>(item.clone()).map_err(|_| {
            Error::new(
                // Not its attributes, if it has some.
                syn::parse2::<syn::Item>(item.clone())
                    .map_or_else(|_| item.span(), |parsed| keyword(&parsed).unwrap_or_else(|| item.span())),
                "`#[process]` stands on a function: `#[process] async fn` for a task, `#[process] fn` for a thread. For a \
                 struct write `#[derive(Process)]` and `impl Run`",
            )
        })?;
        process(&arguments, function)
    });
    match expanded {
        Ok(tokens) => tokens,
        Err(error) => {
            let error = error.to_compile_error();
            let instead = stand_in(&krate, &item).unwrap_or(item);
            quote!(#error #instead)
        }
    }
}

/// A process that does nothing, after an error, so that those who use it add no errors of their own.
fn stand_in(krate: &TokenStream, item: &TokenStream) -> Option<TokenStream> {
    let ItemFn { attrs, vis, mut sig, .. } = syn::parse2(item.clone()).ok()?;
    if sig.receiver().is_some() || sig.variadic.is_some() {
        return None;
    }
    let outcome = match &sig.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, ty) => quote!(#ty),
    };
    sig.constness = None;
    sig.asyncness = None;
    sig.abi = None;
    sig.output = syn::parse_quote!(-> #krate::Task<::core::future::Pending<#outcome>>);
    Some(quote! {
        #(#attrs)*
        #[allow(unused_variables, unused_mut)]
        #vis #sig {
            ::core::unreachable!("stands in for what does not compile")
        }
    })
}

/// The word that says what an item is.
fn keyword(item: &syn::Item) -> Option<Span> {
    Some(match item {
        syn::Item::Struct(item) => item.struct_token.span(),
        syn::Item::Enum(item) => item.enum_token.span(),
        syn::Item::Impl(item) => item.impl_token.span(),
        syn::Item::Trait(item) => item.trait_token.span(),
        syn::Item::Mod(item) => item.mod_token.span(),
        _ => return None,
    })
}

fn process(arguments: &Arguments, function: ItemFn) -> Result<TokenStream> {
    let krate = arguments.library();
    let ItemFn { attrs, vis, sig, block, .. } = function;
    if let Some(token) = &sig.constness {
        return Err(Error::new(token.span(), "a process is not `const`: it runs. Take `const` away"));
    }
    if let Some(abi) = &sig.abi {
        return Err(Error::new(abi.span(), "a process is an ordinary function. Take `extern` away"));
    }
    if let Some(variadic) = &sig.variadic {
        return Err(Error::new(variadic.span(), "a process has a fixed number of parameters"));
    }
    let is_task = sig.asyncness.is_some();
    if let Some(thread) = arguments.thread {
        return Err(Error::new(
            thread,
            "a function needs no `thread`: an `async fn` is a task process, a plain `fn` a thread process",
        ));
    }
    if let Some((value, _)) = &arguments.value {
        return Err(Error::new(*value, "a function tells its value by what it returns: `-> Outcome<Value>`"));
    }
    if let (Some(local), false) = (arguments.local, is_task) {
        return Err(Error::new(
            local,
            "a plain `fn` is a thread process, and moves to its thread: `local` is for an `async fn`, which stays",
        ));
    }
    if !is_task {
        refuse_waiting_as_a_task(block.to_token_stream())?;
    }

    // The outer function names its parameters; the inner one has the patterns.
    let mut outer = Vec::new();
    let mut names = Vec::new();
    let mut ports = Vec::new();
    for (index, input) in sig.inputs.iter().enumerate() {
        let typed = match input {
            FnArg::Typed(typed) => typed,
            FnArg::Receiver(receiver) => {
                return Err(Error::new(
                    receiver.span(),
                    "a process shares nothing, so it has no `self`: make it a free function and hand over what it needs",
                ));
            }
        };
        let name = match &*typed.pat {
            Pat::Ident(name) if name.subpat.is_none() => name.ident.clone(),
            pattern => Ident::new(&format!("parameter_{index}"), pattern.span()),
        };
        let ty = &typed.ty;
        if let (false, Type::Reference(borrowed)) = (is_task, &**ty)
            && borrowed.lifetime.as_ref().is_none_or(|lifetime| lifetime.ident != "static")
        {
            return Err(Error::new_spanned(
                borrowed,
                "a thread process owns what it works on, since it may outlive its caller: take it by value (`String` for \
                 `&str`), or share it in an `Arc`",
            ));
        }
        let attrs = &typed.attrs;
        outer.push(quote!(#(#attrs)* #name: #ty));
        if may_hold_ends(ty) {
            ports.push(name.clone());
        }
        names.push(name);
    }
    // An underscore only says that the body does not use it.
    let port_names = ports.iter().map(|port| port.to_string().trim_start_matches('_').to_owned());
    let port_count = ports.len();
    let name = arguments.name.as_ref().map_or_else(|| sig.ident.to_string(), LitStr::value);
    let ident = &sig.ident;
    let generics = &sig.generics;
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let outcome = match &sig.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, ty) => quote!(#ty),
    };

    // The body keeps its own signature, so that its errors read as if it had been written without the macro.
    let mut inner = sig.clone();
    inner.ident = format_ident!("body_of_{}", ident, span = ident.span());
    let body = &inner.ident;
    let span = match &sig.output {
        ReturnType::Default => ident.span(),
        ReturnType::Type(_, ty) => ty.span(),
    };
    let at = ident.span();
    let here = respanned(krate.clone(), at);
    let (kind, promise, value) = if is_task {
        let send = arguments.local.is_none().then(|| quote_spanned!(span=> + ::core::marker::Send));
        (
            quote_spanned!(at=> Task),
            quote_spanned!(span=> impl ::core::future::Future<Output = #outcome> #send),
            match arguments.local {
                None => quote_spanned!(at=> #here::__private::sendable(#body(#(#names),*))),
                Some(_) => quote_spanned!(at=> #body(#(#names),*)),
            },
        )
    } else {
        (
            quote_spanned!(at=> Thread),
            quote_spanned!(span=> impl ::core::ops::FnOnce() -> #outcome + ::core::marker::Send + 'static),
            quote!(move || #body(#(#names),*)),
        )
    };
    // The name is where the compiler tells what is wrong with the body as a whole.
    // (No local variable: in a `macro_rules!` macro the name may come from elsewhere, and see none of ours.)
    let list = quote!([#((&&#krate::__private::Parameter(&#ports)).aqueduct_port()),*]);
    let new = quote_spanned!(at=> #here::#kind::new(&META, #list, #value));
    let mut outer_body = Group::new(
        Delimiter::Brace,
        quote! {
            #[allow(clippy::too_many_arguments, clippy::unused_async, clippy::needless_pass_by_value)]
            #inner #block

            #[allow(unused_imports)]
            use #krate::__private::{ViaEnd as _, ViaOther as _};
            static META: #krate::__private::Meta = #krate::__private::Meta::new(
                #name,
                &[#(#port_names),*],
                #krate::__private::concat!(#krate::__private::file!(), ":", #krate::__private::line!()),
            );
            #new
        },
    );
    outer_body.set_span(at);
    Ok(quote! {
        #(#attrs)*
        // Each port is a parameter.
        #[allow(clippy::too_many_arguments)]
        #vis fn #ident #impl_generics (#(#outer),*) -> #krate::#kind<#promise, #port_count> #where_clause #outer_body
    })
}

/// The same tokens as if they were written there.
pub(crate) fn respanned(tokens: TokenStream, at: Span) -> TokenStream {
    let respan = |mut token: TokenTree| {
        token.set_span(at);
        token
    };
    tokens.into_iter().map(respan).collect()
}

/// A thread process blocks; it cannot await. Says so where the body plainly tries to, rather than the compiler, which
/// does not know of the other form. (Inside an `async` block it may.)
fn refuse_waiting_as_a_task(body: TokenStream) -> Result<()> {
    let tokens = flatten(body);
    if tokens.iter().any(|token| matches!(token, TokenTree::Ident(name) if name == "async")) {
        return Ok(());
    }
    for pair in tokens.windows(2) {
        match pair {
            [TokenTree::Ident(name), TokenTree::Punct(bang)] if name == "alt" && bang.as_char() == '!' => {
                return Err(Error::new(
                    name.span(),
                    "a plain `fn` is a thread process, and blocks: use `alt_blocking!`, or make it an `async fn`",
                ));
            }
            [TokenTree::Punct(dot), TokenTree::Ident(name)] if dot.as_char() == '.' && name == "await" => {
                return Err(Error::new(
                    name.span(),
                    "a plain `fn` is a thread process, and blocks: use the `_blocking` form, or make it an `async fn`",
                ));
            }
            _ => {}
        }
    }
    Ok(())
}

/// All tokens in order, without the groups around them.
fn flatten(tokens: TokenStream) -> Vec<TokenTree> {
    let mut flat = Vec::new();
    for token in tokens {
        match token {
            TokenTree::Group(group) => flat.extend(flatten(group.stream())),
            token => flat.push(token),
        }
    }
    flat
}

/// False for the types that plainly hold no end. Of the others the compiler knows.
fn may_hold_ends(ty: &Type) -> bool {
    const PRIMITIVES: [&str; 18] = [
        "bool", "char", "str", "u8", "u16", "u32", "u64", "u128", "usize", "i8", "i16", "i32", "i64", "i128", "isize",
        "f32", "f64", "String",
    ];
    match ty {
        Type::Path(path) => !PRIMITIVES.iter().any(|primitive| path.path.is_ident(primitive)),
        Type::Reference(borrowed) => may_hold_ends(&borrowed.elem),
        Type::Paren(inner) => may_hold_ends(&inner.elem),
        Type::Group(inner) => may_hold_ends(&inner.elem),
        _ => true,
    }
}
