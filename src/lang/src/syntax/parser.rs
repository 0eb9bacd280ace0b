//! The grammar, and what it expected, in the reader's words.

// The derive macro makes public items without documentation.
#[allow(missing_docs, unreachable_pub)]
mod generated {
    /// Reads one statement's head.
    #[derive(pest_derive::Parser)]
    #[grammar = "../../grammar/hm.pest"]
    pub(crate) struct Hm;
}

pub(crate) use generated::{Hm, Rule};

/// What the reader would call the thing that a rule matches; `None` for rules that would only
/// confuse.
pub(crate) fn words(rule: Rule) -> Option<&'static str> {
    Some(match rule {
        Rule::ident | Rule::decl | Rule::path | Rule::seg => "a name",
        Rule::ident_h | Rule::name_ver => "a name",
        Rule::r#type => "a type",
        Rule::expr | Rule::sum | Rule::product | Rule::atom => "a value",
        Rule::number | Rule::quantity | Rule::integer => "a number",
        Rule::range => "a range `a .. b`",
        Rule::string => "text in quotes",
        Rule::unit | Rule::bad_unit => "a unit",
        Rule::plus | Rule::minus | Rule::times | Rule::over => "an operator",
        Rule::dotdot => "`..`",
        Rule::eq => "`=`",
        Rule::colon => "`:`",
        Rule::to | Rule::by => "an arrow",
        Rule::relation => "a comparison",
        Rule::flag | Rule::flag_word => "a flag",
        Rule::index => "an index in brackets",
        Rule::unit_addr => "a unit address such as `1f.0`",
        Rule::array => "an array `[i < n]`",
        Rule::on => "`on`",
        Rule::EOI => "the end of the line",
        Rule::plug_val => "what is plugged in",
        _ => return None,
    })
}
