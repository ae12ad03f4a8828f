//! A field of a contract that carries a secret is marked `debug_redact`. So the field is not
//! printed, and its memory is wiped (INV-8).

use super::rust::{Kind, Token, code, group};
use super::tree::Tree;

/// Parts of the names of fields that carry a secret.
const SECRET: [&str; 9] = [
    "cookie",
    "digits",
    "keys",
    "password",
    "passwords",
    "pin",
    "secret",
    "token",
    "tokens",
];
/// The types that can carry a secret. Messages are not listed, because they mark their own fields.
const CARRIERS: [&str; 2] = ["string", "bytes"];

/// Fields without the mark.
pub(super) fn breaches(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in tree.ending(".proto") {
        let tokens = code(text);
        for at in 0..tokens.len() {
            let rest = tokens.get(at..).unwrap_or_default();
            let before = tokens.get(..at).unwrap_or_default();
            if let Some((name, options)) = field(before, rest)
                && is_secret(name.text)
                && !is_redacted(options)
            {
                found.push(format!(
                    "{path}:{}: {} is a secret: mark it [debug_redact = true]",
                    name.line, name.text
                ));
            }
        }
    }
    found
}

/// The name and the options of the field that `rest` begins with, if it has a type that can carry a secret.
fn field<'t, 's>(
    before: &[Token<'s>],
    rest: &'t [Token<'s>],
) -> Option<(&'t Token<'s>, &'t [Token<'s>])> {
    let [name, equals, number, after @ ..] = rest else {
        return None;
    };
    let kind = before.last()?;
    // The type of a map ends with `>`. The type of its values comes before that.
    let is_map = kind.is(">");
    let value = if is_map {
        before.iter().rev().nth(1)?
    } else {
        kind
    };
    let is_field = name.kind == Kind::Word
        && equals.is("=")
        && number.text.starts_with(|c: char| c.is_ascii_digit())
        && CARRIERS.contains(&value.text);
    let options = match after.first() {
        Some(open) if open.is("[") => group(after),
        _ => &[],
    };
    is_field.then_some((name, options))
}

fn is_secret(name: &str) -> bool {
    name.split('_').any(|part| SECRET.contains(&part))
}

fn is_redacted(options: &[Token<'_>]) -> bool {
    options.windows(3).any(
        |three| matches!(three, [a, b, c] if a.is("debug_redact") && b.is("=") && c.is("true")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(field: &str) -> usize {
        let text = format!("message A {{\n  // A password.\n  {field}\n}}");
        breaches(&Tree::of(&[("proto/a.proto", &text)])).len()
    }

    #[test]
    fn a_secret_is_marked() {
        assert_eq!(count("string new_password = 1 [debug_redact = true];"), 0);
        assert_eq!(
            count("string keys = 4 [\n deprecated = true,\n debug_redact = true\n];"),
            0
        );
        for field in [
            "string new_password = 1;",
            "string new_password = 1 [debug_redact = false];",
            "string new_password = 1 [deprecated = true];",
            "optional bytes session_token = 12;",
            "repeated string passwords = 2;",
            "map<string, string> passwords = 3;",
            "oneof x { string keys = 4; }",
        ] {
            assert_eq!(count(field), 1, "{field}");
        }
    }

    #[test]
    fn a_field_without_a_secret_needs_no_mark() {
        for field in [
            "uint32 max_digits = 1;",
            "repeated AccountPassword passwords = 1;",
            "google.protobuf.Timestamp password_expire_time = 9;",
            "string number = 1;",
        ] {
            assert_eq!(count(field), 0, "{field}");
        }
    }
}
