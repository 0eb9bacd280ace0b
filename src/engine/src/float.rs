//! Exact soft float.
