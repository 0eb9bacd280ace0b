//! A line that a person types: editing keys, history, completion. Pure: bytes in, what to show out.

/// Most lines that are remembered.
const HISTORY: usize = 500;
/// Longest line.
const LONGEST: usize = 1000;

/// An editor of lines. It remembers those before.
#[derive(Debug, Default)]
pub struct Line {
    prompt: String,
    text: Vec<char>,
    /// Where the next character goes.
    at: usize,
    history: Vec<String>,
    /// Which line of the history is shown; its length: the new one.
    shown: usize,
    /// The new line, while an old one is shown.
    fresh: Vec<char>,
    /// A sequence of a key that has begun.
    escape: Vec<u8>,
}

/// What a byte completed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    /// Nothing yet.
    More,
    /// A line.
    Line(String),
    /// The end of the input, on an empty line.
    End,
}

impl Line {
    /// Begins a line; gives what to show.
    pub fn begin(&mut self, prompt: &str) -> String {
        self.prompt = prompt.to_string();
        (self.text, self.at, self.escape) = (Vec::new(), 0, Vec::new());
        self.shown = self.history.len();
        prompt.to_string()
    }

    /// Takes a byte. `words` are lines that can be completed to; `show` gets what to show.
    pub fn feed(&mut self, byte: u8, words: &[String], show: &mut String) -> Typed {
        if !self.escape.is_empty() {
            self.sequence(byte, show);
            return Typed::More;
        }
        match byte {
            b'\r' | b'\n' => {
                show.push('\n');
                let line: String = self.text.iter().collect();
                self.remember(line.trim());
                return Typed::Line(line);
            }
            4 if self.text.is_empty() => {
                show.push('\n');
                return Typed::End;
            }
            b'\t' => self.complete(words, show),
            0x1b => self.escape.push(byte),
            3 => {
                show.push_str("^C\n");
                let prompt = self.prompt.clone();
                show.push_str(&self.begin(&prompt));
            }
            8 | 127 if self.at > 0 => {
                self.at -= 1;
                self.text.remove(self.at);
                self.draw(show);
            }
            // Ctrl-B, -F, -E, -P, -N, -U, -K, -W; Ctrl-A is the menu's.
            2 => self.go(self.at.saturating_sub(1), show),
            6 => self.go(self.at + 1, show),
            5 => self.go(self.text.len(), show),
            16 => self.recall(false, show),
            14 => self.recall(true, show),
            21 => {
                self.text.drain(..self.at);
                self.at = 0;
                self.draw(show);
            }
            11 => {
                self.text.truncate(self.at);
                self.draw(show);
            }
            23 => {
                let head = self.text.get(..self.at).unwrap_or(&[]);
                let word = head.iter().rposition(|c| *c != ' ').unwrap_or(0);
                let head = head.get(..word).unwrap_or(&[]);
                let from = head.iter().rposition(|c| *c == ' ').map_or(0, |n| n + 1);
                self.text.drain(from..self.at);
                self.at = from;
                self.draw(show);
            }
            b' '..=126 if self.text.len() < LONGEST => {
                let c = char::from(byte);
                self.text.insert(self.at, c);
                self.at += 1;
                if self.at == self.text.len() {
                    show.push(c);
                } else {
                    self.draw(show);
                }
            }
            _ => {}
        }
        Typed::More
    }

    /// The rest of a key's sequence: `ESC [ A`, `ESC O H`, `ESC [ 3 ~`.
    fn sequence(&mut self, byte: u8, show: &mut String) {
        self.escape.push(byte);
        match self.escape.as_slice() {
            [_, b'[' | b'O'] => return,
            [_, b'[' | b'O', b'A'] => self.recall(false, show),
            [_, b'[' | b'O', b'B'] => self.recall(true, show),
            [_, b'[' | b'O', b'C'] => self.go(self.at + 1, show),
            [_, b'[' | b'O', b'D'] => self.go(self.at.saturating_sub(1), show),
            [_, b'[' | b'O', b'H'] | [_, b'[', b'1', b'~'] => self.go(0, show),
            [_, b'[' | b'O', b'F'] | [_, b'[', b'4', b'~'] => self.go(self.text.len(), show),
            [_, b'[', b'3', b'~'] if self.at < self.text.len() => {
                self.text.remove(self.at);
                self.draw(show);
            }
            // Numbers of a longer sequence.
            [_, b'[', .., b'0'..=b'9' | b';'] if self.escape.len() < 12 => return,
            _ => {}
        }
        self.escape.clear();
    }

    fn go(&mut self, to: usize, show: &mut String) {
        self.at = to.min(self.text.len());
        self.draw(show);
    }

    /// The line before or after, of those that were typed.
    fn recall(&mut self, later: bool, show: &mut String) {
        let to = if later { self.shown + 1 } else { self.shown.wrapping_sub(1) };
        if to > self.history.len() {
            return;
        }
        if self.shown == self.history.len() {
            self.fresh = std::mem::take(&mut self.text);
        }
        self.shown = to;
        self.text = match self.history.get(to) {
            Some(line) => line.chars().collect(),
            None => std::mem::take(&mut self.fresh),
        };
        self.at = self.text.len();
        self.draw(show);
    }

    fn remember(&mut self, line: &str) {
        if line.is_empty() || self.history.last().is_some_and(|l| l == line) {
            return;
        }
        if self.history.len() >= HISTORY {
            self.history.remove(0);
        }
        self.history.push(line.to_string());
    }

    /// Goes as far as all lines that begin so agree; shows them if that is nowhere.
    fn complete(&mut self, words: &[String], show: &mut String) {
        let head: String = self.text.iter().take(self.at).collect();
        let fits: Vec<&str> =
            words.iter().map(String::as_str).filter(|w| w.starts_with(&head)).collect();
        let Some(first) = fits.first() else { return };
        let agree = |n: &usize| fits.iter().all(|w| w.get(..*n) == first.get(..*n));
        let common = (0..=first.len()).rev().find(agree).unwrap_or(0);
        let mut rest = first.get(head.len()..common).unwrap_or("").to_string();
        if fits.len() == 1 {
            rest.push(' ');
        }
        if rest.is_empty() {
            show.push_str(&format!("\n{}\n", fits.join("  ")));
        }
        for c in rest.chars() {
            self.text.insert(self.at, c);
            self.at += 1;
        }
        self.draw(show);
    }

    fn draw(&self, show: &mut String) {
        let line: String = self.text.iter().collect();
        show.push_str(&format!("\r{}{line}\x1b[K", self.prompt));
        let back = self.text.len() - self.at.min(self.text.len());
        if back > 0 {
            show.push_str(&format!("\x1b[{back}D"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines that come of what is typed.
    fn lines(typed: &str) -> Vec<String> {
        let words = ["info irq", "info mtree", "info uart", "quit"].map(String::from);
        let (mut line, mut out, mut show) = (Line::default(), Vec::new(), String::new());
        line.begin("> ");
        for b in typed.bytes() {
            if let Typed::Line(text) = line.feed(b, &words, &mut show) {
                out.push(text);
                line.begin("> ");
            }
        }
        out
    }

    #[test]
    fn keys_edit() {
        assert_eq!(lines("abd\x1b[Dc\r"), ["abcd"]);
        assert_eq!(lines("abc\x7f\x7fx\r"), ["ax"]);
        assert_eq!(lines("bc\x1b[Ha\x1b[Fd\r"), ["abcd"]);
        assert_eq!(lines("one two \x17three\r"), ["one three"]);
        assert_eq!(lines("gone\x15here\r"), ["here"]);
        assert_eq!(lines("abc\x1b[H\x1b[3~\r"), ["bc"]);
        assert_eq!(lines("no\x03yes\r"), ["yes"]);
    }

    #[test]
    fn history_comes_back() {
        assert_eq!(lines("one\rtwo\r\x1b[A\x1b[A\r"), ["one", "two", "one"]);
        assert_eq!(lines("one\rnew\x1b[A\x1b[B\r"), ["one", "new"]);
    }

    #[test]
    fn tab_completes() {
        assert_eq!(lines("q\t\r"), ["quit "]);
        assert_eq!(lines("i\tu\t\r"), ["info uart "]);
        assert_eq!(lines("z\t\r"), ["z"]);
    }

    #[test]
    fn any_bytes_will_do() {
        let all: Vec<u8> = (0..=255).chain((0..=255).rev()).flat_map(|b| [0x1b, b, b]).collect();
        let (mut line, mut show) = (Line::default(), String::new());
        line.begin("> ");
        for b in all {
            line.feed(b, &[], &mut show);
        }
    }
}
