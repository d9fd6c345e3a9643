//! Rows from the CSP systems: JCSP, core.async, PyCSP, aPyCSP and Guile Fibers; and the networks whose results are known.

mod apycsp;
mod core_async;
mod fibers;
mod jcsp;
mod networks;
mod pycsp;
mod rings;
mod symmetric;
mod topology;
