//! Generates the error reasons from `proto/`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=../../proto/aikagi/refusal");
    let descriptors = protox::compile(["aikagi/refusal/v1/error_reason.proto"], ["../../proto"])?;
    prost_build::compile_fds(descriptors)?;
    Ok(())
}
