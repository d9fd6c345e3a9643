//! What stands in `#[process(…)]`.

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::ext::IdentExt as _;
use syn::parse::{Parse, ParseStream};
use syn::{Error, Ident, LitStr, Path, Result, Token, Type};

#[derive(Default)]
pub(crate) struct Arguments {
    pub(crate) krate: Option<Path>,
    pub(crate) name: Option<LitStr>,
    pub(crate) local: Option<Span>,
    pub(crate) thread: Option<Span>,
    pub(crate) value: Option<(Span, Type)>,
}

impl Arguments {
    /// The path of the library.
    pub(crate) fn library(&self) -> TokenStream {
        library(self.krate.as_ref())
    }
}

/// The path of the library, as `crate = …` says or as it is called.
pub(crate) fn library(said: Option<&Path>) -> TokenStream {
    said.map_or_else(|| quote!(::aqueduct), |path| quote!(#path))
}

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
                    let name = input
                        .parse()
                        .map_err(|error| Error::new(error.span(), "a name is text between quotes: `name = \"…\"`"))?;
                    arguments.name.replace(name).is_some()
                }
                "value" => {
                    assigned(&key, "Type", input)?;
                    arguments.value.replace((key.span(), input.parse()?)).is_some()
                }
                "local" => arguments.local.replace(key.span()).is_some(),
                "thread" => arguments.thread.replace(key.span()).is_some(),
                _ => return Err(Error::new(key.span(), format!("`#[process]` knows no `{key}`: {KNOWN}"))),
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

const KNOWN: &str = "it takes `name = \"…\"`, `local` (a task that stays on its thread) and `crate = path`; on a struct \
                     also `thread` and `value = Type`";

pub(crate) fn assigned(key: &Ident, what: &str, input: ParseStream<'_>) -> Result<()> {
    match input.parse::<Token![=]>() {
        Ok(_) => Ok(()),
        Err(_) => Err(Error::new(key.span(), format!("`{key}` needs a value: `{key} = {what}`"))),
    }
}
