//! `#[remote]`: leaves the function as it is, and beside it an entry of the registry.
//!
//! ```text
//! fn f(a: A, b: B) -> R { … }                     // unchanged
//!
//! const _: () = {
//!     fn aqueduct_types() { travels::<A, _>(); travels::<B, _>(); travels::<R, _>(); }
//!     inventory::submit! { Entry {
//!         name: "…::f",
//!         type_id: || type_id_of(&f),
//!         signature: || (&&Form::<Nothing, (A, B), R>::new()).signature(),
//!         run: |piece| (&&Form::<Nothing, (A, B), R>::new()).each(piece, |(a, b)| f(a, b)),
//!         …
//!     } }
//! };
//! ```
//!
//! In `aqueduct_types` each type has the span of the user's, so that what is wrong with it is told there. All else compiles in
//! any case (`registry::glue` says how), so that it is told once.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens as _, format_ident, quote, quote_spanned};
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned as _;
use syn::{
    Attribute, Error, FnArg, Ident, ImplItem, ImplItemFn, Item, ItemFn, ItemImpl, LitStr, Path, Result, ReturnType,
    Signature, Token, Type,
};

use crate::arguments::{assigned, library};
use crate::process::respanned;

/// The most arguments, besides the captured data, that the library's tuples have.
const MOST: usize = 8;

/// What stands in `#[remote(…)]`.
#[derive(Default)]
struct Arguments {
    krate: Option<Path>,
    name: Option<LitStr>,
    pure: bool,
}

const KNOWN: &str = "it takes `pure` (a second copy may run at the same time), `name = \"…\"` and `crate = path`";

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut arguments = Self::default();
        while !input.is_empty() {
            let key: Ident = input.call(Ident::parse_any).map_err(|error| Error::new(error.span(), KNOWN))?;
            let again = match key.to_string().as_str() {
                "crate" => {
                    assigned(&key, "path", input)?;
                    arguments.krate.replace(input.call(Path::parse_mod_style)?).is_some()
                }
                "name" => {
                    assigned(&key, "\"…\"", input)?;
                    let name: LitStr = input
                        .parse()
                        .map_err(|error| Error::new(error.span(), "a name is text between quotes: `name = \"…\"`"))?;
                    if name.value().is_empty() {
                        return Err(Error::new(name.span(), "a name has at least one letter"));
                    }
                    arguments.name.replace(name).is_some()
                }
                "pure" => std::mem::replace(&mut arguments.pure, true),
                _ => return Err(Error::new(key.span(), format!("`#[remote]` knows no `{key}`: {KNOWN}"))),
            };
            if again {
                return Err(Error::new(key.span(), format!("`{key}` is there twice: take one away")));
            }
            if !input.is_empty() {
                input.parse::<Token![,]>().map_err(|error| Error::new(error.span(), "a comma is missing here"))?;
            }
        }
        Ok(arguments)
    }
}

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let registered =
        syn::parse2::<Arguments>(arguments).and_then(|arguments| match syn::parse2::<Item>(item.clone())? {
            Item::Fn(function) => function_entry(&arguments, &function),
            Item::Impl(block) => impl_entries(&arguments, &block),
            other => Err(Error::new(keyword(&other), STANDS_ON)),
        });
    // The item stays in any case, so that those who use it add no errors of their own.
    match registered {
        // Captured data are a `&Vec<T>`, since the vector is what travels.
        Ok(beside) => quote!(#[allow(clippy::ptr_arg)] #item #beside),
        Err(error) => {
            let error = error.to_compile_error();
            quote!(#item #error)
        }
    }
}

const STANDS_ON: &str = "`#[remote]` stands on a function, or on an `impl` block whose methods take `&self`";

/// The word that says what an item is.
fn keyword(item: &Item) -> Span {
    match item {
        Item::Struct(item) => item.struct_token.span(),
        Item::Enum(item) => item.enum_token.span(),
        Item::Trait(item) => item.trait_token.span(),
        Item::Mod(item) => item.mod_token.span(),
        Item::Const(item) => item.const_token.span(),
        Item::Static(item) => item.static_token.span(),
        item => item.span(),
    }
}

fn function_entry(arguments: &Arguments, function: &ItemFn) -> Result<TokenStream> {
    refuse_twice(&function.attrs)?;
    let ident = &function.sig.ident;
    let name = match &arguments.name {
        Some(name) => quote!(#name),
        None => {
            let plain = ident.unraw().to_string();
            quote!(::core::concat!(::core::module_path!(), "::", #plain))
        }
    };
    let shape = Shape::of(&function.sig, None)?;
    Ok(shape.entry(arguments, &name, &quote!(#ident), &function.attrs, None))
}

fn impl_entries(arguments: &Arguments, block: &ItemImpl) -> Result<TokenStream> {
    refuse_twice(&block.attrs)?;
    if let Some((path, _)) = &block.trait_ {
        return Err(Error::new_spanned(
            path,
            "a method of a trait is not remote, because the trait may have it for many types: write it into an `impl` \
             block of the type itself, with `#[remote]`, and let the trait's call it",
        ));
    }
    if let Some(parameter) = block.generics.params.first() {
        return Err(Error::new_spanned(parameter, GENERIC));
    }
    let subject = &*block.self_ty;
    // As one writes it: `Scale<f64>`, not `Scale < f64 >`.
    let subject_name: String = subject.to_token_stream().to_string().split_whitespace().collect();
    let mut entries = TokenStream::new();
    let mut errors: Option<Error> = None;
    for item in &block.items {
        let ImplItem::Fn(method) = item else { continue };
        match method_entry(arguments, method, subject, &subject_name, &block.attrs) {
            Ok(entry) => entries.extend(entry),
            Err(error) => match &mut errors {
                Some(errors) => errors.combine(error),
                None => errors = Some(error),
            },
        }
    }
    errors.map_or(Ok(entries), Err)
}

fn method_entry(
    arguments: &Arguments,
    method: &ImplItemFn,
    subject: &Type,
    subject_name: &str,
    block_attrs: &[Attribute],
) -> Result<TokenStream> {
    if let Some(attr) = method.attrs.iter().find(|attr| is_remote(attr)) {
        return Err(Error::new_spanned(
            attr,
            "the `#[remote]` above the `impl` block is for all its methods: take this one away",
        ));
    }
    let ident = &method.sig.ident;
    let plain = ident.unraw().to_string();
    let name = match &arguments.name {
        Some(prefix) => quote!(::core::concat!(#prefix, "::", #plain)),
        None => quote!(::core::concat!(::core::module_path!(), "::", #subject_name, "::", #plain)),
    };
    let shape = Shape::of(&method.sig, Some(subject))?;
    let attrs: Vec<_> = block_attrs.iter().chain(&method.attrs).cloned().collect();
    Ok(shape.entry(arguments, &name, &quote!(<#subject>::#ident), &attrs, Some(subject)))
}

fn is_remote(attr: &Attribute) -> bool {
    attr.path().segments.last().is_some_and(|last| last.ident == "remote")
}

fn refuse_twice(attrs: &[Attribute]) -> Result<()> {
    match attrs.iter().find(|attr| is_remote(attr)) {
        Some(second) => Err(Error::new_spanned(second, "`#[remote]` is there twice: take one away")),
        None => Ok(()),
    }
}

const GENERIC: &str = "a remote function has fixed types, since another process has to find it by its name: write one \
                       function for each type, which may call a generic one";

/// What matters of a signature: owned types, `Self` replaced.
struct Shape {
    captured: Option<Type>,
    arguments: Vec<Type>,
    result: Type,
    is_async: bool,
}

impl Shape {
    fn of(sig: &Signature, subject: Option<&Type>) -> Result<Self> {
        refuse_form(sig)?;
        let mut captured = None;
        let mut arguments = Vec::new();
        for (index, input) in sig.inputs.iter().enumerate() {
            match input {
                FnArg::Receiver(receiver) => {
                    let Some(subject) = subject else {
                        return Err(Error::new(
                            receiver.self_token.span(),
                            "the type of `self` is not known here: put `#[remote]` on the whole `impl` block, which makes \
                             all its methods remote",
                        ));
                    };
                    if !matches!(receiver.kind, syn::ReceiverKind::Reference(_, _, None)) {
                        return Err(Error::new(
                            receiver.span(),
                            "many tasks share the captured data, so a remote method takes `&self`; take what changes as an \
                             argument, and return it. (A method that is not remote goes into another `impl` block)",
                        ));
                    }
                    let subject = Ident::new("AqueductSelf", subject.span());
                    captured = Some(Type::Verbatim(quote!(#subject)));
                }
                FnArg::Typed(typed) => match &*typed.ty {
                    Type::Reference(borrowed) if index == 0 && borrowed.mutability.is_none() => {
                        refuse_unsized(&borrowed.elem)?;
                        captured = Some(owned(&borrowed.elem, "captured data", subject)?);
                    }
                    ty => arguments.push(owned(ty, "an argument", subject)?),
                },
            }
        }
        if let (true, Some(extra)) = (arguments.len() > MOST, sig.inputs.last()) {
            return Err(Error::new_spanned(
                extra,
                format!("a remote function has at most {MOST} arguments: put them into a struct"),
            ));
        }
        let result = match &sig.output {
            ReturnType::Default => Type::Verbatim(quote_spanned!(sig.ident.span()=> ())),
            ReturnType::Type(_, ty) => match &**ty {
                Type::Reference(borrowed) => {
                    return Err(Error::new_spanned(
                        borrowed,
                        "a result goes back to another process, so it is owned: return `String` for `&str`, `Vec<T>` for \
                         `&[T]`",
                    ));
                }
                Type::Never(never) => {
                    return Err(Error::new_spanned(never, "a remote function has a result, or at least `()`"));
                }
                ty => owned(ty, "the result", subject)?,
            },
        };
        Ok(Self { captured, arguments, result, is_async: sig.asyncness.is_some() })
    }

    /// The tokens beside the function, which is called by `path`.
    fn entry(
        &self,
        arguments: &Arguments,
        name: &TokenStream,
        path: &TokenStream,
        attrs: &[Attribute],
        subject: Option<&Type>,
    ) -> TokenStream {
        let krate = library(arguments.krate.as_ref());
        let private = quote!(#krate::__private::remote);
        let site = Span::mixed_site();
        let piece = Ident::new("piece", site);
        let held = Ident::new("captured", site);
        let names: Vec<Ident> = (0..self.arguments.len()).map(|n| format_ident!("a{n}", span = site)).collect();
        let Self { captured, arguments: types, result, is_async } = self;
        let (item, pattern) = match (&types[..], &names[..]) {
            ([ty], [name]) => (quote!(#ty), quote!(#name)),
            (types, names) => (quote!((#(#types),*)), quote!((#(#names),*))),
        };
        let checks = types.iter().chain([result]).map(|ty| {
            let at = ty.span();
            let private = respanned(private.clone(), at);
            quote_spanned!(at=> #private::travels::<#ty, _>();)
        });
        let check_captured = captured.iter().map(|ty| {
            let at = ty.span();
            let private = respanned(private.clone(), at);
            quote_spanned!(at=> #private::captured::<#ty, _>();)
        });
        let held_type = captured.as_ref().map_or_else(|| quote!(#private::Nothing), |ty| quote!(#ty));
        let form = quote!((&&#private::Form::<#held_type, #item, #result>::new()));
        let run = match (captured, is_async) {
            (None, false) => quote!(#form.each(#piece, |#pattern: #item| #path(#(#names),*))),
            (None, true) => quote!(#form.each_async(#piece, |#pattern: #item| #path(#(#names),*))),
            (Some(_), false) => quote! {
                #form.each_with(#piece, |#held: &#held_type, #pattern: #item| #path(#held, #(#names),*))
            },
            (Some(_), true) => quote! {
                #form.each_async_with(
                    #piece,
                    async |#held: &#held_type, #pattern: #item| #path(#held, #(#names),*).await,
                )
            },
        };
        let fold = if let (true, [a, b]) = (self.folds(), &names[..]) {
            quote!(::core::option::Option::Some(|#piece| #form.fold(#piece, |#a: #result, #b: #result| #path(#a, #b))))
        } else {
            quote!(::core::option::Option::None)
        };
        let pure = arguments.pure;
        let conditions = attrs.iter().filter(|attr| attr.path().is_ident("cfg"));
        let alias = subject.map(|subject| quote!(#[allow(dead_code)] type AqueductSelf = #subject;));
        quote! {
            #(#conditions)*
            #[allow(deprecated, clippy::all, clippy::pedantic, clippy::nursery)]
            const _: () = {
                #[allow(unused_imports)]
                use #private::{ViaNothing as _, ViaPiece as _};
                #alias
                #[allow(dead_code)]
                fn aqueduct_types() {
                    #(#check_captured)*
                    #(#checks)*
                }
                #private::inventory::submit! {
                    #private::Entry {
                        name: #name,
                        location: ::core::concat!(::core::file!(), ":", ::core::line!()),
                        type_id: || #private::type_id_of(&#path),
                        signature: || #form.signature(),
                        run: |#piece| #run,
                        fold: #fold,
                        pure: #pure,
                    }
                }
            };
        }
    }

    /// Whether it takes two values of one type to a third.
    fn folds(&self) -> bool {
        let text = |ty: &Type| ty.to_token_stream().to_string();
        !self.is_async
            && self.captured.is_none()
            && matches!(&self.arguments[..], [a, b] if text(a) == text(b) && text(a) == text(&self.result))
    }
}

/// Refuses what no type is to blame for.
fn refuse_form(sig: &Signature) -> Result<()> {
    if let Some(token) = &sig.constness {
        return Err(Error::new(
            token.span(),
            "a remote function runs in another process, not in the compiler. Take `const` away",
        ));
    }
    if let syn::Safety::Unsafe(token) = &sig.safety {
        return Err(Error::new(
            token.span(),
            "what an unsafe function asks of its caller, another process cannot promise: write a safe function that calls it",
        ));
    }
    if let Some(abi) = &sig.abi {
        return Err(Error::new(abi.span(), "a remote function is an ordinary function. Take `extern` away"));
    }
    if let Some(variadic) = &sig.variadic {
        return Err(Error::new(variadic.span(), "a remote function has a fixed number of parameters"));
    }
    if let Some(parameter) = sig.generics.params.first() {
        return Err(Error::new_spanned(
            parameter,
            match parameter {
                syn::GenericParam::Lifetime(_) => {
                    "a remote function borrows nothing but its captured data, and that needs no named lifetime: take it away"
                }
                _ => GENERIC,
            },
        ));
    }
    Ok(())
}

/// Refuses captured data that has no size of its own.
fn refuse_unsized(elem: &Type) -> Result<()> {
    let instead = match elem {
        Type::Path(path) if path.path.is_ident("str") => "`&String`",
        Type::Slice(_) => "`&Vec<T>`",
        Type::Path(path) if path.path.is_ident("Path") => "`&PathBuf`",
        Type::TraitObject(_) => "a reference to one type",
        _ => return Ok(()),
    };
    Err(Error::new_spanned(
        elem,
        format!(
            "a leading reference is captured data, sent once for all tasks, and the worker has to own it: take {instead}. \
             (For an ordinary argument, take it by value: `String`, `Vec<T>`)"
        ),
    ))
}

/// The type with `Self` replaced, if it borrows nothing and is written out.
fn owned(ty: &Type, what: &str, subject: Option<&Type>) -> Result<Type> {
    if let Type::Reference(borrowed) = ty {
        let text = match &borrowed.mutability {
            Some(_) => {
                "another process cannot change a value here: take it by value, and return the new one".to_owned()
            }
            None => format!(
                "{what} comes from another process, so it is owned: `String` for `&str`, `Vec<T>` for `&[T]`, `T` for `&T`. \
                 (Only the first parameter may borrow: it is captured data)"
            ),
        };
        return Err(Error::new_spanned(borrowed, text));
    }
    let tokens = owned_tokens(ty.to_token_stream(), what, subject.is_some())?;
    Ok(Type::Verbatim(tokens))
}

fn owned_tokens(tokens: TokenStream, what: &str, has_self: bool) -> Result<TokenStream> {
    let mut replaced = TokenStream::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let token = match token {
            TokenTree::Group(group) => {
                let inner = owned_tokens(group.stream(), what, has_self)?;
                let mut new = proc_macro2::Group::new(group.delimiter(), inner);
                new.set_span(group.span());
                TokenTree::Group(new)
            }
            TokenTree::Ident(name) if name == "impl" => {
                return Err(Error::new(
                    name.span(),
                    format!(
                        "{what} of a remote function has one type with a name, so that both processes know it: write it out"
                    ),
                ));
            }
            TokenTree::Ident(name) if name == "Self" && has_self => {
                TokenTree::Ident(Ident::new("AqueductSelf", name.span()))
            }
            TokenTree::Punct(punct) if punct.as_char() == '&' => {
                return Err(Error::new(
                    punct.span(),
                    format!("{what} travels between processes, so nothing in it borrows: own it"),
                ));
            }
            TokenTree::Punct(punct) if punct.as_char() == '\'' => {
                if !matches!(tokens.peek(), Some(TokenTree::Ident(name)) if name == "static") {
                    return Err(Error::new(
                        punct.span(),
                        format!("{what} travels between processes, so nothing in it borrows: own it"),
                    ));
                }
                TokenTree::Punct(punct)
            }
            token => token,
        };
        replaced.extend([token]);
    }
    Ok(replaced)
}
