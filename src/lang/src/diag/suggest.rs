//! "Did you mean": the nearest of the names that would have been right.

/// Number of single-character insertions, deletions, replacements and swaps of neighbours between
/// two words (optimal string alignment), upper and lower case being half a change; in half steps.
fn distance(a: &[char], b: &[char]) -> usize {
    let cost = |x: char, y: char| match () {
        () if x == y => 0,
        () if x.eq_ignore_ascii_case(&y) => 1,
        () => 2,
    };
    let w = b.len() + 1;
    let mut d = vec![0usize; (a.len() + 1) * w];
    for (i, c) in d.iter_mut().enumerate() {
        *c = if i < w { 2 * i } else { 2 * (i / w) };
    }
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let swap = cost(a[i - 1], b[j - 1]);
            let mut best = (d[(i - 1) * w + j] + 2)
                .min(d[i * w + j - 1] + 2)
                .min(d[(i - 1) * w + j - 1] + swap);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(d[(i - 2) * w + j - 2] + 2);
            }
            d[i * w + j] = best;
        }
    }
    d[a.len() * w + b.len()]
}

/// A word with its article: `a plug`, `an overlay`.
pub fn article(word: &str) -> String {
    let an = word.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {word}", if an { "an" } else { "a" })
}

/// The candidate that `word` is most likely a slip of, if one is near enough: at most a third of
/// its letters changed, or the word being a part of the candidate. Ties go to the first in order.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let w: Vec<char> = word.chars().take(64).collect();
    let limit = match w.len() {
        0..=1 => 1,
        2 => 2,
        3..=4 => 3,
        n => 2 * n.div_ceil(3),
    };
    let mut best: Option<(usize, &str)> = None;
    for c in candidates {
        if c == word {
            continue;
        }
        let chars: Vec<char> = c.chars().take(64).collect();
        let mut d = distance(&w, &chars);
        let tail = c.rsplit('.').next().unwrap_or(c);
        if c.eq_ignore_ascii_case(word) {
            d = 1;
        }
        if w.len() >= 3 && (tail == word || c.starts_with(word) || c.ends_with(word)) {
            d = d.min(limit);
        }
        if d <= limit && best.is_none_or(|(b, _)| d < b) {
            best = Some((d, c));
        }
    }
    best.map(|(_, c)| c)
}

/// `a`, `b`, `c` and 4 more: names for a note, at most eight.
pub fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let all: Vec<&str> = names.into_iter().collect();
    let mut out = all.iter().take(8).copied().collect::<Vec<_>>().join(", ");
    if all.len() > 8 {
        out.push_str(&format!(" and {} more", all.len() - 8));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        let names = ["plic", "pll", "uart", "lowrisc.uart", "tx_empty", "clk"];
        assert_eq!(nearest("pllc", names), Some("plic"));
        assert_eq!(nearest("clokc", ["clk", "clock"]), Some("clock"));
        assert_eq!(nearest("lowrisc.uarrt", names), Some("lowrisc.uart"));
        assert_eq!(nearest("UART", names), Some("uart"));
        assert_eq!(nearest("tx_emtpy", names), Some("tx_empty"));
        assert_eq!(nearest("dram", names), None);
        assert_eq!(nearest("x", names), None);
    }

    #[test]
    fn long_lists_are_cut() {
        let many: Vec<String> = (0..12).map(|i| format!("n{i}")).collect();
        let text = list(many.iter().map(String::as_str));
        assert_eq!(text, "n0, n1, n2, n3, n4, n5, n6, n7 and 4 more");
    }
}
