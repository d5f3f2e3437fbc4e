//! The document of `status --json`, whole.

use std::collections::VecDeque;

use expect_test::expect;
use latido_core::config::Incarnation;
use latido_core::id::{Generation, LinkId, NodeId};
use latido_core::limits::FRAME_MAX;
use latido_core::time::{Duration, Instant};
use latido_core::wire::{Keys, Method};
use latido_core::{Action, Config, Event, Node, Outcome, Ownership, Settings, Stamp, Timing};

use super::document;

const START: Instant = Instant::from_micros(1_000_000);

fn node(me: u8) -> Node {
    let timing = Timing::of(Duration::from_secs(2), Duration::from_secs(10));
    let groups = ["web", "mail"];
    let mut settings =
        Settings::pair(["corman", "rabius"], NodeId(me), &["eth0", "eth2"], &groups, timing);
    settings.groups[1].preferred = NodeId(1);
    let mut keys = Keys::new(1);
    keys.insert(1, Method::Sha1, b"clavesecreta").expect("a valid key");
    let incarnation = Incarnation {
        generation: Generation(100 + u64::from(me)),
        uuid: [me; 16],
        peer_generation: Generation(0),
        seed: 1,
    };
    let config = Config::new(settings).expect("a plain pair is a cluster");
    Node::new(config, keys, incarnation, START)
}

/// Two nodes that have agreed; corman's group does not start.
fn agreed() -> Node {
    let mut nodes = [node(0), node(1)];
    let mut frames = VecDeque::new();
    for place in [0, 1] {
        let mut events = vec![Event::Ticked { behind: false }];
        let mut at = place;
        for _ in 0..1_000 {
            let frame: (usize, Vec<u8>);
            let event = match events.pop() {
                Some(event) => event,
                None => match frames.pop_front() {
                    Some(next) => {
                        frame = next;
                        at = frame.0;
                        Event::Received { link: LinkId(0), frame: &frame.1 }
                    }
                    None => break,
                },
            };
            let actions = nodes[at].handle(START, event);
            for action in &actions {
                match *action {
                    Action::Send(transmission) => {
                        let mut buffer = [0; FRAME_MAX];
                        let stamp = Stamp { unix_seconds: 1, load: "" };
                        let length = nodes[at].render(&transmission, &stamp, &mut buffer);
                        frames.push_back((1 - at, buffer[..length].to_vec()));
                    }
                    Action::Own { group, order, ownership } => {
                        let fails = at == 0 && ownership == Ownership::Held;
                        let outcome = match fails {
                            true => Outcome::StartFailed { resource: 1 },
                            false => Outcome::Done,
                        };
                        events.push(Event::Settled { group, order, outcome });
                    }
                    Action::Probe { .. }
                    | Action::Announce { .. }
                    | Action::Record { .. }
                    | Action::Exit
                    | Action::Tell(_) => {}
                }
            }
        }
    }
    let [corman, _] = nodes;
    corman
}

#[test]
#[allow(clippy::too_many_lines, reason = "most of them are the document")]
fn the_state_of_a_node_as_one_document() {
    let mut corman = agreed();
    let _ = corman.handle(START, Event::Received { link: LinkId(1), frame: b"noise" });
    let resources = [vec!["IPaddr2::192.168.2.10/24/eth0:0", "apache2"], vec!["postfix"]]
        .map(|names| names.into_iter().map(str::to_owned).collect());
    let now = START.after(Duration::from_millis(1_500));
    let document = document(&corman, now, &resources);
    let text = serde_json::to_string_pretty(&document).expect("it is JSON");
    let text = text.replace(env!("CARGO_PKG_VERSION"), "…");
    expect![[r#"
        {
          "configuration_differs": false,
          "counters": {
            "incomplete": 0,
            "malformed": 1,
            "ourselves": 0,
            "replayed": 0,
            "unanswerable": 0,
            "unauthenticated": 0,
            "unknown_node": 0,
            "unproven": 0
          },
          "groups": [
            {
              "actual": "stopped",
              "error": "apache2 did not start",
              "key": "web",
              "order": 1,
              "preferred": "corman",
              "resources": [
                "IPaddr2::192.168.2.10/24/eth0:0",
                "apache2"
              ],
              "wanted": "held"
            },
            {
              "actual": "released",
              "error": null,
              "key": "mail",
              "order": 0,
              "preferred": "rabius",
              "resources": [
                "postfix"
              ],
              "wanted": "released"
            }
          ],
          "hold": "local",
          "node": "corman",
          "nodes": [
            {
              "generation": 100,
              "heard_ms": null,
              "links": [
                {
                  "heard_ms": null,
                  "name": "eth0",
                  "state": "dead"
                },
                {
                  "heard_ms": null,
                  "name": "eth2",
                  "state": "dead"
                }
              ],
              "name": "corman",
              "seq": 11,
              "status": "active",
              "type": "normal"
            },
            {
              "generation": 101,
              "heard_ms": 1500,
              "links": [
                {
                  "heard_ms": 1500,
                  "name": "eth0",
                  "state": "up"
                },
                {
                  "heard_ms": null,
                  "name": "eth2",
                  "state": "dead"
                }
              ],
              "name": "rabius",
              "seq": 10,
              "status": "active",
              "type": "normal"
            }
          ],
          "other_hold": "local",
          "rstate": "stable",
          "state": "active",
          "transition": false,
          "version": "…"
        }"#]]
    .assert_eq(&text);
}
