//! Generates the contracts' code. Messages with a field marked `debug_redact` get a Debug that does not
//! show it, and passwords and tokens in them are wiped when the message is dropped (INV-8).

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use protox::prost_reflect::{DescriptorPool, FieldDescriptor, MessageDescriptor};

const PROTO_ROOT: &str = "../../proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={PROTO_ROOT}");
    let out = PathBuf::from(std::env::var("OUT_DIR")?);

    let mut compiler = protox::Compiler::new([PROTO_ROOT])?;
    compiler.include_imports(true).include_source_info(true);
    for file in proto_files(Path::new(PROTO_ROOT))? {
        compiler.open_file(file)?;
    }
    std::fs::write(
        out.join("descriptors.bin"),
        compiler.encode_file_descriptor_set(),
    )?;

    let (redacted, code) = redactions(&compiler.descriptor_pool());
    for (package, text) in code {
        std::fs::write(out.join(format!("{package}.redacted.rs")), text)?;
    }

    let mut config = prost_build::Config::new();
    config.skip_debug(redacted);
    tonic_prost_build::configure()
        .build_transport(false)
        .compile_fds_with_config(compiler.file_descriptor_set(), config)?;
    Ok(())
}

fn proto_files(root: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "proto")
            {
                files.push(path.strip_prefix(root)?.to_path_buf());
            }
        }
    }
    files.sort();
    Ok(files)
}

/// The full names of the messages that hide something, and the code to add for each package.
fn redactions(pool: &DescriptorPool) -> (Vec<String>, BTreeMap<String, String>) {
    let mut names = Vec::new();
    let mut code: BTreeMap<String, String> = BTreeMap::new();
    for message in pool
        .all_messages()
        .filter(|message| !message.package_name().starts_with("google."))
    {
        let text = code.entry(message.package_name().to_owned()).or_default();
        if message.fields().any(|field| is_redacted(&field)) {
            names.push(format!(".{}", message.full_name()));
            write_debug(text, &message);
            write_oneofs(text, &message);
            write_drop(text, &message);
        }
    }
    (names, code)
}

fn is_redacted(field: &FieldDescriptor) -> bool {
    field
        .options()
        .get_field_by_name("debug_redact")
        .and_then(|value| value.as_bool())
        .unwrap_or(false)
}

fn write_debug(text: &mut String, message: &MessageDescriptor) {
    let name = message.name();
    let _ = writeln!(text, "impl ::core::fmt::Debug for {name} {{");
    let _ = writeln!(
        text,
        "fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {{"
    );
    let _ = write!(text, "f.debug_struct(\"{name}\")");
    for field in message
        .fields()
        .filter(|field| field.containing_oneof().is_none())
    {
        if is_redacted(&field) {
            let _ = write!(
                text,
                ".field(\"{0}\", &format_args!(\"<redacted>\"))",
                field.name()
            );
        } else {
            let _ = write!(text, ".field(\"{0}\", &self.{0})", field.name());
        }
    }
    for oneof in message.oneofs() {
        let _ = write!(text, ".field(\"{0}\", &self.{0})", oneof.name());
    }
    let _ = writeln!(text, ".finish() }} }}");
}

fn write_oneofs(text: &mut String, message: &MessageDescriptor) {
    for oneof in message.oneofs() {
        let type_name = format!("{}::{}", snake(message.name()), camel(oneof.name()));
        let _ = writeln!(text, "impl ::core::fmt::Debug for {type_name} {{");
        let _ = writeln!(
            text,
            "fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {{"
        );
        let _ = writeln!(text, "match self {{");
        for field in oneof.fields() {
            let variant = camel(field.name());
            if is_redacted(&field) {
                let _ = writeln!(
                    text,
                    "Self::{variant}(_) => f.write_str(\"{variant}(<redacted>)\"),"
                );
            } else {
                let _ = writeln!(
                    text,
                    "Self::{variant}(value) => f.debug_tuple(\"{variant}\").field(value).finish(),"
                );
            }
        }
        let _ = writeln!(text, "}} }} }}");
    }
}

fn write_drop(text: &mut String, message: &MessageDescriptor) {
    let secrets: Vec<FieldDescriptor> = message
        .fields()
        .filter(|field| {
            is_redacted(field) && field.containing_oneof().is_none() && !field.is_list()
        })
        .filter(|field| field.name().contains("password") || field.name().contains("token"))
        .collect();
    if secrets.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "impl Drop for {} {{ fn drop(&mut self) {{",
        message.name()
    );
    for secret in secrets {
        let _ = writeln!(
            text,
            "::zeroize::Zeroize::zeroize(&mut self.{});",
            secret.name()
        );
    }
    let _ = writeln!(text, "}} }}");
}

fn camel(name: &str) -> String {
    name.split('_')
        .map(|part| {
            part.chars()
                .next()
                .map(|first| first.to_ascii_uppercase())
                .into_iter()
                .collect::<String>()
                + part.get(1..).unwrap_or("")
        })
        .collect()
}

fn snake(name: &str) -> String {
    let mut out = String::new();
    for (index, letter) in name.chars().enumerate() {
        if letter.is_ascii_uppercase() && index > 0 {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}
