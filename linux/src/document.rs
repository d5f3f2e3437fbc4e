//! What `latido status --json` prints: the daemon's state as one JSON document.
//!
//! Its fields are an interface: they are added to, never changed. Times are whole
//! milliseconds.

use latido_core::config::NodeKind;
use latido_core::node::{GroupView, NodeView};
use latido_core::notice::Reject;
use latido_core::time::Instant;
use latido_core::{Node, Outcome, Ownership};
use serde_json::{Map, Value, json};

/// The state of `node` at `now`. `resources` has the names of each group's resources.
pub(crate) fn document(node: &Node, now: Instant, resources: &[Vec<String>]) -> Value {
    let config = node.config();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "node": config.name(config.me()),
        "state": node.status().word(),
        "rstate": node.phase().word(),
        "hold": node.hold().word(),
        "other_hold": node.other_hold().word(),
        "transition": node.in_transition(),
        "configuration_differs": node.configuration_differs(),
        "nodes": node.nodes().map(|view| node_value(node, &view, now)).collect::<Vec<_>>(),
        "groups": node.groups().map(|view| group_value(node, &view, resources)).collect::<Vec<_>>(),
        "counters": counters(node),
    })
}

fn node_value(node: &Node, view: &NodeView, now: Instant) -> Value {
    let config = node.config();
    let heard = |at: Option<Instant>| at.map(|at| now.since(at).as_millis());
    let links = node.links(view.node).map(|link| {
        let name = match view.kind {
            NodeKind::Normal => config.link(link.link),
            NodeKind::Ping => config.name(view.node),
        };
        let state = if link.up { "up" } else { "dead" };
        json!({ "name": name, "state": state, "heard_ms": heard(link.heard_at) })
    });
    json!({
        "name": config.name(view.node),
        "type": match view.kind { NodeKind::Normal => "normal", NodeKind::Ping => "ping" },
        "status": view.status.word(),
        "generation": view.generation.map(|generation| generation.0),
        "seq": view.sequence.map(|sequence| sequence.0),
        "heard_ms": heard(view.heard_at),
        "links": links.collect::<Vec<_>>(),
    })
}

fn group_value(node: &Node, view: &GroupView, resources: &[Vec<String>]) -> Value {
    let config = node.config();
    let names = resources.get(view.group.index());
    let resource =
        |at: u8| names.and_then(|names| names.get(usize::from(at))).map_or("?", String::as_str);
    let error = match view.outcome {
        Some(Outcome::StartFailed { resource: at }) => {
            Some(format!("{} did not start", resource(at)))
        }
        Some(Outcome::StopFailed { resource: at }) => {
            Some(format!("{} does not stop", resource(at)))
        }
        Some(Outcome::Done) | None => None,
    };
    let word = |level: Ownership| match level {
        Ownership::Held => "held",
        Ownership::Released => "released",
    };
    let actual = match (view.outcome, view.wanted) {
        (Some(Outcome::Done), level) => word(level),
        (Some(Outcome::StartFailed { .. }), _) => "stopped",
        (Some(Outcome::StopFailed { .. }), _) => "stuck",
        (None, Ownership::Held) => "starting",
        (None, Ownership::Released) => "stopping",
    };
    json!({
        "key": config.key(view.group),
        "preferred": config.name(view.preferred),
        "wanted": word(view.wanted),
        "actual": actual,
        "order": view.order.0,
        "resources": names,
        "error": error,
    })
}

fn counters(node: &Node) -> Value {
    let rejected = Reject::ALL.map(|why| (why.name().to_owned(), json!(node.rejected(why))));
    Value::Object(Map::from_iter(rejected))
}

#[cfg(test)]
mod tests;
