//! Bytes to tokens, one byte at a time, with recovery after what is no token.

use super::MAX_BYTES;

/// A token, or what is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// `{` or `[`
    Open(u8),
    /// `}` or `]`
    Close(u8),
    Colon,
    Comma,
    /// A run of lower-case letters.
    Word(Vec<u8>),
    /// Digits with sign, fraction and exponent.
    Number(Vec<u8>),
    /// What stands between quotes, escapes as they came.
    Text(Vec<u8>),
    /// Bytes that no token begins or goes on with.
    Stray(Vec<u8>),
    /// A token beyond all limits.
    TooLong,
}

impl Token {
    pub(super) fn len(&self) -> usize {
        match self {
            Token::Word(b) | Token::Number(b) | Token::Text(b) | Token::Stray(b) => b.len() + 2,
            _ => 1,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Start,
    /// Bytes are dropped until one that may begin something.
    Recovery,
    Word,
    /// In a string of this quote; after a backslash.
    Text(u8, bool),
    Number(Part),
}

/// Where in a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Minus,
    Zero,
    Digits,
    Point,
    Fraction,
    Exponent,
    ExponentSign,
    ExponentDigits,
}

impl Part {
    /// The next place, if the byte goes on.
    fn next(self, b: u8) -> Option<Part> {
        Some(match (self, b) {
            (Part::Minus, b'0') => Part::Zero,
            (Part::Minus, b'1'..=b'9') | (Part::Digits, b'0'..=b'9') => Part::Digits,
            (Part::Zero | Part::Digits, b'.') => Part::Point,
            (Part::Zero | Part::Digits | Part::Fraction, b'e' | b'E') => Part::Exponent,
            (Part::Point | Part::Fraction, b'0'..=b'9') => Part::Fraction,
            (Part::Exponent, b'+' | b'-') => Part::ExponentSign,
            (Part::Exponent | Part::ExponentSign | Part::ExponentDigits, b'0'..=b'9') => {
                Part::ExponentDigits
            }
            _ => return None,
        })
    }

    /// Whether the number may end here, before a byte.
    fn ends(self, b: u8) -> bool {
        match self {
            // `01` is none.
            Part::Zero => !b.is_ascii_digit(),
            Part::Digits | Part::Fraction | Part::ExponentDigits => true,
            _ => false,
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Lexer {
    state: State,
    bytes: Vec<u8>,
}

impl Lexer {
    pub(super) fn feed(&mut self, b: u8, out: &mut Vec<Token>) {
        match self.state {
            State::Start => self.start(b, out),
            State::Recovery => {
                let promising = matches!(b, b'{' | b'}' | b'[' | b']' | b':' | b',');
                if promising || (b < 0x20 && b != b'\t') || b >= 0xFE {
                    self.state = State::Start;
                    self.start(b, out);
                }
            }
            State::Word if b.is_ascii_lowercase() => self.more(b, out),
            State::Word => {
                out.push(Token::Word(self.take()));
                self.start(b, out);
            }
            State::Number(part) => match part.next(b) {
                Some(next) => {
                    self.state = State::Number(next);
                    self.more(b, out);
                }
                None if part.ends(b) => {
                    out.push(Token::Number(self.take()));
                    self.start(b, out);
                }
                None => self.stray(b, out),
            },
            State::Text(..) if !(0x20..=0xFD).contains(&b) => self.stray(b, out),
            State::Text(quote, false) if b == quote => out.push(Token::Text(self.take())),
            State::Text(quote, escaped) => {
                self.state = State::Text(quote, !escaped && b == b'\\');
                self.more(b, out);
            }
        }
    }

    fn start(&mut self, b: u8, out: &mut Vec<Token>) {
        match b {
            b' ' | b'\t' | b'\r' | b'\n' => {}
            b'{' | b'[' => out.push(Token::Open(b)),
            b'}' | b']' => out.push(Token::Close(b)),
            b':' => out.push(Token::Colon),
            b',' => out.push(Token::Comma),
            b'"' | b'\'' => self.state = State::Text(b, false),
            b'a'..=b'z' => self.begin(b, State::Word),
            b'-' => self.begin(b, State::Number(Part::Minus)),
            b'0' => self.begin(b, State::Number(Part::Zero)),
            b'1'..=b'9' => self.begin(b, State::Number(Part::Digits)),
            _ => self.stray(b, out),
        }
    }

    fn begin(&mut self, b: u8, state: State) {
        self.bytes.push(b);
        self.state = state;
    }

    fn more(&mut self, b: u8, out: &mut Vec<Token>) {
        if self.bytes.len() >= MAX_BYTES {
            self.take();
            self.state = State::Recovery;
            out.push(Token::TooLong);
        } else {
            self.bytes.push(b);
        }
    }

    fn take(&mut self) -> Vec<u8> {
        self.state = State::Start;
        std::mem::take(&mut self.bytes)
    }

    fn stray(&mut self, b: u8, out: &mut Vec<Token>) {
        let quote = if let State::Text(q, _) = self.state { Some(q) } else { None };
        let mut bytes: Vec<u8> = quote.into_iter().collect();
        bytes.extend(self.take());
        bytes.push(b);
        // Only the beginning of a long one is of use in a message.
        bytes.truncate(64);
        self.state = State::Recovery;
        out.push(Token::Stray(bytes));
    }
}
