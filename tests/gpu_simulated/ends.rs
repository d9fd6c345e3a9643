//! The ends of stages and calls, at any point of their work.
