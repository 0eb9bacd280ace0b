//! `--expect` and `--send` in the order of the command line: a conversation with the guest.
//!
//! A text to send waits for the expectation before it; answers are given at the virtual time of the
//! output that they answer, so that a scripted run is the same every time.

use regex::bytes::Regex;
use std::collections::VecDeque;

/// How much output an expectation can span.
const WINDOW: usize = 8192;

/// One step.
#[derive(Debug, Clone)]
pub enum Step {
    /// Wait for output that matches.
    Expect(Regex),
    /// Type this.
    Send(Vec<u8>),
}

/// A script in progress.
#[derive(Debug, Clone, Default)]
pub struct Script {
    steps: VecDeque<Step>,
    seen: Vec<u8>,
    ready: Vec<u8>,
    any: bool,
    /// The last step is an expectation: when it is met, the run is over.
    ends: bool,
}

impl Script {
    /// A script of steps.
    pub fn new(steps: Vec<Step>) -> Script {
        let ends = matches!(steps.last(), Some(Step::Expect(_)));
        let any = !steps.is_empty();
        let mut script =
            Script { steps: steps.into(), seen: Vec::new(), ready: Vec::new(), any, ends };
        script.advance();
        script
    }

    /// Whether there are no steps at all.
    pub fn is_empty(&self) -> bool {
        !self.any
    }

    /// Whether the last step, an expectation, was met. After a text to send the guest goes on to
    /// its own end.
    pub fn done(&self) -> bool {
        self.ends && self.steps.is_empty() && self.ready.is_empty()
    }

    /// The expectation that is waited for.
    pub fn waits_for(&self) -> Option<&str> {
        match self.steps.front() {
            Some(Step::Expect(r)) => Some(r.as_str()),
            _ => None,
        }
    }

    /// Looks at output of the guest.
    pub fn output(&mut self, bytes: &[u8]) {
        if self.steps.is_empty() {
            return;
        }
        self.seen.extend_from_slice(bytes);
        self.advance();
        if self.seen.len() > 2 * WINDOW {
            self.seen.drain(..self.seen.len() - WINDOW);
        }
    }

    fn advance(&mut self) {
        loop {
            match self.steps.front() {
                Some(Step::Expect(regex)) => {
                    let Some(found) = regex.find(&self.seen) else { return };
                    let end = found.end();
                    self.seen.drain(..end);
                    self.steps.pop_front();
                }
                Some(Step::Send(bytes)) => {
                    self.ready.extend_from_slice(bytes);
                    self.steps.pop_front();
                }
                None => return,
            }
        }
    }

    /// What is to be typed now.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.ready)
    }

    /// Whether there is something to be typed now.
    pub fn has_input(&self) -> bool {
        !self.ready.is_empty()
    }
}

/// Bytes of an escaped text: \n \r \t \e \0 \\ \" and \xHH.
pub fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.extend(c.to_string().bytes());
            continue;
        }
        out.push(match chars.next() {
            Some('n') => b'\n',
            Some('r') => b'\r',
            Some('t') => b'\t',
            Some('e') => 0x1b,
            Some('0') => 0,
            Some('\\') => b'\\',
            Some('"') => b'"',
            Some('x') => {
                let digits: String = chars.by_ref().take(2).collect();
                u8::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 2).ok_or_else(
                    || format!("`\\x{digits}` in `{text}`: two hex digits follow \\x"),
                )?
            }
            Some(c) => {
                return Err(format!(
                    "`\\{c}` in `{text}` is no escape: \\n \\r \\t \\e \\0 \\\\ \\xHH"
                ));
            }
            None => return Err(format!("`{text}` ends in a lone backslash")),
        });
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expect(text: &str) -> Step {
        Step::Expect(Regex::new(text).unwrap())
    }

    #[test]
    fn texts_wait_for_the_expectation_before_them() {
        let mut s = Script::new(vec![
            Step::Send(b"a".to_vec()),
            expect("> "),
            Step::Send(b"b".to_vec()),
            expect("bye"),
        ]);
        assert_eq!(s.take(), b"a");
        s.output(b"one >");
        assert!(!s.has_input());
        assert_eq!(s.waits_for(), Some("> "));
        s.output(b" two");
        assert_eq!(s.take(), b"b");
        assert!(!s.done());
        s.output(b" b");
        s.output(b"ye");
        assert!(s.done());
    }

    #[test]
    fn one_output_can_meet_several_expectations_in_order() {
        let mut s = Script::new(vec![expect("b"), expect("a")]);
        s.output(b"ab");
        assert_eq!(s.waits_for(), Some("a"));
        s.output(b"a");
        assert!(s.done());
        assert!(Script::new(vec![]).is_empty());
    }

    #[test]
    fn after_a_last_text_the_guest_has_the_word() {
        let mut s = Script::new(vec![expect("> "), Step::Send(b"exit 7".to_vec())]);
        s.output(b"> ");
        assert_eq!(s.take(), b"exit 7");
        assert!(!s.done());
        assert_eq!(s.waits_for(), None);
    }

    #[test]
    fn escapes_are_read() {
        assert_eq!(unescape(r"a\r\n\x03\\").unwrap(), b"a\r\n\x03\\");
        for bad in [r"\q", r"\x1", "\\"] {
            assert!(unescape(bad).is_err(), "{bad}");
        }
    }
}
