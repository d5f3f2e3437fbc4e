//! What the lines of ha.cf must be together, and timings that are probably a mistake
//! (specification 13).

use latido_core::config::Timing as CoreTiming;
use latido_core::limits::NORMAL_NODES_MAX;
use latido_core::time::Duration;

use super::super::diagnostic::{Place, all, nearest};
use super::super::spoken;
use super::{Reader, Timing};

/// Below this keepalive the original declared living nodes dead on a loaded machine.
const KEEPALIVE_SMALL: Duration = Duration::from_millis(100);
/// Below this initdead the original warns: machines take time to bring up a network.
const INITDEAD_SMALL: Duration = Duration::from_secs(10);

/// Checks everything, and derives the times that are not in the file.
pub(super) fn check(reader: &mut Reader<'_>, node_name: &str) {
    check_nodes(reader, node_name);
    check_links(reader);
    if reader.is_absent("auto_failback") {
        reader
            .source
            .warning("auto_failback is not set; taken as off: nothing moves back by itself", None)
            .help("say `auto_failback on` or `auto_failback off`");
    }
    if reader.is_absent("logfile") {
        reader
            .source
            .info("no log file is named; what happens is told on standard error only", None)
            .help("say `logfile /var/log/ha-log`");
    }
    let given = |name| reader.times.get(name).cloned();
    // A time that cannot be read has been reported; nothing can be said about the rest.
    let (Some(keepalive), Some(deadtime)) = (given("keepalive"), given("deadtime")) else {
        return;
    };
    let derived = Times {
        warntime: given("warntime").unwrap_or((deadtime.0.half(), None)),
        initdead: given("initdead").unwrap_or((CoreTiming::initdead_for(deadtime.0), None)),
        deadping: given("deadping").unwrap_or((deadtime.0, None)),
        keepalive,
        deadtime,
    };
    reader.ha_cf.timing = derived.timing();
    for (name, (time, place)) in [
        ("warntime", &derived.warntime),
        ("initdead", &derived.initdead),
        ("deadping", &derived.deadping),
    ] {
        if place.is_none() && reader.is_absent(name) {
            let value = format!("{}ms", time.as_millis());
            reader.ha_cf.parameters.push((name.to_owned(), value));
        }
    }
    refuse_times(reader, &derived);
    doubt_times(reader, &derived);
}

/// A time, and where it stands unless it is a default.
type Time = (Duration, Option<Place>);

/// All times.
struct Times {
    keepalive: Time,
    warntime: Time,
    deadtime: Time,
    initdead: Time,
    deadping: Time,
}

impl Times {
    const fn timing(&self) -> Timing {
        Timing {
            keepalive: self.keepalive.0,
            warntime: self.warntime.0,
            deadtime: self.deadtime.0,
            initdead: self.initdead.0,
            deadping: self.deadping.0,
        }
    }
}

fn check_nodes(reader: &mut Reader<'_>, node_name: &str) {
    let nodes = reader.ha_cf.nodes.clone();
    if nodes.is_empty() {
        if !reader.is_absent("node") {
            return;
        }
        reader
            .source
            .error("no node is listed", None)
            .help("say `node NAME NAME`: both machines, as `uname -n` prints their names");
        return;
    }
    if let Some(third) = reader.nodes.get(NORMAL_NODES_MAX).cloned() {
        reader
            .source
            .error("a haresources cluster has at most two nodes", Some(third))
            .expected("the third")
            .help(
                "a node holds its own groups, the other's or all; \
                 with a third node nobody could tell whose they are",
            );
    }
    if nodes.iter().any(|node| node == node_name) {
        return;
    }
    let names: Vec<&str> = nodes.iter().map(String::as_str).collect();
    let message = format!("this machine is called `{node_name}`, which no `node` line lists");
    let near = nearest(node_name, names.iter().copied());
    let near = near.and_then(|near| names.iter().position(|name| *name == near));
    match near {
        Some(at) => {
            let place = reader.nodes[at].clone();
            reader
                .source
                .error(message, Some(place))
                .expected("expected a name that `uname -n` prints on one of the machines")
                .help(format!("did you mean `{node_name}`?"));
        }
        None => {
            let place = reader.nodes[0].clone();
            reader.source.error(message, Some(place)).help(format!(
                "ha.cf lists {}; add `{node_name}`, or rename the machine (hostname, or the \
                 first line of nodeinfo beside ha.cf)",
                all(&names)
            ));
        }
    }
}

/// The original starts with a `ping` line as its only medium. Two nodes that cannot
/// hear each other would both hold everything, so ours does not.
fn check_links(reader: &mut Reader<'_>) {
    const MEDIA: [&str; 7] = ["bcast", "udp", "ucast", "mcast", "ucast6", "mcast6", "serial"];
    if MEDIA.iter().all(|name| reader.is_absent(name)) {
        reader
            .source
            .error("no link carries heartbeats", None)
            .help("say `bcast eth0`, better two: a `ping` line alone lets no node hear the other");
    }
}

/// What the original refuses too.
fn refuse_times(reader: &mut Reader<'_>, times: &Times) {
    let keepalive = times.keepalive.0;
    if keepalive < CoreTiming::KEEPALIVE_MIN {
        let least = spoken(CoreTiming::KEEPALIVE_MIN);
        reader
            .source
            .error(format!("keepalive {} is a flood", spoken(keepalive)), times.keepalive.1.clone())
            .expected(format!("expected at least {least}"));
    }
    if times.deadtime.0 > CoreTiming::DEADTIME_MAX {
        let most = spoken(CoreTiming::DEADTIME_MAX);
        reader
            .source
            .error("deadtime is more than a heartbeat can tell", times.deadtime.1.clone())
            .expected(format!("expected at most {most}"));
    }
    let least = keepalive.times(2);
    let refused = [("deadtime", &times.deadtime), ("deadping", &times.deadping)];
    for (name, (time, place)) in refused {
        let derived = name == "deadping" && place.is_none();
        if *time <= least && !derived {
            let place = place.clone().or_else(|| times.keepalive.1.clone());
            let message = format!(
                "{name} {} is not more than two keepalives of {}",
                spoken(*time),
                spoken(keepalive)
            );
            reader
                .source
                .error(message, place)
                .expected(format!("expected a {name} of more than {}", spoken(least)))
                .help("one heartbeat that is lost or late would be a death");
        }
    }
    let (initdead, place) = &times.initdead;
    if *initdead < times.deadtime.0 {
        let deadtime = spoken(times.deadtime.0);
        let message = format!("initdead {} is less than deadtime {deadtime}", spoken(*initdead));
        reader
            .source
            .error(message, place.clone())
            .expected(format!("expected at least {deadtime}"));
    }
}

/// What is accepted and yet hardly meant.
fn doubt_times(reader: &mut Reader<'_>, times: &Times) {
    let (keepalive, deadtime, warntime) = (times.keepalive.0, times.deadtime.0, times.warntime.0);
    // The default is half of deadtime: more than keepalive in all that is not refused.
    let given = times.warntime.1.is_some();
    if given && warntime >= deadtime {
        let message = "a late heartbeat is never warned of: the node is dead first";
        reader
            .source
            .warning(message, times.warntime.1.clone())
            .expected(format!("expected less than deadtime, {}", spoken(deadtime)));
    } else if given && warntime <= keepalive {
        reader
            .source
            .warning("every heartbeat counts as late", times.warntime.1.clone())
            .expected(format!("expected more than keepalive, {}", spoken(keepalive)));
    }
    if times.initdead.0 < INITDEAD_SMALL && times.initdead.0 >= deadtime {
        reader
            .source
            .warning(
                "initdead is short: a machine that boots may not hear its peer in time",
                times.initdead.1.clone(),
            )
            .expected(format!("expected at least {}", spoken(INITDEAD_SMALL)))
            .help("it would then take what the peer holds");
    }
    if keepalive < KEEPALIVE_SMALL {
        reader
            .source
            .warning("keepalive is very short", times.keepalive.1.clone())
            .expected(format!("expected at least {}", spoken(KEEPALIVE_SMALL)))
            .help("a Heartbeat 3.0.6 peer is declared dead by mistake at 50ms with deadtime 200ms");
    }
    if deadtime > keepalive.times(2) && deadtime < keepalive.times(3) {
        reader
            .source
            .warning("two heartbeats that are lost are a death", times.deadtime.1.clone())
            .expected(format!(
                "expected at least three keepalives, {}",
                spoken(keepalive.times(3))
            ));
    }
}
