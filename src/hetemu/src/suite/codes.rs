//! Codes of test files: what is wrong with one, and how a test fails.

use hetemu_lang::diag::Code;

macro_rules! codes {
    ($($id:ident $title:literal)*) => {
        $(
            #[doc = $title]
            pub const $id: Code = Code::new(
                stringify!($id),
                $title,
                include_str!(concat!("../explain/", stringify!($id), ".md")),
            );
        )*
        /// Every code, sorted.
        pub const ALL: &[Code] = &[$($id),*];
    };
}

codes! {
    E1401 "a statement of a test file cannot be read"
    E1402 "a step names something that the machine does not have"
    E1403 "expected output did not come"
    E1404 "output came that must not"
    E1405 "a value is not what the test says"
    E1406 "the guest did not end as the test says"
    E1407 "the machine of a test cannot be made"
    E1408 "the machine did not come where the test waits for it"
}
