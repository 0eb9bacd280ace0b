//! Saved state: numbered fields, so that old states stay readable and order does not matter.
//!
//! Format: a sequence of (field number: u16, length: u32, bytes), little-endian. Field numbers are
//! the device's or core's own and never reused.

/// Writes fields.
#[derive(Debug, Default, Clone)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// A number.
    pub fn int(&mut self, field: u16, value: u64) {
        self.bytes(field, &value.to_le_bytes());
    }
    /// Bytes.
    pub fn bytes(&mut self, field: u16, value: &[u8]) {
        self.bytes.extend_from_slice(&field.to_le_bytes());
        self.bytes.extend_from_slice(&(value.len() as u32).to_le_bytes());
        self.bytes.extend_from_slice(value);
    }
    /// Numbers.
    pub fn ints(&mut self, field: u16, values: impl IntoIterator<Item = u64>) {
        let all: Vec<u8> = values.into_iter().flat_map(u64::to_le_bytes).collect();
        self.bytes(field, &all);
    }
    /// What was written.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// A saved state that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoadError {
    /// A field that the device needs is not there.
    Missing(u16),
    /// A field's length or value does not fit.
    Bad(u16),
}

impl std::fmt::Display for LoadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            LoadError::Missing(field) => write!(f, "saved state lacks field {field}"),
            LoadError::Bad(field) => write!(f, "saved state has a bad value in field {field}"),
        }
    }
}

impl std::error::Error for LoadError {}

/// Reads fields.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    /// A reader of what [`Writer::finish`] gave.
    pub fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes }
    }

    /// The bytes of a field.
    pub fn bytes(&self, field: u16) -> Result<&'a [u8], LoadError> {
        let mut rest = self.bytes;
        while let Some((head, tail)) = rest.split_at_checked(6) {
            let number = u16::from_le_bytes([head[0], head[1]]);
            let len = u32::from_le_bytes([head[2], head[3], head[4], head[5]]) as usize;
            let (value, after) = tail.split_at_checked(len).ok_or(LoadError::Bad(number))?;
            if number == field {
                return Ok(value);
            }
            rest = after;
        }
        Err(LoadError::Missing(field))
    }

    /// A number.
    pub fn int(&self, field: u16) -> Result<u64, LoadError> {
        let bytes = self.bytes(field)?.try_into().map_err(|_| LoadError::Bad(field))?;
        Ok(u64::from_le_bytes(bytes))
    }

    /// Numbers, as many as there are.
    pub fn int_list(&self, field: u16) -> Result<Vec<u64>, LoadError> {
        let (words, rest) = self.bytes(field)?.as_chunks::<8>();
        if !rest.is_empty() {
            return Err(LoadError::Bad(field));
        }
        Ok(words.iter().map(|word| u64::from_le_bytes(*word)).collect())
    }

    /// Numbers, exactly `into.len()` of them.
    pub fn ints(&self, field: u16, into: &mut [u64]) -> Result<(), LoadError> {
        let bytes = self.bytes(field)?;
        if bytes.len() != into.len() * 8 {
            return Err(LoadError::Bad(field));
        }
        for (to, from) in into.iter_mut().zip(bytes.chunks_exact(8)) {
            *to = from.try_into().map(u64::from_le_bytes).map_err(|_| LoadError::Bad(field))?;
        }
        Ok(())
    }
}
