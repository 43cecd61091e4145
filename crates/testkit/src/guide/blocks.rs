//! The blocks of a guide.

/// A line of a guide.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// The number of the line in the guide, from 1.
    pub number: usize,
    /// The line, without its end.
    pub text: &'a str,
}

/// What is typed into, and seen in, one terminal.
#[derive(Clone, Debug)]
pub struct Block<'a> {
    /// The heading of the section, without `## `.
    pub section: &'a str,
    /// The name of the terminal.
    pub terminal: &'a str,
    /// The lines after that name.
    pub lines: Vec<Line<'a>>,
}

/// The blocks of a guide, in its order.
///
/// # Panics
///
/// If a block does not begin with the name of a terminal.
pub fn blocks(guide: &str) -> Vec<Block<'_>> {
    let (mut blocks, mut section) = (Vec::new(), None);
    let mut lines = guide.lines().zip(1..).map(|(text, number)| Line { number, text });
    while let Some(line) = lines.next() {
        if let Some(heading) = line.text.strip_prefix("## ") {
            section = Some(heading);
        } else if line.text == "```console" {
            let mut inside = lines.by_ref().take_while(|line| line.text != "```");
            let terminal = inside.next().and_then(|first| first.text.strip_prefix("# "));
            let lines = inside.collect();
            let Some(section) = section else { continue };
            let number = line.number;
            let terminal =
                terminal.unwrap_or_else(|| panic!("line {number}: the block does not begin with # TERMINAL"));
            blocks.push(Block { section, terminal, lines });
        }
    }
    blocks
}
