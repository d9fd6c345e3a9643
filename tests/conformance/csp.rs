//! Rows from JCSP, core.async, PyCSP, aPyCSP and Fibers.
