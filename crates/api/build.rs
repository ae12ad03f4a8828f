//! Generates the code of the contracts.
//!
//! Fields with the option `debug_redact` contain secrets or telephone numbers. Their messages get a
//! `Debug` that does not show these fields, and a `Drop` that wipes them (INV-8).

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use protox::prost_reflect::{FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor};

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

    let pool = compiler.descriptor_pool();
    let messages: Vec<MessageDescriptor> = pool
        .all_messages()
        .filter(|message| !message.package_name().starts_with("google."))
        .collect();
    for (package, text) in redactions(&messages)? {
        std::fs::write(out.join(format!("{package}.redacted.rs")), text)?;
    }
    std::fs::write(out.join("redacted_messages.rs"), registry(&messages))?;

    let mut config = prost_build::Config::new();
    config.skip_debug(
        messages
            .iter()
            .filter(|message| has_secrets(message))
            .map(|message| format!(".{}", message.full_name())),
    );
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

/// Generates the `Debug`, `Zeroize` and `Drop` of the messages with redacted fields, by package.
fn redactions(messages: &[MessageDescriptor]) -> Result<BTreeMap<String, String>, Box<dyn Error>> {
    let mut code: BTreeMap<String, String> = BTreeMap::new();
    for message in messages {
        let text = code.entry(message.package_name().to_owned()).or_default();
        if has_secrets(message) {
            write_debug(text, message);
            write_wipe(text, message)?;
            for oneof in oneofs_of(message) {
                write_oneof_debug(text, &oneof);
                write_oneof_wipe(text, &oneof)?;
            }
        }
    }
    Ok(code)
}

/// Lists the messages with redacted fields as a macro call, for the test that checks all of them.
fn registry(messages: &[MessageDescriptor]) -> String {
    let mut text = "redacted_messages! {\n".to_owned();
    for message in messages.iter().filter(|message| has_secrets(message)) {
        let package = message.package_name().trim_start_matches("aikagi.");
        let module = match package {
            "envoy.service.auth.v3" => "envoy::v3".to_owned(),
            package => package.replace('.', "::"),
        };
        let _ = writeln!(
            text,
            "\"{}\" => crate::{module}::{},",
            message.full_name(),
            message.name()
        );
    }
    text + "}\n"
}

fn has_secrets(message: &MessageDescriptor) -> bool {
    message.fields().any(|field| is_redacted(&field))
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
    for field in message.fields().filter(|field| oneof_of(field).is_none()) {
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
    for oneof in oneofs_of(message) {
        let _ = write!(text, ".field(\"{0}\", &self.{0})", oneof.name());
    }
    let _ = writeln!(text, ".finish() }} }}");
}

fn write_oneof_debug(text: &mut String, oneof: &OneofDescriptor) {
    let _ = writeln!(text, "impl ::core::fmt::Debug for {} {{", oneof_type(oneof));
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

/// Writes the code that wipes a message's redacted fields. A oneof wipes its own fields.
fn write_wipe(text: &mut String, message: &MessageDescriptor) -> Result<(), Box<dyn Error>> {
    let mut wipes = String::new();
    let secrets: Vec<FieldDescriptor> = message
        .fields()
        .filter(|field| is_redacted(field) && oneof_of(field).is_none())
        .collect();
    for secret in &secrets {
        wipes += &wipe(secret, &format!("&mut self.{}", secret.name()))?;
    }
    for oneof in oneofs_of(message).filter(holds_secrets) {
        let _ = writeln!(
            wipes,
            "if let Some(value) = &mut self.{} {{ ::zeroize::Zeroize::zeroize(value); }}",
            oneof.name()
        );
    }
    write_zeroize(text, message.name(), &wipes);
    if !secrets.is_empty() {
        write_drop(text, message.name());
    }
    Ok(())
}

fn write_oneof_wipe(text: &mut String, oneof: &OneofDescriptor) -> Result<(), Box<dyn Error>> {
    if !holds_secrets(oneof) {
        return Ok(());
    }
    let mut arms = String::new();
    for secret in oneof.fields().filter(is_redacted) {
        let _ = writeln!(
            arms,
            "Self::{}(value) => {{ {} }}",
            camel(secret.name()),
            wipe(&secret, "value")?
        );
    }
    if oneof.fields().any(|field| !is_redacted(&field)) {
        arms += "_ => {}\n";
    }
    let wipes = format!("match self {{ {arms} }}");
    write_zeroize(text, &oneof_type(oneof), &wipes);
    write_drop(text, &oneof_type(oneof));
    Ok(())
}

fn write_zeroize(text: &mut String, type_name: &str, wipes: &str) {
    let _ = writeln!(
        text,
        "impl ::zeroize::Zeroize for {type_name} {{ fn zeroize(&mut self) {{ {wipes} }} }}\n\
         impl ::zeroize::ZeroizeOnDrop for {type_name} {{}}"
    );
}

fn write_drop(text: &mut String, type_name: &str) {
    let _ = writeln!(
        text,
        "impl Drop for {type_name} {{ fn drop(&mut self) {{ ::zeroize::Zeroize::zeroize(self); }} }}"
    );
}

/// The statement that wipes one field. Fails for a type of field that cannot be redacted.
fn wipe(field: &FieldDescriptor, place: &str) -> Result<String, Box<dyn Error>> {
    let is_text = |field: &FieldDescriptor| matches!(field.kind(), Kind::String | Kind::Bytes);
    if field.is_map() {
        let entry = field.kind();
        let entry = entry.as_message().ok_or("a map field has no entry type")?;
        if is_text(&entry.map_entry_key_field()) && is_text(&entry.map_entry_value_field()) {
            return Ok(format!(
                "for (mut key, mut value) in ::core::mem::take({place}) {{\n\
                 ::zeroize::Zeroize::zeroize(&mut key); ::zeroize::Zeroize::zeroize(&mut value); }}\n"
            ));
        }
    } else if is_text(field) {
        return Ok(format!("::zeroize::Zeroize::zeroize({place});\n"));
    }
    Err(format!(
        "{}: debug_redact needs a string or bytes (also in a oneof), or a list or map of them",
        field.full_name()
    )
    .into())
}

/// The oneof of a field; `None` for a field without one. An `optional` field has a synthetic oneof, which is
/// ignored.
fn oneof_of(field: &FieldDescriptor) -> Option<OneofDescriptor> {
    field
        .containing_oneof()
        .filter(|oneof| !oneof.is_synthetic())
}

fn oneofs_of(message: &MessageDescriptor) -> impl Iterator<Item = OneofDescriptor> {
    message.oneofs().filter(|oneof| !oneof.is_synthetic())
}

fn holds_secrets(oneof: &OneofDescriptor) -> bool {
    oneof.fields().any(|field| is_redacted(&field))
}

fn oneof_type(oneof: &OneofDescriptor) -> String {
    let message = oneof.parent_message();
    format!("{}::{}", snake(message.name()), camel(oneof.name()))
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
