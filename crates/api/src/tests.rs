//! Tests of redacted fields in the generated code, for every message of the contracts.

use std::fmt::Debug;

use prost::Message;
use prost_reflect::{
    DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MapKey, MessageDescriptor,
    ReflectMessage as _, Value,
};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::DESCRIPTORS;

/// The content of every redacted field in this test, and of no other field.
const SECRET: &str = "secret";

/// The maximum depth of nested messages in this test.
const MAX_DEPTH: usize = 4;

/// The output and the bytes of a message that may still contain secrets.
struct Left {
    /// The Debug output before the message was wiped.
    debug: String,
    /// The encoding after the message was wiped.
    bytes: Vec<u8>,
}

/// Decodes a message and wipes it in the same manner as its `Drop`.
fn wipe<M: Message + Default + Debug + Zeroize + ZeroizeOnDrop>(bytes: &[u8]) -> Left {
    let mut message = M::decode(bytes).unwrap();
    let debug = format!("{message:?}");
    message.zeroize();
    Left {
        debug,
        bytes: message.encode_to_vec(),
    }
}

macro_rules! redacted_messages {
    ($($name:literal => $message:ty,)*) => {
        const MESSAGES: &[(&str, fn(&[u8]) -> Left)] = &[$(($name, wipe::<$message>)),*];
    };
}
include!(concat!(env!("OUT_DIR"), "/redacted_messages.rs"));

fn is_redacted(field: &FieldDescriptor) -> bool {
    let options = field.options();
    options
        .get_field_by_name("debug_redact")
        .and_then(|value| value.as_bool())
        .unwrap_or(false)
}

/// Creates a message with a value in every field. `member` selects the member of each oneof.
fn filled(message: &MessageDescriptor, member: usize, depth: usize) -> DynamicMessage {
    let mut filled = DynamicMessage::new(message.clone());
    for field in message.fields() {
        let is_chosen = field.containing_oneof().is_none_or(|oneof| {
            let chosen = member % oneof.fields().len();
            oneof.fields().nth(chosen) == Some(field.clone())
        });
        if is_chosen && depth < MAX_DEPTH {
            filled.set_field(&field, value(&field, member, depth));
        }
    }
    filled
}

fn value(field: &FieldDescriptor, member: usize, depth: usize) -> Value {
    let text = if is_redacted(field) { SECRET } else { "open" };
    if field.is_map() {
        return Value::Map([(MapKey::String(text.into()), Value::String(text.into()))].into());
    }
    let value = match field.kind() {
        Kind::String => Value::String(text.into()),
        Kind::Bytes => Value::Bytes(text.as_bytes().to_vec().into()),
        Kind::Bool => Value::Bool(true),
        Kind::Enum(_) => Value::EnumNumber(1),
        Kind::Message(message) => Value::Message(filled(&message, member, depth + 1)),
        Kind::Double => Value::F64(1.0),
        Kind::Float => Value::F32(1.0),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(1),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(1),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(1),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(1),
    };
    if field.is_list() {
        Value::List(vec![value])
    } else {
        value
    }
}

/// INV-8: in every message, each field with the option `debug_redact` is hidden in Debug output and wiped
/// on drop. Other fields stay unchanged.
#[test]
fn every_redacted_field_is_hidden_and_wiped() {
    let pool = DescriptorPool::decode(DESCRIPTORS).unwrap();
    let mut tried = 0;
    for message in pool.all_messages() {
        let has_secrets = message.fields().any(|field| is_redacted(&field));
        if !has_secrets || message.package_name().starts_with("google.") {
            continue;
        }
        let name = message.full_name();
        let (_, wipe) = MESSAGES.iter().find(|(known, _)| *known == name).unwrap();
        let members = message.oneofs().map(|oneof| oneof.fields().len()).max();
        for member in 0..members.unwrap_or(1) {
            let filled = filled(&message, member, 0);
            let left = wipe(&filled.encode_to_vec());
            assert!(!left.debug.contains(SECRET), "{name}: {}", left.debug);
            let wiped = DynamicMessage::decode(message.clone(), left.bytes.as_slice()).unwrap();
            for field in wiped.descriptor().fields() {
                let (before, after) = (filled.get_field(&field), wiped.get_field(&field));
                if is_redacted(&field) {
                    assert!(
                        after.is_default(&field.kind()) || is_empty(&after),
                        "{name}: {after}"
                    );
                } else {
                    assert_eq!(before, after, "{name}: {}", field.name());
                }
            }
        }
        tried += 1;
    }
    assert_eq!(tried, MESSAGES.len());
    assert!(tried > 20, "only {tried} messages were tried");
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::List(values) => values.is_empty(),
        Value::Map(values) => values.is_empty(),
        _ => false,
    }
}
