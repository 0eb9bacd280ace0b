//! Messages on the wire: headers, an empty line, JSON ("Base Protocol" of the specification).

use serde_json::Value;
use std::io::{BufRead, Read as _, Result, Write};

/// What was read.
pub(crate) enum Read {
    /// A message.
    Message(Value),
    /// Something that is no message; reading can go on.
    Broken(String),
    /// The stream ended.
    End,
}

/// More than any text that a person writes.
const LONGEST: usize = 64 << 20;
/// Longest header line.
const HEADER: u64 = 8 << 10;

/// Reads one message.
pub(crate) fn read(input: &mut impl BufRead) -> Result<Read> {
    let mut length = None;
    loop {
        let mut line = Vec::new();
        let read = input.by_ref().take(HEADER).read_until(b'\n', &mut line);
        if read? == 0 {
            return Ok(Read::End);
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end();
        if line.is_empty() {
            match length {
                Some(_) => break,
                None => continue,
            }
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse::<usize>().ok();
        }
    }
    let length = length.unwrap_or(0);
    if length > LONGEST {
        std::io::copy(&mut input.by_ref().take(length as u64), &mut std::io::sink())?;
        return Ok(Read::Broken(format!("a message of {length} bytes is too long")));
    }
    let mut body = Vec::new();
    input.by_ref().take(length as u64).read_to_end(&mut body)?;
    if body.len() < length {
        return Ok(Read::End);
    }
    Ok(match serde_json::from_slice(&body) {
        Ok(value) => Read::Message(value),
        Err(e) => Read::Broken(e.to_string()),
    })
}

/// Writes one message.
pub(crate) fn write(output: &mut impl Write, message: &Value) -> Result<()> {
    let body = message.to_string();
    write!(output, "Content-Length: {}\r\n\r\n{body}", body.len())?;
    output.flush()
}
