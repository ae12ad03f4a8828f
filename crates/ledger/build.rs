//! Rebuilds the crate if a schema migration is added, because the macro that embeds them does not notice new files.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
