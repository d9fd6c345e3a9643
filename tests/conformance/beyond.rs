//! Tests that nobody else has.
