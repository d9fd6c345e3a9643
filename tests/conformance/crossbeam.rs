//! Rows from crossbeam-channel.
