//! Tests of the network controller.
