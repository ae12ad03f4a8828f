//! The text of a file that is written for readers: the paragraphs of a document, and the comments
//! of every other file.

/// A paragraph of a document or of a comment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Paragraph {
    /// The paragraph's first line in the file, from 1.
    pub(super) line: usize,
    /// The paragraph's words on one line, without comment marks.
    pub(super) text: String,
}

/// The paragraphs of a file. The file's name decides how it is read. A file of an unknown kind has
/// no paragraphs.
pub(super) fn paragraphs(path: &str, text: &str) -> Vec<Paragraph> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    match ending {
        "md" => markdown(text),
        "rs" | "proto" | "ts" | "tsx" | "js" | "mjs" | "c" | "css" => {
            comments(text, &["///", "//!", "//"])
        }
        "sql" => comments(text, &["--"]),
        "toml" | "yaml" | "yml" | "conf" | "py" | "sh" => comments(text, &["#"]),
        _ if name.ends_with("Dockerfile") || text.starts_with("#!") => comments(text, &["#"]),
        _ => vec![],
    }
}

/// The sentences of a paragraph. A sentence ends at a full stop, a question mark or an exclamation
/// mark before a space. So it does not end inside a number, a name or a path. A colon does not end
/// it.
pub(super) fn sentences(paragraph: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut begin = 0;
    let mut is_end = false;
    for (at, c) in paragraph.char_indices() {
        if is_end && c == ' ' {
            found.push(paragraph.get(begin..at).unwrap_or_default().trim());
            begin = at;
        }
        // The mark that closes a quotation or a bracket belongs to the sentence before it.
        is_end = matches!(c, '.' | '!' | '?') || (is_end && matches!(c, ')' | '"' | '*' | '_'));
    }
    found.push(paragraph.get(begin..).unwrap_or_default().trim());
    found.retain(|sentence| !sentence.is_empty());
    found
}

struct Gatherer {
    found: Vec<Paragraph>,
    is_open: bool,
}

impl Gatherer {
    fn new() -> Self {
        Self {
            found: vec![],
            is_open: false,
        }
    }

    fn line(&mut self, line: usize, text: &str) {
        match self.found.last_mut() {
            Some(last) if self.is_open => {
                last.text.push(' ');
                last.text.push_str(text);
            }
            _ => self.found.push(Paragraph {
                line,
                text: text.to_owned(),
            }),
        }
        self.is_open = true;
    }

    fn end(&mut self) {
        self.is_open = false;
    }
}

fn comments(text: &str, marks: &[&str]) -> Vec<Paragraph> {
    let mut gatherer = Gatherer::new();
    let mut in_block = false;
    let mut in_fence = false;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        let opens = marks.contains(&"//") && line.starts_with("/*");
        let content = if in_block || opens {
            in_block = !line.ends_with("*/");
            let inside = line.trim_start_matches('/').trim_end_matches('/');
            Some(inside.trim_matches('*').trim())
        } else {
            let mark = marks.iter().find(|mark| line.starts_with(**mark));
            mark.and_then(|mark| line.strip_prefix(mark)).map(str::trim)
        };
        match content {
            Some(fence) if fence.starts_with("```") => {
                in_fence = !in_fence;
                gatherer.end();
            }
            Some(_) if in_fence => {}
            Some("") => gatherer.end(),
            Some(content) => {
                if is_item(content) {
                    gatherer.end();
                }
                gatherer.line(index + 1, content);
            }
            None => {
                gatherer.end();
                in_fence = false;
            }
        }
    }
    gatherer.found
}

fn markdown(text: &str) -> Vec<Paragraph> {
    let mut gatherer = Gatherer::new();
    let mut in_fence = false;
    for (index, line) in text.lines().enumerate() {
        let content = line.trim();
        if content.starts_with("```") {
            in_fence = !in_fence;
            gatherer.end();
        } else if in_fence || content.is_empty() {
            gatherer.end();
        } else if content.starts_with('|') {
            for cell in cells(content) {
                gatherer.end();
                gatherer.line(index + 1, cell);
            }
            gatherer.end();
        } else if content.starts_with('#') {
            gatherer.end();
            gatherer.line(index + 1, content.trim_start_matches('#').trim());
            gatherer.end();
        } else {
            if is_item(content) {
                gatherer.end();
            }
            gatherer.line(index + 1, content);
        }
    }
    gatherer.found
}

/// The cells of a table's row that have text.
pub(super) fn cells(row: &str) -> impl Iterator<Item = &str> {
    row.trim()
        .split('|')
        .map(str::trim)
        .filter(|cell| cell.chars().any(char::is_alphanumeric))
}

/// True if a line starts an item of a list.
fn is_item(line: &str) -> bool {
    let number = line.trim_start_matches(|c: char| c.is_ascii_digit());
    line.starts_with("- ")
        || line.starts_with("* ")
        || (number.len() < line.len() && number.starts_with(". "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(path: &str, text: &str) -> Vec<(usize, String)> {
        paragraphs(path, text)
            .into_iter()
            .map(|paragraph| (paragraph.line, paragraph.text))
            .collect()
    }

    #[test]
    fn code_or_an_empty_comment_line_ends_a_paragraph() {
        let source = "//! One\n//! two.\n//!\n//! Three.\nlet a; // not this\n/// - item\n/// - item 2\n/// ```\n/// code\n/// ```\n";
        assert_eq!(
            texts("a.rs", source),
            [
                (1, "One two.".to_owned()),
                (4, "Three.".to_owned()),
                (6, "- item".to_owned()),
                (7, "- item 2".to_owned()),
            ]
        );
        assert_eq!(texts("a.sql", "-- A\nSELECT 1;")[0].1, "A");
        assert_eq!(texts("a.toml", "# A\n# b\nc = 1")[0].1, "A b");
        assert_eq!(texts("a.png", "# A"), []);
    }

    #[test]
    fn blocks_are_comments_too() {
        let source = "/**\n * One\n * two.\n */\ntest();\n/** Three. */\nconst a = 1;";
        assert_eq!(
            texts("a.ts", source),
            [(2, "One two.".to_owned()), (6, "Three.".to_owned())]
        );
    }

    #[test]
    fn a_document_has_paragraphs_cells_and_items() {
        let text = "# Title\nOne\ntwo.\n\n| a | b |\n| --- | --- |\n1. first\n   more\n2. second\n```\ncode\n```\n";
        assert_eq!(
            texts("a.md", text),
            [
                (1, "Title".to_owned()),
                (2, "One two.".to_owned()),
                (5, "a".to_owned()),
                (5, "b".to_owned()),
                (7, "1. first more".to_owned()),
                (9, "2. second".to_owned()),
            ]
        );
    }

    #[test]
    fn sentences_end_at_a_full_stop_before_a_space() {
        let found = sentences("See a.rs (0.5 of it). Is it? Yes");
        assert_eq!(found, ["See a.rs (0.5 of it).", "Is it?", "Yes"]);
    }
}
