//! The titles of commits: `area: verb object`.

const LONGEST: usize = 72;

/// Problems of titles, each with its commit's id.
pub(super) fn doubts(titles: &[(String, String)]) -> Vec<String> {
    titles
        .iter()
        .filter_map(|(id, title)| {
            let doubt = doubt(title)?;
            Some(format!("commit {id}: {doubt}: \"{title}\""))
        })
        .collect()
}

fn doubt(title: &str) -> Option<&'static str> {
    let Some((area, rest)) = title.split_once(": ") else {
        return Some("a title is `area: verb object`");
    };
    let is_area = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_/.,* ".contains(c);
    let verb = rest.split(' ').next().unwrap_or_default();
    if area.is_empty() || !area.chars().all(is_area) {
        Some("an area is a crate, a service or a folder")
    } else if !verb.starts_with(|c: char| c.is_ascii_lowercase()) || !rest.contains(' ') {
        Some("the area is followed by a verb in lower case and an object")
    } else if verb.ends_with("ed") || (verb.ends_with("ing") && verb != "bring") {
        Some("the verb is imperative")
    } else if title.ends_with('.') {
        Some("a title has no full stop at its end")
    } else if title.chars().count() > LONGEST {
        Some("a title has at most 72 characters")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_has_an_area_a_verb_and_an_object() {
        for title in [
            "authentication: clear killed_time when a charge is refunded",
            "dev/xtask: refuse modules that import each other",
            "house: move folders to their rooms",
        ] {
            assert_eq!(doubt(title), None, "{title}");
        }
        for title in [
            "Let no attempt that is given back help to kill",
            "mesh: Shorten the drain",
            "mesh: shortened the drain",
            "mesh: drain",
            "mesh: shorten the drain.",
            "Some Words: shorten the drain",
            "mesh: shorten the drain of a server that has more than one hundred connections open",
        ] {
            assert!(doubt(title).is_some(), "{title}");
        }
    }
}
