//! What a page looks like at a terminal.

use super::render;

const PAGE: &str = "# Title\n\nSome text that is
long, with `a code span` and [a link](https://example.com/x).\n\n- an item
  that goes on\n- another\n\n```sh\nkubectl image-update check  # as it is, however long the line may be\n```\n
<!-- marker -->\n| key | for | value |\n|---|---|---|\n| `a` | all | `x|y` |\n";

#[test]
fn a_page_is_wrapped_but_for_its_code() {
    let expected = "Title

Some text that is long, with
`a code span` and a link
(https://example.com/x).

- an item that goes on
- another

    kubectl image-update check  # as it is, however long the line may be

key  for  value
`a`  all  `x|y`
";
    assert_eq!(render(PAGE, 30, false), expected);
}

#[test]
fn a_table_without_room_is_records() {
    let page = "| topic | there | here |\n|---|---|---|\n| one | this and that | more than that |\n";
    assert_eq!(render(page, 24, false), "one\n    there: this and that\n    here: more than that\n");
    let page = "| topic | meaning |\n|---|---|\n| one | this and that, and more than that |\n";
    assert_eq!(render(page, 24, false), "one\n    this and that, and\n    more than that\n");
}

#[test]
fn headings_are_bold_where_there_is_color() {
    assert_eq!(render("## A\n", 80, true), "\u{1b}[1mA\u{1b}[0m\n");
}

#[test]
fn no_line_is_longer_than_asked_but_code_and_long_words() {
    for width in [40, 80, 100] {
        for line in render(PAGE, width, false).lines().filter(|line| !line.starts_with("    ")) {
            assert!(line.chars().count() <= width, "{line}");
        }
    }
}

#[test]
fn a_bar_that_is_text_stays_in_its_cell() {
    let page = "| a | b |\n|---|---|\n| x \\| y | `^v\\d|z` |\n";
    assert_eq!(render(page, 40, false), "a      b\nx | y  `^v\\d|z`\n");
}
