//! Expressions: one tree that is a kernel for the GPU and a body for the CPU.
