//! From the files' meaning to the core's settings.

use latido_core::config::{GroupSettings, NodeSettings, Timing};
use latido_core::id::{Key, Name, NodeId};
use latido_core::time::Duration;
use latido_core::wire::Method;
use latido_core::{Config, NodeKind, Settings};

use super::{Arguments, resource_names, settings};
use crate::config::tests::Directory;
use crate::config::{Configuration, load};

fn seed(node: &str, change: impl FnOnce(&Directory)) -> Configuration {
    let directory = Directory::seed();
    change(&directory);
    load(&directory.0, node).0.expect("the seed's files have no errors")
}

#[test]
fn directories_are_the_same_from_wherever_scripts_run() {
    let here = std::env::current_dir().expect("there is one");
    let arguments = Arguments {
        config_dir: "etc".into(),
        state_dir: "/var/lib/heartbeat".into(),
        run_dir: "./run".into(),
        node_name: Some("corman".to_owned()),
    };
    let absolute = arguments.absolute().expect("there is a current directory");
    assert_eq!(absolute.config_dir, here.join("etc"));
    assert_eq!(absolute.state_dir, arguments.state_dir);
    assert_eq!(absolute.run_dir, here.join("run"));
    assert_eq!(absolute.node_name, arguments.node_name);
}

#[test]
fn the_source_documents_files_as_the_core_wants_them() {
    for (me, node) in [(0, "corman"), (1, "rabius")] {
        let configuration = seed(node, |_| {});
        let named = |name: &str, kind| NodeSettings {
            name: Name::try_from(name).expect("a short name"),
            kind,
        };
        let nodes = [
            named("corman", NodeKind::Normal),
            named("rabius", NodeKind::Normal),
            named("192.168.1.1", NodeKind::Ping),
        ];
        let key = Key::try_from("IPaddr2::192.168.2.10/24/eth0:0").expect("a short key");
        let links = ["eth0", "eth2"].map(|device| Name::try_from(device).expect("a short name"));
        let expected = Settings {
            me: NodeId(me),
            nodes: nodes.into_iter().collect(),
            links: links.into_iter().collect(),
            groups: std::iter::once(GroupSettings { preferred: NodeId(0), key }).collect(),
            timing: Timing {
                keepalive: Duration::from_secs(2),
                warntime: Duration::from_secs(6),
                deadtime: Duration::from_secs(10),
                initdead: Duration::from_secs(20),
                deadping: Duration::from_secs(10),
                max_rexmit_delay: Duration::from_millis(250),
            },
            auto_failback: true,
            hopfudge: 1,
            inner_signature: true,
            fingerprint: configuration.fingerprint,
        };
        assert_eq!(settings(&configuration), expected);
        assert!(Config::new(expected).is_ok(), "and the core takes them");
        let names = [["IPaddr2::192.168.2.10/24/eth0:0", "apache2"]];
        assert_eq!(resource_names(&configuration), names);
    }
}

#[test]
fn what_ha_cf_says_otherwise_reaches_the_core() {
    let configuration = seed("rabius", |directory| {
        directory.change("ha.cf", "auto_failback yes", "auto_failback off\nmsgfmt netstring");
        directory.change("ha.cf", "node corman rabius", "hopfudge 3\nnode corman rabius");
        directory.change("haresources", "corman IPaddr2", "rabius IPaddr2");
    });
    let settings = settings(&configuration);
    assert!(!settings.auto_failback && !settings.inner_signature);
    assert_eq!((settings.hopfudge, settings.groups[0].preferred), (3, NodeId(1)));
}

#[test]
fn all_keys_are_taken_and_the_active_one_signs() {
    let configuration = seed("corman", |directory| {
        directory.write("authkeys", "auth 2\n1 crc\n2 sha1 clavesecreta\n15 md5 otra\n");
    });
    let keys = configuration.authkeys.keys();
    assert_eq!(keys.active(), 2);
    let methods: Vec<_> =
        (0..16).filter_map(|number| Some((number, keys.method(number)?))).collect();
    assert_eq!(methods, [(1, Method::Crc), (2, Method::Sha1), (15, Method::Md5)]);
}
