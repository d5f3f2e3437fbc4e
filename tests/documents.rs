//! The documents against the program: links lead somewhere, and the tables of
//! docs/OPERATING.md hold what the sources hold, no more and no less.
//!
//! The sources are read as text: what they list is private to the daemon, and a document
//! is text too. Whether a sentence is true, no test can tell.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every Markdown file of the project.
fn documents() -> Vec<PathBuf> {
    let mut open = vec![root().to_owned()];
    let mut found = Vec::new();
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).expect("the project can be read") {
            let path = entry.expect("an entry can be read").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path.is_dir() && name != "target" && !name.starts_with('.') {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The lines of a document that are no listing.
fn prose(document: &str) -> impl Iterator<Item = &str> {
    let mut listing = false;
    document.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        listing ^= fence;
        !listing && !fence
    })
}

/// The name that a heading can be linked to by.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn anchors(document: &str) -> BTreeSet<String> {
    prose(document)
        .filter(|line| line.starts_with('#'))
        .map(|line| anchor(line.trim_start_matches('#').trim()))
        .collect()
}

/// The targets of a document's links.
fn links(document: &str) -> Vec<&str> {
    prose(document)
        .flat_map(|line| line.split("](").skip(1))
        .filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
        .collect()
}

#[test]
fn every_link_of_a_document_leads_somewhere() {
    let mut followed = 0;
    for path in documents() {
        let document = fs::read_to_string(&path).expect("a document is text");
        for link in links(&document) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = match file {
                "" => path.clone(),
                file => path.parent().expect("a file is in a directory").join(file),
            };
            assert!(target.exists(), "{}: there is no {link}", path.display());
            if !heading.is_empty() {
                let known = anchors(&fs::read_to_string(&target).expect("a document is text"));
                assert!(known.contains(heading), "{}: no heading {link}", path.display());
            }
            followed += 1;
        }
    }
    assert!(followed >= 10, "only {followed} links were found");
}

/// The cells of the rows of the tables in the section `heading`, to the next heading.
fn rows(document: &str, heading: &str) -> Vec<Vec<String>> {
    let mut lines = document.lines().skip_while(|line| *line != heading);
    assert_eq!(lines.next(), Some(heading), "the section is there");
    lines
        .take_while(|line| !line.starts_with('#'))
        .filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"))
        .map(|line| {
            let line = line.replace("\\|", "\u{0}");
            line.split(" | ").map(|cell| cell.trim().replace('\u{0}', "|")).collect()
        })
        .collect()
}

/// What stands between the first two backquotes of a cell.
fn code(cell: &str) -> Option<&str> {
    cell.split('`').nth(1)
}

/// The text of `source` from `start` to the first `end` after it.
fn between<'a>(source: &'a str, start: &str, end: &str) -> &'a str {
    let (_, rest) = source.split_once(start).unwrap_or_else(|| panic!("`{start}` is there"));
    rest.split_once(end).unwrap_or_else(|| panic!("`{end}` comes after `{start}`")).0
}

/// The text literal that `source` begins with, if it does, and what comes after it.
fn literal(source: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut rest = source.strip_prefix('"')?.chars();
    loop {
        match rest.next()? {
            '"' => return Some((text, rest.as_str())),
            '\\' => match rest.next()? {
                // The end of a source line, and the indentation of the next.
                '\n' => rest = rest.as_str().trim_start().chars(),
                other => text.push(other),
            },
            other => text.push(other),
        }
    }
}

/// One row of the table of directives.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Directive {
    name: String,
    default: Option<String>,
    /// What the program does with it: `Read`, `Kept`, `Idle`, `Only`, `Later`, `Refused`.
    apply: String,
}

/// The directives of ha.cf, as the program's table has them.
fn directives() -> Vec<Directive> {
    let source = text("linux/src/config/ha_cf/directives.rs");
    let table = between(&source, "pub(super) const DIRECTIVES: &[Directive] = &[\n", "\n];");
    // A row begins with four blanks; rustfmt sees to it.
    let mut found: Vec<Directive> = Vec::new();
    let starts: Vec<usize> = table
        .match_indices("row")
        .filter(|(at, _)| table[..*at].ends_with("\n    ") || table[..*at] == *"    ")
        .map(|(at, _)| at)
        .collect();
    for (place, start) in starts.iter().enumerate() {
        let end = starts.get(place + 1).copied().unwrap_or(table.len());
        let row = &table[*start..end];
        let (_, values) = row.split_once('(').expect("a row is a call");
        let (name, rest) = literal(values.trim_start()).expect("a row begins with its name");
        let (_takes, rest) =
            literal(rest.trim_start_matches([',', ' ', '\n'])).expect("then what it takes");
        let rest = rest.trim_start_matches([',', ' ', '\n']);
        let (default, rest) = match rest.strip_prefix("Some(") {
            Some(rest) => {
                let (default, rest) = literal(rest).expect("a default is a text");
                (Some(default), rest.trim_start_matches([')', ',', ' ', '\n']))
            }
            None => (None, rest.trim_start_matches("None").trim_start_matches([',', ' ', '\n'])),
        };
        let apply = rest.chars().take_while(|c| c.is_alphabetic()).collect();
        found.push(Directive { name, default, apply });
    }
    found
}

#[test]
fn the_table_of_directives_is_the_programs() {
    let document = text("docs/OPERATING.md");
    let known = directives();
    assert!(known.len() > 50, "only {} directives were found", known.len());
    let applies = ["Read", "Kept", "Idle", "Only", "Later", "Refused"];
    for directive in &known {
        assert!(applies.contains(&directive.apply.as_str()), "{directive:?}");
    }

    let is_read = |directive: &&Directive| matches!(&*directive.apply, "Read" | "Kept");
    let expected: BTreeSet<_> = known
        .iter()
        .filter(is_read)
        .map(|directive| (directive.name.clone(), directive.default.clone()))
        .collect();
    let shown: BTreeSet<_> = rows(&document, "### Directives that are read")
        .iter()
        .filter_map(|row| {
            let name = code(row.first()?)?.to_owned();
            Some((name, code(row.get(2)?).map(str::to_owned)))
        })
        .collect();
    assert_eq!(shown, expected, "left: docs/OPERATING.md, right: directives.rs");

    let expected: BTreeSet<_> = known
        .iter()
        .filter(|directive| !is_read(directive))
        .map(|directive| {
            let what = match &*directive.apply {
                "Idle" => "accepted, does nothing",
                "Only" => "one value only",
                "Later" => "refused: not implemented yet",
                _ => "refused",
            };
            (directive.name.clone(), what.to_owned())
        })
        .collect();
    let shown: BTreeSet<_> = rows(&document, "### Directives that are not")
        .iter()
        .filter_map(|row| Some((code(row.first()?)?.to_owned(), row.get(1)?.clone())))
        .collect();
    assert_eq!(shown, expected, "left: docs/OPERATING.md, right: directives.rs");
}

#[test]
fn the_table_of_latido_cf_is_the_programs() {
    let source = text("linux/src/config/latido_cf.rs");
    let table = between(&source, "const DIRECTIVES: &[Directive] = &[", "\n];");
    let expected: BTreeSet<String> = table
        .split("name: ")
        .skip(1)
        .map(|rest| literal(rest).expect("a directive has a name").0)
        .collect();
    assert!(!expected.is_empty());
    let document = text("docs/OPERATING.md");
    let shown: BTreeSet<String> = rows(&document, "### latido.cf")
        .iter()
        .filter_map(|row| Some(code(row.first()?)?.to_owned()))
        .collect();
    assert_eq!(shown, expected, "left: docs/OPERATING.md, right: latido_cf.rs");
}

/// The variants of `kind` in the order in which `source` names them, each with the
/// first thing after its arrow that `value` accepts.
fn arms(source: &str, kind: &str) -> Vec<(Vec<String>, String)> {
    let mut arms = Vec::new();
    let mut waiting: Vec<String> = Vec::new();
    let mut rest = source;
    while let Some((_, after)) = rest.split_once(&format!("{kind}::")) {
        let name: String = after.chars().take_while(|c| c.is_alphanumeric()).collect();
        let next = after.find(&format!("{kind}::")).unwrap_or(after.len());
        waiting.push(name);
        if let Some(arrow) = after[..next].find("=>") {
            arms.push((std::mem::take(&mut waiting), after[arrow + 2..next].to_owned()));
        }
        rest = after;
    }
    arms
}

/// A pattern with every placeholder, `{…}` or `<…>`, made `<>`.
fn blanked(pattern: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for c in pattern.chars() {
        match c {
            '{' | '<' => {
                inside = true;
                text.push('<');
            }
            '}' | '>' if inside => {
                inside = false;
                text.push('>');
            }
            _ if !inside => text.push(c),
            _ => {}
        }
    }
    text
}

/// The severity and the sentence of each variant of an enum of things to say.
fn sentences(
    variants: &[String],
    severities: &[(Vec<String>, String)],
    texts: &[(Vec<String>, String)],
) -> BTreeSet<(String, String)> {
    variants
        .iter()
        .map(|variant| {
            let (_, severity) = severities
                .iter()
                .find(|(names, _)| names.contains(variant))
                .unwrap_or_else(|| panic!("{variant} has a severity"));
            let word = ["Info", "Warning", "Error", "Critical"]
                .into_iter()
                .zip(["info", "WARN", "ERROR", "CRIT"])
                .find(|(name, _)| severity.contains(&format!("Severity::{name}")))
                .unwrap_or_else(|| panic!("{severity} is a severity"))
                .1;
            let (_, arm) = texts
                .iter()
                .find(|(names, _)| names.contains(variant))
                .unwrap_or_else(|| panic!("{variant} has a sentence"));
            let start = arm.find('"').unwrap_or_else(|| panic!("{variant}: {arm}"));
            let (sentence, _) = literal(&arm[start..]).expect("a text ends");
            (word.to_owned(), blanked(&sentence))
        })
        .collect()
}

/// The variants of an enum whose text is `body`.
fn variants(body: &str) -> Vec<String> {
    body.lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter(|line| line.starts_with(char::is_uppercase))
        .map(|line| line.chars().take_while(|c| c.is_alphanumeric()).collect())
        .collect()
}

fn shown_lines(document: &str, heading: &str) -> BTreeSet<(String, String)> {
    rows(document, heading)
        .iter()
        .filter_map(|row| Some((row.first()?.clone(), blanked(code(row.get(1)?)?))))
        .collect()
}

#[test]
fn the_table_of_log_lines_has_every_notice() {
    let source = text("core/src/notice.rs");
    let variants = variants(between(&source, "pub enum Notice {\n", "\n}"));
    assert!(variants.len() > 70, "only {} notices were found", variants.len());
    let severities =
        arms(between(&source, "pub const fn severity(self) -> Severity {", "\n    }\n"), "Self");
    let texts = arms(&text("core/src/notice/sentence.rs"), "Notice");
    let expected = sentences(&variants, &severities, &texts);
    let shown = shown_lines(&text("docs/OPERATING.md"), "### Lines of the daemon");
    assert_eq!(shown, expected, "left: docs/OPERATING.md, right: core/src/notice");
}

#[test]
fn the_table_of_log_lines_has_every_report_of_a_group() {
    let source = text("core/src/procedure/report.rs");
    let variants = variants(between(&source, "pub enum Report {\n", "\n}"));
    assert!(variants.len() > 10, "only {} reports were found", variants.len());
    let severities =
        arms(between(&source, "pub const fn severity(self) -> Severity {", "\n    }\n"), "Self");
    let texts = arms(between(&source, "impl fmt::Display for Line<'_> {", "\n}\n"), "Report");
    let expected = sentences(&variants, &severities, &texts);
    let shown = shown_lines(&text("docs/OPERATING.md"), "### Lines about resources");
    assert_eq!(shown, expected, "left: docs/OPERATING.md, right: core/src/procedure/report.rs");
}

#[test]
fn the_table_of_log_lines_has_every_line_about_an_address() {
    let source = text("linux/src/addresses.rs");
    let expected: BTreeSet<_> = source
        .split("self.say(")
        .skip(1)
        .filter_map(|call| call.trim_start().strip_prefix("Severity::"))
        .map(|call| {
            let word = match call.split_once(',').expect("a severity, then a text").0 {
                "Info" => "info",
                "Warning" => "WARN",
                "Error" => "ERROR",
                other => panic!("{other} is a severity of no address"),
            };
            let start = call.find('"').expect("then a text");
            (word.to_owned(), blanked(&literal(&call[start..]).expect("a text ends").0))
        })
        .collect();
    assert!(expected.len() > 5, "only {} lines were found", expected.len());
    let shown = shown_lines(&text("docs/OPERATING.md"), "### Lines about addresses");
    assert_eq!(shown, expected, "left: docs/OPERATING.md, right: addresses.rs");
}

#[test]
fn every_reason_to_drop_a_packet_is_explained() {
    let document = text("docs/OPERATING.md");
    let sentence = text("core/src/notice/sentence.rs");
    let sentences = arms(between(&sentence, "const fn reject(", "\n}\n"), "Reject");
    let notice = text("core/src/notice.rs");
    let counters = arms(between(&notice, "pub const fn name(self)", "\n    }\n"), "Self");
    let first = |arm: &str| arm.find('"').and_then(|at| literal(&arm[at..])).map(|found| found.0);
    let expected: BTreeSet<_> = counters
        .iter()
        .map(|(names, counter)| {
            let (_, reason) = sentences
                .iter()
                .find(|(others, _)| others == names)
                .unwrap_or_else(|| panic!("{names:?} has a reason"));
            (first(counter), first(reason))
        })
        .collect();
    assert_eq!(expected.len(), 8);
    let shown: BTreeSet<_> = rows(&document, "### Packets that are not believed")
        .iter()
        .filter(|row| code(&row[0]).is_some())
        .map(|row| (code(&row[0]).map(str::to_owned), code(&row[1]).map(str::to_owned)))
        .collect();
    assert_eq!(shown, expected, "left: docs/OPERATING.md, right: core/src/notice");
}

/// The program, as cargo makes it for tests.
fn latido(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO"))
        .args(["run", "--quiet", "-p", "latido", "--"])
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("cargo can be called")
}

/// The listing of `document` whose first line is `command`, without that line.
fn listing<'a>(document: &'a str, command: &str) -> &'a str {
    between(document, &format!("```console\n{command}\n"), "\n```")
}

#[test]
fn the_output_of_check_is_the_one_of_the_installation() {
    use std::os::unix::fs::PermissionsExt;

    let machine = env::temp_dir().join(format!("latido-documents-{}", std::process::id()));
    let config = machine.join("etc/ha.d");
    for directory in
        ["etc/ha.d", "etc/init.d", "var/log", "sys/class/net/eth0", "sys/class/net/eth2"]
    {
        fs::create_dir_all(machine.join(directory)).expect("a directory of our own");
    }
    for (from, to, mode) in [
        ("docs/examples/minimal/ha.cf", "etc/ha.d/ha.cf", 0o644),
        ("docs/examples/minimal/haresources", "etc/ha.d/haresources", 0o644),
        ("docs/examples/minimal/authkeys", "etc/ha.d/authkeys", 0o600),
        ("docs/examples/minimal/ha.cf", "etc/init.d/apache2", 0o755),
    ] {
        let to = machine.join(to);
        fs::copy(root().join(from), &to).expect("an example can be copied");
        fs::set_permissions(&to, fs::Permissions::from_mode(mode)).expect("a file of our own");
    }
    let (config, machine) = (config.display().to_string(), machine.display().to_string());
    let arguments = ["check", "--config-dir", &config, "--node-name", "corman", "--root", &machine];
    let output = latido(&arguments);
    fs::remove_dir_all(&machine).expect("a directory of our own");
    let printed = String::from_utf8(output.stdout).expect("the program writes text");
    assert_eq!(output.status.code(), Some(0), "{printed}");
    let printed = printed.replace(&config, "/etc/ha.d");
    let document = text("docs/INSTALL.md");
    assert_eq!(listing(&document, "# latido check"), printed.trim_end());
}

#[test]
fn the_list_of_commands_is_the_programs() {
    let output = latido(&["--help"]);
    let printed = String::from_utf8(output.stdout).expect("the program writes text");
    let document = text("docs/OPERATING.md");
    assert_eq!(listing(&document, "$ latido --help"), printed.trim_end());
}
