//! Rows from kotlinx.coroutines.
