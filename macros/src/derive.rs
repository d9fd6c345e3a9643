//! `#[derive(Process)]`: a struct that runs, with its ports.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::spanned::Spanned as _;
use syn::{
    Attribute, Error, Field, GenericArgument, GenericParam, Generics, Item, Member, PathArguments, Result, Type,
    WherePredicate,
};

use crate::arguments::Arguments;

pub(crate) fn expand(item: TokenStream) -> TokenStream {
    let item = match syn::parse2::<Item>(item) {
        Ok(item) => item,
        Err(error) => return error.to_compile_error(),
    };
    let (ident, generics, attrs) = match &item {
        Item::Struct(item) => (&item.ident, &item.generics, &item.attrs),
        Item::Enum(item) => (&item.ident, &item.generics, &item.attrs),
        Item::Union(item) => (&item.ident, &item.generics, &item.attrs),
        other => return Error::new_spanned(other, "`#[derive(Process)]` stands on a struct").to_compile_error(),
    };
    let arguments = arguments(attrs);
    let expanded = match &arguments {
        Ok(arguments) => derived(arguments, &item, ident, generics),
        Err(error) => Err(error.clone()),
    };
    expanded.unwrap_or_else(|error| {
        // Stand-ins, so that those who use the struct as a process add no errors of their own.
        let error = error.to_compile_error();
        let instead = stand_in(&arguments.unwrap_or_default(), ident, generics);
        quote!(#error #instead)
    })
}

/// All `#[process(…)]` of the struct.
fn arguments(attrs: &[Attribute]) -> Result<Arguments> {
    let mut all = attrs.iter().filter(|attr| attr.path().is_ident("process"));
    let Some(attr) = all.next() else { return Ok(Arguments::default()) };
    if let Some(second) = all.next() {
        return Err(Error::new_spanned(second, "one `#[process(…)]` takes all arguments: put them together"));
    }
    let arguments: Arguments = match &attr.meta {
        syn::Meta::Path(_) => Arguments::default(),
        _ => attr.parse_args()?,
    };
    if let (Some(_), Some(local)) = (arguments.thread, arguments.local) {
        return Err(Error::new(
            local,
            "a thread process has a thread of its own, a `local` one stays where it is: take one of them away",
        ));
    }
    Ok(arguments)
}

fn derived(arguments: &Arguments, item: &Item, ident: &Ident, generics: &Generics) -> Result<TokenStream> {
    let Item::Struct(item) = item else {
        return Err(Error::new(
            ident.span(),
            "a process is a struct: its fields are its state and its ports. Put the enum or union into a field of one",
        ));
    };
    if let Some(lifetime) = generics.params.iter().find_map(|parameter| match parameter {
        GenericParam::Lifetime(lifetime) => Some(lifetime),
        _ => None,
    }) {
        return Err(Error::new_spanned(
            lifetime,
            "a process that is a struct may outlive whoever made it, so it is `'static` and borrows nothing: let it own \
             the field (`String` for `&str`, an `Arc` for what is shared), or write `#[process] async fn`, which may \
             borrow while it is awaited in place",
        ));
    }

    let mut names = Vec::new();
    let mut ports = Vec::new();
    for (index, field) in item.fields.iter().enumerate() {
        let Some(member) = port(index, field)? else { continue };
        names.push(match &member {
            Member::Named(name) => name.to_string().trim_start_matches('_').to_owned(),
            Member::Unnamed(index) => index.index.to_string(),
        });
        ports.push((member, &field.ty));
    }
    let count = ports.len();

    let krate = arguments.library();
    let private = quote!(#krate::__private);
    let name = arguments.name.as_ref().map_or_else(|| ident.to_string(), syn::LitStr::value);
    let value = value(arguments);
    let derived = if arguments.thread.is_some() {
        Form { body: "RunBlocking", make: "derived_thread", spawn: "spawn_thread", kind: "Thread" }
    } else if arguments.local.is_some() {
        Form { body: "RunLocal", make: "derived_local", spawn: "spawn_local", kind: "Task" }
    } else {
        Form { body: "Run", make: "derived_task", spawn: "spawn_task", kind: "Task" }
    };
    let [body, make, spawn, kind] = [derived.body, derived.make, derived.spawn, derived.kind].map(here);
    let running = if arguments.thread.is_some() {
        quote!(#krate::RunThread<#private::ThreadBody<#value>, #value>)
    } else if arguments.local.is_some() {
        quote!(#krate::RunTask<#private::LocalBody<#value>>)
    } else {
        quote!(#krate::RunTask<#private::TaskBody<#value>>)
    };

    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    // What a generic process needs depends on how its `run` is written. Without parameters the compiler would check
    // the same bounds here and now, once for each impl: the call below does that, once.
    let mut bounded = generics.clone();
    if generics.params.iter().any(|parameter| matches!(parameter, GenericParam::Type(_))) {
        let send = arguments.local.is_none().then(|| quote!(::core::marker::Send+));
        let needed: [WherePredicate; 2] = [
            syn::parse_quote!(#ident #ty_generics: #krate::#body<#value> + 'static),
            syn::parse_quote!(#value: #send 'static),
        ];
        bounded.make_where_clause().predicates.extend(needed);
    }
    let bounds = &bounded.where_clause;
    let list = ports.iter().map(|(member, ty)| quote_spanned!(ty.span()=> #private::Port::of(&self.#member)));
    // The struct's name is where a missing `impl Run` is reported.
    let made = quote_spanned!(ident.span()=> #private::#make::<#value, Self, #count>);
    Ok(quote! {
        const _: () = {
            static META: #private::Meta = #private::Meta::new(
                #name,
                &[#(#names),*],
                #private::concat!(#private::file!(), ":", #private::line!()),
            );

            #[automatically_derived]
            impl #impl_generics #private::Derived<#count> for #ident #ty_generics #where_clause {
                fn ports(&self) -> [#private::Port; #count] {
                    [#(#list),*]
                }
            }

            #[automatically_derived]
            impl #impl_generics ::core::future::IntoFuture for #ident #ty_generics #bounds {
                type Output = ::core::result::Result<#value, #krate::ProcessError>;
                type IntoFuture = #running;

                fn into_future(self) -> Self::IntoFuture {
                    let ports = #private::Derived::ports(&self);
                    ::core::future::IntoFuture::into_future(#made(&META, ports, self))
                }
            }

            #[automatically_derived]
            impl #impl_generics #krate::Process for #ident #ty_generics #bounds {
                type Value = #value;

                fn draw(&self, sketch: &mut #private::Sketch) {
                    sketch.derived(&META, #krate::ProcessKind::#kind, &#private::Derived::ports(self));
                }

                fn spawn(self) -> #krate::Handle<#value> {
                    #private::#spawn(::core::future::IntoFuture::into_future(self))
                }

                fn spawn_local(self) -> #krate::Handle<#value> {
                    #private::#spawn(::core::future::IntoFuture::into_future(self))
                }
            }
        };
    })
}

/// The names of what differs between the forms.
struct Form {
    body: &'static str,
    make: &'static str,
    spawn: &'static str,
    kind: &'static str,
}

fn here(name: &str) -> Ident {
    Ident::new(name, Span::call_site())
}

fn value(arguments: &Arguments) -> TokenStream {
    arguments.value.as_ref().map_or_else(|| quote!(()), |(_, ty)| ty.to_token_stream())
}

/// The field, if it is a port.
fn port(index: usize, field: &Field) -> Result<Option<Member>> {
    let member = field.ident.clone().map_or_else(|| Member::from(index), Member::Named);
    let mut marks = field.attrs.iter().filter(|attr| attr.path().is_ident("port"));
    if let Some(mark) = marks.next() {
        if !matches!(mark.meta, syn::Meta::Path(_)) {
            return Err(Error::new_spanned(mark, "`#[port]` takes no arguments: a port is called as its field"));
        }
        if let Some(second) = marks.next() {
            return Err(Error::new_spanned(second, "`#[port]` is there twice: take one away"));
        }
        return Ok(Some(member));
    }
    match end_in(&field.ty) {
        None => Ok(None),
        Some(end) => {
            let name = match &member {
                Member::Named(name) => format!("`{name}`"),
                Member::Unnamed(index) => format!("field {}", index.index),
            };
            Err(Error::new(
                end,
                format!(
                    "{name} is a channel end: write `#[port]` before it, so that it is in the pictures of the process (for \
                     another crate's type of this name, write its path)"
                ),
            ))
        }
    }
}

/// Where a type names a `Sender` or a `Receiver` of ours, by itself or inside another.
fn end_in(ty: &Type) -> Option<Span> {
    match ty {
        Type::Path(path) => {
            let path = &path.path;
            let last = path.segments.last()?;
            let ours = path.segments.len() == 1 || path.segments.first().is_some_and(|first| first.ident == "aqueduct");
            if ours && (last.ident == "Sender" || last.ident == "Receiver") {
                return Some(last.ident.span());
            }
            let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
            arguments.args.iter().find_map(|argument| match argument {
                GenericArgument::Type(inner) => end_in(inner),
                _ => None,
            })
        }
        Type::Paren(inner) => end_in(&inner.elem),
        Type::Group(inner) => end_in(&inner.elem),
        Type::Array(inner) => end_in(&inner.elem),
        Type::Slice(inner) => end_in(&inner.elem),
        Type::Reference(inner) => end_in(&inner.elem),
        Type::Tuple(tuple) => tuple.elems.iter().find_map(end_in),
        _ => None,
    }
}

/// A process that does nothing, after an error.
fn stand_in(arguments: &Arguments, ident: &Ident, generics: &Generics) -> TokenStream {
    let krate = arguments.library();
    let value = value(arguments);
    let (impl_generics, ty_generics, where_clause) = generics.split_for_impl();
    quote! {
        #[automatically_derived]
        impl #impl_generics ::core::future::IntoFuture for #ident #ty_generics #where_clause {
            type Output = ::core::result::Result<#value, #krate::ProcessError>;
            type IntoFuture = ::core::future::Pending<Self::Output>;

            fn into_future(self) -> Self::IntoFuture {
                ::core::future::pending()
            }
        }

        #[automatically_derived]
        impl #impl_generics #krate::Process for #ident #ty_generics #where_clause {
            type Value = #value;

            fn draw(&self, _: &mut #krate::__private::Sketch) {}

            fn spawn(self) -> #krate::Handle<#value> {
                ::core::unreachable!("stands in for what does not compile")
            }

            fn spawn_local(self) -> #krate::Handle<#value> {
                ::core::unreachable!("stands in for what does not compile")
            }
        }
    }
}
