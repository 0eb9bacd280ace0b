//! The codes of importers, family 12. Their pages lie in `explain/`.

use hetemu_lang::diag::Code;

macro_rules! codes {
    ($($id:ident $title:literal)*) => {
        $(
            #[doc = $title]
            pub const $id: Code =
                Code::new(stringify!($id), $title, include_str!(concat!("explain/", stringify!($id), ".md")));
        )*
        /// Every code of importers, sorted.
        pub const ALL: &[Code] = &[$($id),*];
    };
}

codes! {
    E1201 "the input cannot be read"
    W1202 "hetemu has no such type"
    W1203 "a property is not carried"
    W1204 "a connection is not carried"
    W1205 "a line or option is not carried"
    W1206 "a place on a bus is not carried"
    N1207 "something that the input leaves implicit is added"
    N1208 "something is carried under another name or as a stand-in"
    N1209 "something that the input itself switches off is left out"
}

/// The page of a code, Markdown; upper or lower case.
pub fn explain(code: &str) -> Option<&'static str> {
    ALL.iter().find(|c| c.id().eq_ignore_ascii_case(code)).map(|c| c.page())
}
