//! The timeline as a picture: a lane for each node's state, one for the holder of the virtual
//! address, one for what the client met, over one axis of time. It draws what was seen; it knows
//! no scenario.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use super::client::Span;
use super::network::VIP;
use super::node::Host;
use super::timeline::{Event, What, worded};

mod lanes;

use lanes::{Bar, addresses, states};

const WIDTH: f64 = 1200.0;
/// Where the axis begins and ends.
const LEFT: f64 = 120.0;
const RIGHT: f64 = 1180.0;
/// Where the labels of events begin, and their distance.
const LABELS: f64 = 62.0;
const ROW: f64 = 17.0;
/// The height of a lane and the distance between two.
const LANE: f64 = 34.0;
const PITCH: f64 = 48.0;
/// The width of a character of a label, roughly.
const CHARACTER: f64 = 7.0;
/// A tick has at least this much room.
const TICK: f64 = 70.0;
/// Outages shorter than this are drawn without a label.
const LABELLED: Duration = Duration::from_millis(15);

const FAULT: &str = "#b91c1c";
const INK: &str = "#1f2937";
const FAINT: &str = "#6b7280";
const OUTAGE: &str = "#dc2626";
const GRID: &str = "#e5e7eb";

/// What is drawn.
pub(super) struct Picture<'a> {
    pub(super) title: &'a str,
    pub(super) start: Instant,
    pub(super) end: Instant,
    pub(super) events: &'a [Event],
    pub(super) spans: &'a [Span],
}

/// Something with a place in time and a label over the lanes.
struct Mark {
    x: f64,
    text: String,
    colour: &'static str,
}

impl Picture<'_> {
    /// The whole document.
    pub(super) fn draw(&self) -> String {
        let marks = self.marks();
        let rows = rows(&marks);
        let top = LABELS + ROW * f64::from(rows.iter().copied().max().unwrap_or(0) + 1) + 14.0;
        let bottom = top + 4.0 * PITCH;
        let mut svg = String::new();
        self.open(&mut svg, bottom);
        self.axis(&mut svg, top, bottom);
        for (number, host) in Host::BOTH.into_iter().enumerate() {
            let y = top + PITCH * [0.0, 1.0][number];
            name(&mut svg, y, host.name(), "");
            for bar in states(host, self.events, self.start, self.end) {
                self.bar(&mut svg, &bar, y, LANE);
            }
        }
        let y = top + 2.0 * PITCH;
        name(&mut svg, y, &VIP.to_string(), "held by");
        for (number, host) in Host::BOTH.into_iter().enumerate() {
            // One strip for each node, so that two holders are seen as two.
            let strip = y + LANE / 2.0 * [0.0, 1.0][number];
            for bar in addresses(host, self.events, self.end) {
                self.bar(&mut svg, &bar, strip, LANE / 2.0);
            }
        }
        self.client(&mut svg, top + 3.0 * PITCH);
        let heights: Vec<f64> = rows.iter().map(|row| LABELS + ROW * f64::from(*row)).collect();
        for (mark, y) in marks.iter().zip(&heights) {
            draw_mark(&mut svg, mark, *y, bottom - PITCH + LANE);
        }
        for (mark, y) in marks.iter().zip(&heights) {
            let halo = "paint-order=\"stroke\" stroke=\"#ffffff\" stroke-width=\"4\"";
            text(&mut svg, (extent(mark).0 + 4.0, *y), mark.colour, halo, &mark.text);
        }
        svg.push_str("</svg>\n");
        svg
    }

    fn open(&self, svg: &mut String, bottom: f64) {
        let height = bottom + 58.0;
        put(
            svg,
            format_args!(
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" \
             viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>",
            ),
        );
        text(svg, (16.0, 26.0), INK, "font-size=\"15\" font-weight=\"bold\"", self.title);
        let legend = bottom + 46.0;
        let mut x = LEFT;
        for (colour, word) in lanes::LEGEND.iter().chain(&[(OUTAGE, "no answer")]) {
            put(
                svg,
                format_args!(
                    "<rect x=\"{x:.1}\" y=\"{:.1}\" width=\"14\" height=\"12\" fill=\"{colour}\"/>",
                    legend - 10.0
                ),
            );
            text(svg, (x + 19.0, legend), INK, "", word);
            x += 19.0 + CHARACTER * width(word) + 22.0;
        }
    }

    /// Ticks at round times, and a line through every lane.
    fn axis(&self, svg: &mut String, top: f64, bottom: f64) {
        let total = self.end.duration_since(self.start).as_secs_f64();
        let least = total * TICK / (RIGHT - LEFT);
        let steps = [0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 60.0];
        let step = steps.into_iter().find(|step| *step >= least).unwrap_or(120.0);
        let digits = if step < 0.1 { 2 } else { usize::from(step < 1.0) };
        let mut at = 0.0;
        while at <= total {
            let x = LEFT + (RIGHT - LEFT) * at / total;
            put(
                svg,
                format_args!(
                    "<path d=\"M{x:.1} {:.1}V{bottom:.1}\" stroke=\"{GRID}\"/>",
                    top - 6.0
                ),
            );
            text(
                svg,
                (x, bottom + 16.0),
                FAINT,
                "text-anchor=\"middle\"",
                &format!("{at:.digits$} s"),
            );
            at += step;
        }
    }

    /// A bar with its word in it, where there is room.
    fn bar(&self, svg: &mut String, bar: &Bar, y: f64, height: f64) {
        let (from, to) = (self.x(bar.from), self.x(bar.to));
        let wide = (to - from).max(0.8);
        put(
            svg,
            format_args!(
                "<rect x=\"{from:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{height:.1}\" \
             fill=\"{}\"><title>{} for {}</title></rect>",
                bar.colour,
                bar.word,
                worded(bar.to.saturating_duration_since(bar.from))
            ),
        );
        if wide > CHARACTER * width(bar.word) + 10.0 {
            text(svg, (from + 6.0, y + height / 2.0 + 4.0), INK, "", bar.word);
        }
    }

    /// Who answered, and when nobody did.
    fn client(&self, svg: &mut String, y: f64) {
        name(svg, y, "client", "answered by");
        for span in self.spans {
            let host = Host::BOTH.into_iter().find(|host| host.name() == span.by);
            let Some(host) = host else { continue };
            let colour = lanes::colour(host);
            let bar = Bar { from: span.from, to: span.to, word: host.name(), colour };
            self.bar(svg, &bar, y, LANE);
        }
        let mut labelled = 0.0;
        for pair in self.spans.windows(2) {
            let bar = Bar { from: pair[0].to, to: pair[1].from, word: "no answer", colour: OUTAGE };
            self.bar(svg, &Bar { word: "", ..bar }, y, LANE);
            let outage = bar.to.saturating_duration_since(bar.from);
            let middle = f64::midpoint(self.x(bar.from), self.x(bar.to));
            let wide = self.x(bar.to) - self.x(bar.from);
            let long = format!("{} without an answer", worded(outage));
            let fits = |word: &str| wide > CHARACTER * width(word) + 8.0;
            let word = if fits(&long) { long } else { worded(outage) };
            let half = CHARACTER * width(&word) / 2.0;
            let style = "text-anchor=\"middle\" font-weight=\"bold\"";
            if fits(&word) {
                text(svg, (middle, y + 22.0), "#ffffff", style, &word);
            } else if outage >= LABELLED && middle - half > labelled {
                text(svg, (middle, y + LANE + 12.0), OUTAGE, style, &word);
                labelled = middle + half;
            }
        }
    }

    /// What broke or was mended, and who was taken for dead.
    fn marks(&self) -> Vec<Mark> {
        let mark = |event: &Event| {
            let (text, colour) = match &event.what {
                What::Fault(text) => (text.clone(), FAULT),
                What::Power { host, on: true } => (format!("{} gets power", host.name()), INK),
                What::Line { host, text } if is_death(text) => {
                    let dead = text.trim_start_matches("WARN: ");
                    (format!("{}: {dead}", host.name()), INK)
                }
                What::Line { .. }
                | What::Power { .. }
                | What::Started { .. }
                | What::Vip { .. }
                | What::Exited { .. }
                | What::Answered { .. }
                | What::Silent
                | What::Phase(_)
                | What::Step(_)
                | What::Waiting(_) => return None,
            };
            Some(Mark { x: self.x(event.at), text, colour })
        };
        self.events.iter().filter_map(mark).collect()
    }

    fn x(&self, at: Instant) -> f64 {
        let total = self.end.duration_since(self.start).as_secs_f64();
        let share = at.saturating_duration_since(self.start).as_secs_f64() / total;
        LEFT + (RIGHT - LEFT) * share.min(1.0)
    }
}

/// Whether a log line says that a node, and not a ping node, is dead.
fn is_death(text: &str) -> bool {
    Host::BOTH.into_iter().any(|host| text.ends_with(&format!("node {}: is dead", host.name())))
}

/// The row of each label, so that no two of a row cover each other.
fn rows(marks: &[Mark]) -> Vec<u32> {
    let mut ends: Vec<f64> = Vec::new();
    let place = |mark: &Mark| {
        let (from, to) = extent(mark);
        let free = ends.iter().position(|end| *end + 8.0 < from);
        let row = free.unwrap_or(ends.len());
        ends.resize(ends.len().max(row + 1), 0.0);
        ends[row] = to;
        u32::try_from(row).expect("labels are few")
    };
    marks.iter().map(place).collect()
}

/// From where to where a label goes: to the right of its mark, unless that is off the picture.
fn extent(mark: &Mark) -> (f64, f64) {
    let wide = CHARACTER * width(&mark.text) + 6.0;
    if mark.x + wide > WIDTH { (mark.x - wide, mark.x) } else { (mark.x, mark.x + wide) }
}

fn draw_mark(svg: &mut String, mark: &Mark, y: f64, bottom: f64) {
    let Mark { x, colour, .. } = mark;
    put(
        svg,
        format_args!(
            "<path d=\"M{x:.1} {:.1}V{bottom:.1}\" stroke=\"{colour}\" stroke-dasharray=\"3 3\" \
             stroke-opacity=\"0.6\"/>",
            y - 9.0
        ),
    );
}

fn name(svg: &mut String, y: f64, upper: &str, lower: &str) {
    let first = if lower.is_empty() { y + 21.0 } else { y + 14.0 };
    text(svg, (16.0, first), INK, "font-weight=\"bold\"", upper);
    text(svg, (16.0, y + 29.0), FAINT, "", lower);
}

fn text(svg: &mut String, (x, y): (f64, f64), colour: &str, style: &str, word: &str) {
    let word = word.replace('&', "&amp;").replace('<', "&lt;");
    put(
        svg,
        format_args!("<text x=\"{x:.1}\" y=\"{y:.1}\" fill=\"{colour}\" {style}>{word}</text>"),
    );
}

fn put(svg: &mut String, element: std::fmt::Arguments<'_>) {
    writeln!(svg, "{element}").expect("a string takes all that is written");
}

/// How many characters a label has.
fn width(word: &str) -> f64 {
    f64::from(u32::try_from(word.chars().count()).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests;
