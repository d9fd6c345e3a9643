//! CUDA's driver, by way of `cust`: opened when the program runs, on the thread that owns the device.
