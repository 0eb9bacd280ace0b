//! Tokens of one value to the value.

use super::JsonError;
use super::lex::Token;
use serde_json::{Map, Number, Value};

type Tokens = std::iter::Peekable<std::vec::IntoIter<Token>>;

/// The value; the tokens are all of one that is balanced, no deeper than the limit.
pub(super) fn value(tokens: Vec<Token>) -> Result<Value, JsonError> {
    one(&mut tokens.into_iter().peekable())
}

fn error(what: impl Into<String>) -> JsonError {
    JsonError::Parse(what.into())
}

fn one(t: &mut Tokens) -> Result<Value, JsonError> {
    match t.next() {
        Some(Token::Open(b'{')) => object(t),
        Some(Token::Open(_)) => array(t),
        Some(Token::Word(w)) => match w.as_slice() {
            b"true" => Ok(Value::Bool(true)),
            b"false" => Ok(Value::Bool(false)),
            b"null" => Ok(Value::Null),
            _ => {
                let mut w = String::from_utf8_lossy(&w).into_owned();
                w.truncate(64);
                Err(error(format!("invalid keyword '{w}'")))
            }
        },
        Some(Token::Number(n)) => number(&n),
        Some(Token::Text(s)) => string(&s).map(Value::String),
        _ => Err(error("expecting value")),
    }
}

fn object(t: &mut Tokens) -> Result<Value, JsonError> {
    let mut map = Map::new();
    if t.next_if(|n| matches!(n, Token::Close(b'}'))).is_some() {
        return Ok(Value::Object(map));
    }
    loop {
        let key = match t.peek() {
            Some(Token::Text(_)) => one(t)?,
            Some(Token::Close(_)) | None => return Err(error("expecting value")),
            Some(_) => {
                one(t)?;
                return Err(error("key is not a string in object"));
            }
        };
        let Value::String(key) = key else { return Err(error("key is not a string in object")) };
        if t.next_if(|n| *n == Token::Colon).is_none() {
            return Err(error("missing : in object pair"));
        }
        let value = one(t)?;
        if map.contains_key(&key) {
            return Err(error("duplicate key"));
        }
        map.insert(key, value);
        match t.next() {
            Some(Token::Comma) => {}
            Some(Token::Close(b'}')) => return Ok(Value::Object(map)),
            _ => return Err(error("expected separator in dict")),
        }
    }
}

fn array(t: &mut Tokens) -> Result<Value, JsonError> {
    let mut list = Vec::new();
    if t.next_if(|n| matches!(n, Token::Close(b']'))).is_some() {
        return Ok(Value::Array(list));
    }
    loop {
        list.push(one(t)?);
        match t.next() {
            Some(Token::Comma) => {}
            Some(Token::Close(b']')) => return Ok(Value::Array(list)),
            _ => return Err(error("expected separator in list")),
        }
    }
}

fn number(digits: &[u8]) -> Result<Value, JsonError> {
    let text = String::from_utf8_lossy(digits);
    if let Ok(n) = text.parse::<i64>() {
        return Ok(Value::Number(n.into()));
    }
    if let Ok(n) = text.parse::<u64>() {
        return Ok(Value::Number(n.into()));
    }
    let float = text.parse::<f64>().ok().and_then(Number::from_f64);
    float.map(Value::Number).ok_or_else(|| {
        let short: String = text.chars().take(64).collect();
        error(format!("invalid number '{short}'"))
    })
}

fn string(bytes: &[u8]) -> Result<String, JsonError> {
    let raw = std::str::from_utf8(bytes).map_err(|_| error("invalid UTF-8 sequence in string"))?;
    if !raw.contains('\\') {
        return Ok(raw.to_string());
    }
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        out.push(match chars.next() {
            Some(c @ ('"' | '\'' | '\\' | '/')) => c,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => unicode(&mut chars)?,
            _ => return Err(error("invalid escape sequence in string")),
        });
    }
    Ok(out)
}

/// The character of `\uXXXX`, or of a pair of them.
fn unicode(chars: &mut std::str::Chars<'_>) -> Result<char, JsonError> {
    let hex = |chars: &mut std::str::Chars<'_>| -> Option<u32> {
        let text = chars.as_str().get(..4).filter(|t| t.bytes().all(|b| b.is_ascii_hexdigit()))?;
        let n = u32::from_str_radix(text, 16).ok()?;
        *chars = chars.as_str().get(4..)?.chars();
        Some(n)
    };
    let high = hex(chars).ok_or_else(|| error("invalid escape sequence in string"))?;
    if let Some(c) = char::from_u32(high) {
        return Ok(c);
    }
    let wrong = || error(format!("\\u{high:04x} is not a valid Unicode character"));
    let mut rest = chars.clone();
    if high < 0xDC00 && rest.next() == Some('\\') && rest.next() == Some('u') {
        let low = hex(&mut rest).filter(|l| (0xDC00..0xE000).contains(l)).ok_or_else(wrong)?;
        *chars = rest;
        return char::from_u32(0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00))
            .ok_or_else(wrong);
    }
    Err(wrong())
}
