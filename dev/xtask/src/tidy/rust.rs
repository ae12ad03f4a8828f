//! Splits Rust sources into tokens, to separate code from comments, strings and tests.

/// The kind of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An identifier, a keyword, a number or a lifetime.
    Word,
    /// The content of a string literal, with its escapes as written.
    Text,
    /// A character literal.
    Character,
    /// One character of punctuation.
    Mark,
    /// A comment, with the characters that open it.
    Comment,
}

/// A token of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    /// The token's kind.
    pub(super) kind: Kind,
    /// The token's text in the source. For a string literal, only the content.
    pub(super) text: &'a str,
    /// The token's first line, from 1.
    pub(super) line: usize,
}

impl Token<'_> {
    /// True if this is the word or the mark `text`.
    pub(super) fn is(&self, text: &str) -> bool {
        matches!(self.kind, Kind::Word | Kind::Mark) && self.text == text
    }
}

/// All tokens of a source, including comments. A string or a comment that is not closed extends to
/// the end of the source.
pub(super) fn tokens(source: &str) -> Vec<Token<'_>> {
    let mut lexer = Lexer {
        source,
        at: 0,
        line: 1,
    };
    let mut found = Vec::new();
    while let Some(token) = lexer.next_token() {
        found.push(token);
    }
    found
}

/// The tokens that are code, without the items that only tests compile.
pub(super) fn code(source: &str) -> Vec<Token<'_>> {
    let all: Vec<Token<'_>> = tokens(source)
        .into_iter()
        .filter(|token| token.kind != Kind::Comment)
        .collect();
    let mut kept = Vec::new();
    let mut rest = all.as_slice();
    while let Some((first, after)) = rest.split_first() {
        if opens(rest, &["#", "[", "cfg", "(", "test", ")", "]"]) {
            rest = skip_item(rest.get(7..).unwrap_or_default());
        } else {
            kept.push(*first);
            rest = after;
        }
    }
    kept
}

/// True if `tokens` begin with these words and marks.
pub(super) fn opens(tokens: &[Token<'_>], expected: &[&str]) -> bool {
    tokens.len() >= expected.len()
        && tokens
            .iter()
            .zip(expected)
            .all(|(token, text)| token.is(text))
}

/// The tokens after the group that `tokens` begin with.
pub(super) fn after_group<'t, 's>(tokens: &'t [Token<'s>]) -> &'t [Token<'s>] {
    tokens.get(group(tokens).len()..).unwrap_or_default()
}

/// The group that `tokens` begin with, from its opening bracket to its closing bracket. If the
/// first token is not a bracket, the group is that token.
pub(super) fn group<'t, 's>(tokens: &'t [Token<'s>]) -> &'t [Token<'s>] {
    let mut open = 0_usize;
    for (index, token) in tokens.iter().enumerate() {
        if token.kind == Kind::Mark {
            match token.text {
                "(" | "[" | "{" => open += 1,
                ")" | "]" | "}" => open = open.saturating_sub(1),
                _ => {}
            }
        }
        if open == 0 {
            return tokens.get(..=index).unwrap_or(tokens);
        }
    }
    tokens
}

/// The tokens after the item that `tokens` begin with. Attributes may come before the item. It ends
/// with its `;` or its block.
fn skip_item<'t, 's>(mut tokens: &'t [Token<'s>]) -> &'t [Token<'s>] {
    while let Some(token) = tokens.first() {
        if token.is("{") {
            return after_group(tokens);
        }
        if token.is(";") {
            return tokens.get(1..).unwrap_or_default();
        }
        tokens = if token.is("(") || token.is("[") {
            after_group(tokens)
        } else {
            tokens.get(1..).unwrap_or_default()
        };
    }
    tokens
}

struct Lexer<'a> {
    source: &'a str,
    at: usize,
    line: usize,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.source.get(self.at..).unwrap_or_default()
    }

    fn next_token(&mut self) -> Option<Token<'a>> {
        let space = self.rest().len() - self.rest().trim_start().len();
        self.take(space);
        let rest = self.rest();
        let line = self.line;
        let first = rest.chars().next()?;
        let (kind, text) = if rest.starts_with("//") {
            let end = rest.find('\n').unwrap_or(rest.len());
            (Kind::Comment, self.take(end))
        } else if rest.starts_with("/*") {
            (Kind::Comment, self.take(block_comment(rest)))
        } else if let Some((before, inside, whole)) = string(rest) {
            let token = self.take(whole);
            let text = token.get(before..before + inside).unwrap_or_default();
            (Kind::Text, text)
        } else if first == '\'' {
            self.quoted(rest)
        } else if is_word(first) {
            let raw = if rest.starts_with("r#") { 2 } else { 0 };
            let word = rest.get(raw..).unwrap_or_default();
            let end = word.find(|c| !is_word(c)).unwrap_or(word.len());
            (Kind::Word, self.take(raw + end))
        } else {
            (Kind::Mark, self.take(first.len_utf8()))
        };
        Some(Token { kind, text, line })
    }

    /// Takes a character literal, or a lifetime.
    fn quoted(&mut self, rest: &'a str) -> (Kind, &'a str) {
        let mut inside = rest.chars().skip(1);
        let is_lifetime = inside.next().is_some_and(is_word) && inside.next() != Some('\'');
        if is_lifetime {
            let name = rest.get(1..).unwrap_or_default();
            let end = name.find(|c| !is_word(c)).unwrap_or(name.len());
            (Kind::Word, self.take(1 + end))
        } else {
            (Kind::Character, self.take(1 + until(rest, 1, '\'')))
        }
    }

    fn take(&mut self, length: usize) -> &'a str {
        let text = self.rest().get(..length).unwrap_or(self.rest());
        self.line += text.matches('\n').count();
        self.at += text.len();
        text
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn block_comment(rest: &str) -> usize {
    let mut open = 0_usize;
    let mut at = 0;
    while let Some(text) = rest.get(at..).filter(|text| !text.is_empty()) {
        if text.starts_with("/*") {
            open += 1;
            at += 2;
        } else if text.starts_with("*/") {
            open -= 1;
            at += 2;
            if open == 0 {
                break;
            }
        } else {
            at += text.chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

/// If `rest` begins with a string literal, returns three lengths: of the opening mark, of the
/// content, and of the whole literal.
fn string(rest: &str) -> Option<(usize, usize, usize)> {
    let prefix = rest.find(|c: char| !matches!(c, 'b' | 'c' | 'r'))?;
    let is_raw = rest.get(..prefix)?.contains('r');
    let after = rest.get(prefix..)?;
    let hashes = if is_raw {
        after.find(|c| c != '#').unwrap_or(after.len())
    } else {
        0
    };
    let before = prefix + hashes + 1;
    if prefix > 2 || !after.get(hashes..)?.starts_with('"') {
        return None;
    }
    if is_raw {
        let end = format!("\"{}", "#".repeat(hashes));
        let inside = rest.get(before..)?;
        let length = inside.find(&end).unwrap_or(inside.len());
        Some((before, length, before + length + end.len()))
    } else {
        let length = until(rest, before, '"') - before;
        Some((before, length, before + length + 1))
    }
}

/// The index of the first `end` at or after `from` that no backslash escapes. If there is none, the
/// length of the text.
fn until(text: &str, from: usize, end: char) -> usize {
    let mut escaped = false;
    for (index, c) in text.char_indices().filter(|(index, _)| *index >= from) {
        if c == end && !escaped {
            return index;
        }
        escaped = c == '\\' && !escaped;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &str, kind: Kind) -> Vec<&str> {
        tokens(source)
            .into_iter()
            .filter(|token| token.kind == kind)
            .map(|token| token.text)
            .collect()
    }

    #[test]
    fn strings_and_comments_are_separated_from_code() {
        let source = r##"
let a = "b // \" c"; // one "two"
/* three /* four */ five */ let r#type = r#"x"y"#; let b = b"z"; call('\'', '"', 'q', &'static str)
"##;
        assert_eq!(texts(source, Kind::Text), ["b // \\\" c", "x\"y", "z"]);
        assert_eq!(
            texts(source, Kind::Comment),
            ["// one \"two\"", "/* three /* four */ five */"]
        );
        assert_eq!(texts(source, Kind::Character), ["'\\''", "'\"'", "'q'"]);
        assert_eq!(
            texts(source, Kind::Word),
            [
                "let", "a", "let", "r#type", "let", "b", "call", "'static", "str"
            ]
        );
    }

    #[test]
    fn lines_are_counted_inside_strings_and_comments() {
        let source = "\"a\n\n\" /* \n */ x";
        let last = tokens(source).pop().unwrap();
        assert_eq!((last.text, last.line), ("x", 4));
    }

    #[test]
    fn items_of_tests_are_left_out() {
        let source =
            "a; #[cfg(test)] #[path = \"x\"] mod tests { b(); } c; #[cfg(test)] mod d; e { }";
        let words: Vec<&str> = code(source)
            .iter()
            .filter(|token| token.kind == Kind::Word)
            .map(|token| token.text)
            .collect();
        assert_eq!(words, ["a", "c", "e"]);
    }

    #[test]
    fn a_token_that_is_not_closed_ends_with_the_source() {
        for source in ["\"a", "/* a", "r#\"a", "'", "{ ( ", "#[cfg(test)]", "'\\"] {
            let all = tokens(source);
            assert!(!all.is_empty(), "{source}");
            assert!(after_group(&all).len() < all.len());
        }
    }
}
