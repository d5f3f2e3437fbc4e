//! Causes stand before their effects, and nothing is lost.

use std::time::{Duration, Instant};

use super::{Event, HOLD, Order, What};
use crate::lab::node::Host;

fn line(at: Instant, host: Host, text: &str) -> Event {
    Event { at, what: What::Line { host, text: text.to_owned() } }
}

fn vip(at: Instant, host: Host) -> Event {
    Event { at, what: What::Vip { host, held: true, interface: 2, label: "eth0:0".to_owned() } }
}

fn told(order: &mut Order) -> Vec<(Instant, String)> {
    std::iter::from_fn(|| order.rest())
        .map(|event| match event.what {
            What::Line { text, .. } => (event.at, text),
            What::Vip { .. } => (event.at, "vip".to_owned()),
            other => panic!("{other:?} was not pushed"),
        })
        .collect()
}

#[test]
fn an_address_follows_the_line_that_announces_it_and_no_line_is_later_than_its_effect() {
    let start = Instant::now();
    let later = start + Duration::from_millis(2);
    let running = "info: Running /etc/ha.d/resource.d/IPaddr2 192.168.2.10 start";
    let mut order = Order::default();
    order.push(vip(start, Host::Rabius));
    order.push(line(later, Host::Corman, "of another node"));
    order.push(line(later, Host::Rabius, "WARN: node corman: is dead"));
    order.push(line(later, Host::Rabius, running));
    order.push(line(later, Host::Rabius, "after it"));
    assert_eq!(
        told(&mut order),
        [
            (start, "WARN: node corman: is dead".to_owned()),
            (start, running.to_owned()),
            (start, "vip".to_owned()),
            (later, "of another node".to_owned()),
            (later, "after it".to_owned()),
        ]
    );
}

#[test]
fn an_address_without_a_known_cause_keeps_its_place() {
    let start = Instant::now();
    let mut order = Order::default();
    order.push(vip(start, Host::Rabius));
    order.push(line(start, Host::Rabius, "info: something else"));
    order.push(line(start, Host::Corman, "info: Running IPaddr2 192.168.2.10 start"));
    let told: Vec<String> = told(&mut order).into_iter().map(|(_, text)| text).collect();
    assert_eq!(told, ["vip", "info: something else", "info: Running IPaddr2 192.168.2.10 start"]);
}

#[test]
fn an_event_is_held_for_a_moment_and_no_longer() {
    let start = Instant::now();
    let mut order = Order::default();
    assert_eq!(order.deadline(), None);
    order.push(vip(start, Host::Rabius));
    assert_eq!(order.deadline(), Some(start + HOLD));
    assert!(order.due(start + HOLD / 2).is_none());
    assert!(order.due(start + HOLD).is_some());
    assert!(order.due(start + HOLD).is_none());
}
