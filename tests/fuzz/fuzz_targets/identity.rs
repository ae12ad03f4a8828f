//! Fuzz target for [`aikagi_properties::check::identity`].
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| aikagi_properties::check::identity(bytes));
