//! Generates the Rust code for the method option in `options.proto`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=../../proto/aikagi/mesh");
    let descriptors = protox::compile(["aikagi/mesh/v1/options.proto"], ["../../proto"])?;
    prost_build::compile_fds(descriptors)?;
    Ok(())
}
