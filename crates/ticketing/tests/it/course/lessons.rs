//! The table of lessons has each lesson of the course, with its place here. That the places exist, the links' own test says.

use std::ops::RangeInclusive;

use regex::Regex;

use super::{GUIDE, LESSONS, text_of};

/// The lessons of sections 12 to 23.
const NUMBERS: RangeInclusive<u32> = 255..=533;

/// The sections that the guide follows.
const SECTIONS: RangeInclusive<u32> = 12..=23;

/// The longest section of the guide, in lines.
const MAX_LINES: usize = 60;

/// What the place of a lesson begins with that has none.
const NOT_NEEDED: &str = "not needed, because ";

#[test]
fn each_lesson_of_the_course_has_its_place_in_the_table_or_a_reason() {
    let row = Regex::new(r"^\| (\d+)(?: to (\d+))? \| (.+) \| (.+) \|$").unwrap();
    let text = text_of(LESSONS);
    let mut next = *NUMBERS.start();
    for (line, number) in text.lines().zip(1..).filter(|(line, _)| line.starts_with("| ") && !line.contains(" --- ")) {
        let Some(row) = row.captures(line) else {
            assert_eq!(line, "| lesson | about | here |", "{LESSONS}:{number}: not a row of lessons");
            continue;
        };
        let first: u32 = row[1].parse().unwrap();
        let last: u32 = row.get(2).map_or(first, |last| last.as_str().parse().unwrap());
        assert!(first == next && last >= first, "{LESSONS}:{number}: lesson {next} is missing, or is here twice");
        let place = &row[4];
        assert!(
            place.starts_with(NOT_NEEDED) || place.contains("]("),
            "{LESSONS}:{number}: name a file and an item with a link, or begin with {NOT_NEEDED:?}"
        );
        next = last + 1;
    }
    assert_eq!(next, NUMBERS.end() + 1, "{LESSONS}: the last lessons are missing");
}

#[test]
fn the_guide_has_a_section_of_at_most_sixty_lines_for_each_of_the_course() {
    let text = text_of(GUIDE);
    let sections: Vec<_> = text.split("\n## ").skip(1).collect();
    for number in SECTIONS {
        let begin = format!("{number} ");
        let section = sections.iter().find(|section| section.starts_with(&begin));
        let section = section.unwrap_or_else(|| panic!("{GUIDE} has no section {number}"));
        let length = section.lines().count();
        assert!(length <= MAX_LINES, "{GUIDE}: section {number} has {length} lines, more than {MAX_LINES}");
        for part in ["**The course**", "**Here**", "**What the course gets wrong**", "**Break it**"] {
            assert!(section.contains(part), "{GUIDE}: section {number} has no part {part}");
        }
    }
}
