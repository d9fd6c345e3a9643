//! Expression kernels as their users see them: what they are written like, and the PTX that comes of it.

mod golden;
mod writing;
