//! `#[aqueduct::main]`: a program that is its own workers.
//!
//! ```text
//! fn main() -> R {
//!     async fn main(cluster: Cluster) -> R { … }  // unchanged
//!     aqueduct::init();                           // a worker serves here, and does not come back
//!     drive(Cluster::from_env, main, Cluster::shutdown)
//! }
//! ```

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned as _;
use syn::{Error, FnArg, Ident, ItemFn, Path, Result, ReturnType, Token};

use crate::arguments::{assigned, library};

/// What stands in `#[aqueduct::main(…)]`.
#[derive(Default)]
struct Arguments {
    krate: Option<Path>,
}

impl Parse for Arguments {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut arguments = Self::default();
        if input.is_empty() {
            return Ok(arguments);
        }
        let known = "it takes `crate = path`, and nothing else: workers are asked for when the program starts, or by \
                     `Cluster::local(n)`";
        let key: Ident = input.call(Ident::parse_any).map_err(|error| Error::new(error.span(), known))?;
        if key != "crate" {
            return Err(Error::new(key.span(), format!("`#[aqueduct::main]` knows no `{key}`: {known}")));
        }
        assigned(&key, "path", input)?;
        arguments.krate = Some(input.call(Path::parse_mod_style)?);
        if input.peek(Token![,]) {
            input.parse::<Token![,]>()?;
        }
        if input.is_empty() { Ok(arguments) } else { Err(input.error(known)) }
    }
}

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let parsed = syn::parse2::<ItemFn>(item.clone())
        .map_err(|_| Error::new(item.span(), "`#[aqueduct::main]` stands on `async fn main`"));
    let expanded = parsed.as_ref().map_err(Clone::clone).and_then(|function| {
        let arguments = syn::parse2::<Arguments>(arguments)?;
        main(&arguments, function)
    });
    expanded.unwrap_or_else(|error| {
        let error = error.to_compile_error();
        // Some `main` stands in, or the compiler would also say that there is none.
        let instead = match parsed {
            Ok(function) if function.sig.ident == "main" => quote!(
                fn main() {}
            ),
            Ok(_) => item,
            Err(_) => TokenStream::new(),
        };
        quote!(#error #instead)
    })
}

fn main(arguments: &Arguments, function: &ItemFn) -> Result<TokenStream> {
    let krate = library(arguments.krate.as_ref());
    let ItemFn { attrs, vis, sig, block, .. } = function;
    if sig.ident != "main" {
        return Err(Error::new(
            sig.ident.span(),
            "`#[aqueduct::main]` stands on `main`: a worker starts there too, and must not do anything before it serves",
        ));
    }
    if sig.asyncness.is_none() {
        return Err(Error::new(
            sig.fn_token.span(),
            "write `async fn main`; a plain `main` calls `aqueduct::init()` first, and starts its cluster itself",
        ));
    }
    if let Some(parameter) = sig.generics.params.first() {
        return Err(Error::new_spanned(parameter, "`main` has no generic parameters"));
    }
    let mut inputs = sig.inputs.iter();
    let cluster = match (inputs.next(), inputs.next()) {
        (_, Some(second)) => {
            return Err(Error::new_spanned(second, "`main` takes the cluster, `cluster: Cluster`, or nothing"));
        }
        (Some(FnArg::Receiver(receiver)), _) => {
            return Err(Error::new(receiver.self_token.span(), "`main` is a free function, without `self`"));
        }
        (Some(FnArg::Typed(typed)), None) => Some(typed),
        (None, None) => None,
    };
    let result = match &sig.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, ty) => quote!(#ty),
    };
    let name = Ident::new("cluster", Span::mixed_site());
    let run = match cluster {
        Some(typed) => {
            // There, so that another type than `Cluster` is told there.
            let given = Ident::new("cluster", Span::mixed_site().located_at(typed.ty.span()));
            quote! {
                #krate::__private::drive(
                    #krate::Cluster::from_env,
                    async |#name: #krate::Cluster| main(#given).await,
                    async |#name: #krate::Cluster| #name.shutdown().await,
                )
            }
        }
        None => quote!(#krate::__private::drive_alone(main)),
    };
    Ok(quote! {
        #(#attrs)*
        #vis fn main() -> #result {
            #[allow(clippy::unused_async)]
            #sig #block
            #krate::init();
            #run
        }
    })
}
