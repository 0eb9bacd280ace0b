//! Tests of the flash.
