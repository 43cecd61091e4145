//! The text before a patch: what the bug is, then fields.

/// The sentence that says what the bug is, and the fields: `Name: text`, continued by lines that begin with two spaces.
#[derive(Debug)]
pub(crate) struct Header {
    pub(crate) sentence: String,
    fields: Vec<(String, String)>,
}

impl Header {
    pub(crate) fn of(patch: &str) -> Self {
        let mut lines = patch.lines().take_while(|line| !line.starts_with("diff --git "));
        let sentence = lines.next().unwrap_or_default().to_owned();
        let mut fields: Vec<(String, String)> = Vec::new();
        for line in lines {
            match (line.strip_prefix("  "), line.split_once(": ")) {
                (Some(more), _) => {
                    if let Some((_, text)) = fields.last_mut() {
                        text.push('\n');
                        text.push_str(more);
                    }
                }
                (None, Some((name, text))) => fields.push((name.to_owned(), text.to_owned())),
                (None, None) => {}
            }
        }
        Self { sentence, fields }
    }

    /// The first field of this name.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.all(name).next()
    }

    /// All fields of this name.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.fields.iter().filter(move |(is, _)| is == name).map(|(_, text)| text.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Header;

    #[test]
    fn a_header_is_a_sentence_and_fields_that_may_go_on_in_further_lines() {
        let header = Header::of("It is wrong.\n\nHint: Look\n  here: there.\nHint: Or\n\ndiff --git a/x b/x\nHint: no");
        assert_eq!(header.sentence, "It is wrong.");
        assert_eq!(header.all("Hint").collect::<Vec<_>>(), ["Look\nhere: there.", "Or"]);
        assert_eq!(header.field("Test"), None);
    }
}
