//! What a picture shows of a death.

use std::time::{Duration, Instant};

use super::lanes::{addresses, states};
use super::{Mark, Picture, rows};
use crate::lab::client::Span;
use crate::lab::node::Host::{self, Corman, Rabius};
use crate::lab::timeline::{Event, What};

fn event(start: Instant, ms: u64, what: What) -> Event {
    Event { at: start + Duration::from_millis(ms), what }
}

fn vip(host: Host, held: bool) -> What {
    What::Vip { host, held, interface: 2, label: String::new() }
}

/// Corman serves from 100 ms on, dies at 500 ms and is replaced at 900 ms.
fn a_death(start: Instant) -> Vec<Event> {
    let active = "info: Local status now set to: 'active'".to_owned();
    vec![
        event(start, 10, What::Power { host: Corman, on: true }),
        event(start, 20, What::Started { host: Corman }),
        event(start, 30, What::Line { host: Corman, text: active }),
        event(start, 100, vip(Corman, true)),
        event(start, 500, What::Fault("corman's cord <pulled> & gone".to_owned())),
        event(start, 500, What::Power { host: Corman, on: false }),
        event(start, 500, vip(Corman, false)),
        event(start, 900, vip(Rabius, true)),
    ]
}

#[test]
fn a_lane_shows_each_state_from_its_beginning_to_its_end() {
    let start = Instant::now();
    let ms = |ms| start + Duration::from_millis(ms);
    let events = a_death(start);
    let told: Vec<_> = states(Corman, &events, start, ms(1000))
        .into_iter()
        .map(|bar| (bar.from, bar.to, bar.word))
        .collect();
    assert_eq!(
        told,
        [
            (start, ms(10), "no power"),
            (ms(10), ms(20), "no daemon"),
            (ms(20), ms(30), "starting"),
            (ms(30), ms(500), "active"),
            (ms(500), ms(1000), "no power"),
        ]
    );
    let held = |host| {
        let bars = addresses(host, &events, ms(1000)).into_iter();
        bars.map(|bar| (bar.from, bar.to)).collect::<Vec<_>>()
    };
    assert_eq!(held(Corman), [(ms(100), ms(500))]);
    assert_eq!(held(Rabius), [(ms(900), ms(1000))]);
}

#[test]
fn an_outage_is_labelled_and_text_is_escaped() {
    let start = Instant::now();
    let ms = |ms| start + Duration::from_millis(ms);
    let events = a_death(start);
    let spans = [
        Span { by: "corman".to_owned(), from: ms(120), to: ms(500) },
        Span { by: "rabius".to_owned(), from: ms(912), to: ms(1000) },
    ];
    let picture = Picture { title: "cord", start, end: ms(1000), events: &events, spans: &spans };
    let svg = picture.draw();
    assert!(svg.contains(">412 ms without an answer</text>"), "{svg}");
    assert!(svg.contains("corman's cord &lt;pulled> &amp; gone</text>"), "{svg}");
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"), "{svg}");
}

#[test]
fn labels_that_would_cover_each_other_take_different_rows() {
    let mark = |x| Mark { x, text: "ten letter".to_owned(), colour: "" };
    assert_eq!(rows(&[mark(100.0), mark(110.0), mark(300.0), mark(1195.0)]), [0, 1, 0, 0]);
}
