//! Fuzz target for [`aikagi_properties::check::origin`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| aikagi_properties::check::origin(bytes));
