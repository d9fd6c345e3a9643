//! Failures of the driver and of the device.
