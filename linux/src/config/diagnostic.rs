//! Mistakes in the configuration, and how they are shown.
//!
//! A [`Diagnostic`] says what is wrong, where, what was expected and what to do. It
//! decides nothing: whether a file is refused follows from the worst [`Severity`].

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};
use latido_core::grammar::{Dialect, Line, TooManyWords, Word, lines};

/// How bad it is, the worst last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// Worth knowing; nothing is wrong.
    Info,
    /// Accepted, but probably not what was meant.
    Warning,
    /// The daemon does not start with it.
    Error,
}

/// Where in a file something stands, with the line to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// The line's number, from 1.
    pub line: u32,
    /// The line as it is shown; what is secret is left out.
    text: String,
    /// The octets of `text` to point at.
    span: Range<usize>,
}

impl Place {
    /// A place in a line that is not shown as it stands in its file.
    pub(crate) const fn new(line: u32, text: String, span: Range<usize>) -> Self {
        Self { line, text, span }
    }

    /// The place of its first character in the line, from 1, in characters.
    pub(crate) fn column(&self) -> usize {
        self.text[..self.span.start].chars().count() + 1
    }
}

/// One mistake, doubt or remark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// The file's path, as it is shown.
    pub file: String,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// Where, unless it concerns the file as a whole.
    pub place: Option<Place>,
    /// What was expected there.
    pub expected: Option<String>,
    /// What to do about it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// What was expected at the place.
    pub(crate) fn expected(&mut self, expected: impl Into<String>) -> &mut Self {
        self.expected = Some(expected.into());
        self
    }

    /// What to do about it.
    pub(crate) fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(help.into());
        self
    }

    /// The nearest of `candidates` as the thing to write instead, if one is near.
    pub(crate) fn nearest<'a>(
        &mut self,
        word: &str,
        candidates: impl IntoIterator<Item = &'a str>,
    ) -> &mut Self {
        if let Some(near) = nearest(word, candidates) {
            self.help = Some(format!("did you mean `{near}`?"));
        }
        self
    }

    /// As several lines: the message, the line it stands in, and the caret.
    fn render(&self, renderer: &Renderer) -> String {
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Info => Level::INFO,
        };
        let title = level.primary_title(&self.message);
        let mut group = match &self.place {
            Some(place) => {
                let caret = AnnotationKind::Primary.span(place.span.clone());
                let caret = caret.label(self.expected.as_deref());
                let line = usize::try_from(place.line).unwrap_or(usize::MAX);
                let snippet = Snippet::source(&place.text).line_start(line).path(&self.file);
                title.element(snippet.annotation(caret))
            }
            None => title.element(Origin::path(&self.file)),
        };
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help));
        }
        renderer.render(&[group])
    }
}

impl fmt::Display for Diagnostic {
    /// On one line, for a log: `FILE:LINE:COLUMN: message (expected; help)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file)?;
        if let Some(place) = &self.place {
            write!(f, "{}:{}:", place.line, place.column())?;
        }
        write!(f, " {}", self.message)?;
        match (&self.expected, &self.help) {
            (Some(expected), Some(help)) => write!(f, " ({expected}; {help})"),
            (Some(only), None) | (None, Some(only)) => write!(f, " ({only})"),
            (None, None) => Ok(()),
        }
    }
}

/// All of `diagnostics` as text for a person, in their order, in colour if asked.
pub(crate) fn render(diagnostics: &[Diagnostic], colour: bool) -> String {
    let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
    diagnostics.iter().map(|diagnostic| diagnostic.render(&renderer) + "\n\n").collect()
}

/// The worst of `diagnostics`; `None` without any.
pub(crate) fn worst(diagnostics: &[Diagnostic]) -> Option<Severity> {
    diagnostics.iter().map(|diagnostic| diagnostic.severity).max()
}

/// The one of `candidates` that `word` was probably meant to be. Case does not count;
/// more than one slip in three letters is too many.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let lower = word.to_lowercase();
    let slips_max = lower.chars().count().div_ceil(3);
    candidates
        .into_iter()
        .map(|candidate| {
            (strsim::damerau_levenshtein(&lower, &candidate.to_lowercase()), candidate)
        })
        .filter(|(slips, _)| *slips <= slips_max)
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, candidate)| candidate)
}

/// `words` as `a, b or c`.
pub(crate) fn either(words: &[&str]) -> String {
    enumerate(words, "or")
}

/// `words` as `a, b and c`.
pub(crate) fn all(words: &[&str]) -> String {
    enumerate(words, "and")
}

fn enumerate(words: &[&str], last: &str) -> String {
    match words {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [most @ .., end] => format!("{} {last} {end}", most.join(", ")),
    }
}

/// A file that is being read, and what was found wrong with it so far.
pub(crate) struct Source {
    /// Its path, as it is shown.
    pub file: String,
    /// Its text. What is not UTF-8 is `U+FFFD`.
    pub text: String,
    /// What was found, in no order.
    pub found: Vec<Diagnostic>,
    /// Whether its lines are not to be shown.
    pub secret: bool,
}

impl Source {
    /// A file with this text.
    pub(crate) fn new(file: impl Into<String>, text: impl Into<String>) -> Self {
        Self { file: file.into(), text: text.into(), found: Vec::new(), secret: false }
    }

    /// The lines that can be read, as owned copies of the borrowed words; what makes
    /// the others unreadable is reported.
    pub(crate) fn statements<'a>(&mut self, text: &'a str, dialect: Dialect) -> Vec<Line<'a>> {
        let mut readable = Vec::new();
        for line in lines(text, dialect) {
            match line {
                Ok(line) => match line.words.iter().find(|word| word.text.contains('\u{fffd}')) {
                    None => readable.push(line),
                    Some(word) => {
                        self.error("this word is not UTF-8", Some(self.place(word)))
                            .help("write it in ASCII; comments may be in any encoding");
                    }
                },
                Err(TooManyWords { word }) => {
                    let bound = latido_core::limits::WORDS_MAX;
                    let message = format!("a line has at most {bound} words");
                    self.error(message, Some(self.place(&word))).expected("one word too many");
                }
            }
        }
        readable
    }

    /// Where `word` of this file's text stands.
    pub(crate) fn place(&self, word: &Word<'_>) -> Place {
        self.place_in(word, 0..word.text.len())
    }

    /// Where the octets `part` of `word` stand.
    pub(crate) fn place_in(&self, word: &Word<'_>, part: Range<usize>) -> Place {
        if self.secret {
            return Place::new(word.line, "***".to_owned(), 0..3);
        }
        let before = self.text[..word.start].rfind('\n').map_or(0, |feed| feed + 1);
        let line = self.text[before..].lines().next().unwrap_or_default();
        let start = word.start - before;
        Place::new(word.line, line.to_owned(), start + part.start..start + part.end)
    }

    /// Reports a mistake.
    pub(crate) fn error(
        &mut self,
        message: impl Into<String>,
        place: Option<Place>,
    ) -> &mut Diagnostic {
        self.report(Severity::Error, message, place)
    }

    /// Reports a doubt.
    pub(crate) fn warning(
        &mut self,
        message: impl Into<String>,
        place: Option<Place>,
    ) -> &mut Diagnostic {
        self.report(Severity::Warning, message, place)
    }

    /// Reports a remark.
    pub(crate) fn info(
        &mut self,
        message: impl Into<String>,
        place: Option<Place>,
    ) -> &mut Diagnostic {
        self.report(Severity::Info, message, place)
    }

    fn report(
        &mut self,
        severity: Severity,
        message: impl Into<String>,
        place: Option<Place>,
    ) -> &mut Diagnostic {
        let (file, message) = (self.file.clone(), message.into());
        self.found.push(Diagnostic { severity, file, message, place, expected: None, help: None });
        self.found.last_mut().expect("one was pushed just now")
    }

    /// What was found, in the order of the file; what concerns all of it comes last.
    pub(crate) fn into_found(mut self) -> Vec<Diagnostic> {
        self.found.sort_by_key(|diagnostic| {
            diagnostic.place.as_ref().map_or((u32::MAX, 0), |place| (place.line, place.span.start))
        });
        self.found
    }
}
