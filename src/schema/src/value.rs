//! Values of properties, as the text, QMP and the live machine share them.

use crate::Literal;

/// A resolved value, numbers in the base unit (B, Hz, ns, 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A number.
    Int(u64),
    /// A truth value.
    Bool(bool),
    /// Text, or an enum's word.
    Str(String),
    /// Several values.
    List(Vec<Value>),
}

impl From<Literal> for Value {
    fn from(literal: Literal) -> Value {
        match literal {
            Literal::Int(n) => Value::Int(n),
            Literal::Bool(b) => Value::Bool(b),
            Literal::Str(s) => Value::Str(s.into()),
        }
    }
}

impl Value {
    /// The number, if it is one.
    pub fn as_int(&self) -> Option<u64> {
        if let Value::Int(n) = self { Some(*n) } else { None }
    }
    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        if let Value::Str(s) = self { Some(s) } else { None }
    }
    /// The truth value, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        if let Value::Bool(b) = self { Some(*b) } else { None }
    }
}
