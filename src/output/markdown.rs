//! Markdown as text for a terminal: what the help topics are written in, and no more of it.

use std::fmt::Write as _;

use crate::output::style::BOLD;
use crate::output::style::DIM;
use crate::output::style::paint;
use crate::output::text::width as text_width;

/// How far code stands in from the text around it.
const CODE_INDENT: usize = 4;

/// A part of a page, as its lines begin.
enum Block<'a> {
    Heading(&'a str),
    Code(Vec<&'a str>),
    Table(Vec<Vec<String>>),
    /// Text behind a mark, such as `- ` or `1. `, which is empty for a paragraph.
    Text(&'a str, String),
}

/// The page in lines of at most `width` columns; code is never wrapped, so that it can be copied.
pub(crate) fn render(page: &str, width: usize, color: bool) -> String {
    let mut text = String::new();
    let mut after_item = false;
    for block in blocks(page) {
        let is_item = matches!(&block, Block::Text(mark, _) if !mark.is_empty());
        let together = after_item && is_item;
        if !text.is_empty() && !together {
            text.push('\n');
        }
        after_item = is_item;
        match block {
            Block::Heading(title) => {
                let _ = writeln!(text, "{}", if color { paint(BOLD, title) } else { title.to_owned() });
            }
            Block::Code(lines) => {
                for line in lines {
                    let _ = writeln!(text, "{}", format!("{}{line}", " ".repeat(CODE_INDENT)).trim_end());
                }
            }
            Block::Table(rows) => text.push_str(&table(&rows, width, color)),
            Block::Text(mark, words) => wrap(&mut text, mark, &words, width),
        }
    }
    text
}

/// The parts of a page in order. Lines of a paragraph, or of a list item, are joined by blanks.
fn blocks(page: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut lines = page.lines().peekable();
    // A blank line, or another block, ends a text.
    let mut open = false;
    while let Some(line) = lines.next() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with("<!--") {
            open = false;
        } else if trimmed.starts_with("```") {
            let code = lines.by_ref().take_while(|line| line.trim() != "```").collect();
            blocks.push(Block::Code(code));
            open = false;
        } else if let Some(title) = trimmed.strip_prefix('#') {
            blocks.push(Block::Heading(title.trim_start_matches('#').trim()));
            open = false;
        } else if trimmed.starts_with('|') {
            let mut rows = vec![cells(trimmed)];
            while let Some(row) = lines.next_if(|line| line.trim().starts_with('|')) {
                rows.push(cells(row.trim()));
            }
            rows.retain(|row| !row.iter().all(|cell| !cell.is_empty() && cell.chars().all(|c| matches!(c, '-' | ':'))));
            blocks.push(Block::Table(rows));
            open = false;
        } else if let Some((mark, words)) = item(trimmed) {
            blocks.push(Block::Text(mark, words.to_owned()));
            open = true;
        } else if let (true, Some(Block::Text(_, words))) = (open, blocks.last_mut()) {
            let _ = write!(words, " {trimmed}");
        } else {
            blocks.push(Block::Text("", trimmed.to_owned()));
            open = true;
        }
    }
    blocks
}

/// The mark of a list item with the blank behind it, and the text.
fn item(line: &str) -> Option<(&str, &str)> {
    let digits = line.chars().take_while(char::is_ascii_digit).count();
    let mark = if line.starts_with("- ") {
        2
    } else if digits > 0 && line[digits..].starts_with(". ") {
        digits + 2
    } else {
        return None;
    };
    Some(line.split_at(mark))
}

/// The cells of a table row; `\|`, and a bar between backticks, are text.
fn cells(row: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut code = false;
    let mut characters = row.trim_matches('|').chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' if characters.next_if_eq(&'|').is_some() => {
                cells.last_mut().expect("there is a first cell").push('|');
                continue;
            }
            '|' if !code => {
                cells.push(String::new());
                continue;
            }
            '`' => code = !code,
            _ => {}
        }
        cells.last_mut().expect("there is a first cell").push(character);
    }
    cells.iter().map(|cell| cell.trim().to_owned()).collect()
}

/// Words in lines of at most `width`, the first behind the mark, the others below its text. Code between backticks is
/// not broken.
fn wrap(text: &mut String, mark: &str, words: &str, width: usize) {
    let indent = mark.len();
    let mut line = mark.to_owned();
    for word in unbroken(&plain(words)) {
        let begun = line.len() > indent;
        if begun && text_width(&line) + 1 + text_width(word) > width {
            let _ = writeln!(text, "{line}");
            line = " ".repeat(indent);
        } else if begun {
            line.push(' ');
        }
        line.push_str(word);
    }
    let _ = writeln!(text, "{line}");
}

/// Words, of which those of one code span are one.
fn unbroken(text: &str) -> Vec<&str> {
    let mut code = false;
    text.split(|character: char| {
        code ^= character == '`';
        character == ' ' && !code
    })
    .filter(|word| !word.is_empty())
    .collect()
}

/// Text whose links are their words and their addresses, and whose emphasis is plain.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, (name, (address, after)))) = rest.split_once('[').and_then(|(before, behind)| {
        let (name, behind) = behind.split_once("](")?;
        Some((before, (name, behind.split_once(')')?)))
    }) {
        // An address within this documentation says nothing at a terminal.
        let shown = if address.contains("://") { format!("{name} ({address})") } else { name.to_owned() };
        let _ = write!(plain, "{before}{shown}");
        rest = after;
    }
    plain.push_str(rest);
    plain.replace("**", "").replace(" *", " ").replace("*,", ",").replace("* ", " ")
}

/// A table: in columns where they have room, else a record of lines for each row.
fn table(rows: &[Vec<String>], width: usize, color: bool) -> String {
    let Some((head, body)) = rows.split_first() else { return String::new() };
    let widths: Vec<usize> = (0..head.len())
        .map(|column| rows.iter().filter_map(|row| row.get(column)).map(|cell| text_width(&plain(cell))).max())
        .map(Option::unwrap_or_default)
        .collect();
    let bold = |text: &str| if color { paint(BOLD, text) } else { text.to_owned() };
    let dim = |text: &str| if color { paint(DIM, text) } else { text.to_owned() };
    let mut text = String::new();
    if widths.iter().sum::<usize>() + 2 * widths.len().saturating_sub(1) <= width {
        for (index, row) in rows.iter().enumerate() {
            let cells = row.iter().zip(&widths).map(|(cell, width)| {
                let cell = plain(cell);
                format!("{cell}{}", " ".repeat(width.saturating_sub(text_width(&cell))))
            });
            let line = cells.collect::<Vec<_>>().join("  ");
            let _ = writeln!(text, "{}", if index == 0 { dim(line.trim_end()) } else { line.trim_end().to_owned() });
        }
        return text;
    }
    for row in body {
        let Some((first, others)) = row.split_first() else { continue };
        let _ = writeln!(text, "{}", bold(&plain(first)));
        for (name, cell) in head.iter().skip(1).zip(others).filter(|(_, cell)| !cell.is_empty()) {
            let mut lines = String::new();
            let mark = if head.len() > 2 { format!("    {name}: ") } else { "    ".to_owned() };
            wrap(&mut lines, &mark, cell, width);
            // Below a long name, text stands in by as much as the name does.
            text.push_str(&lines);
        }
    }
    text
}

#[cfg(test)]
mod tests;
