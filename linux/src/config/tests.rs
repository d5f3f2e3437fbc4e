//! The four files together: the source document's, its slips, and files with many
//! mistakes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use expect_test::{Expect, expect, expect_file};
use latido_core::time::Duration;

use super::diagnostic::{Diagnostic, Severity, Source, render};
use super::ha_cf::Timing;
use super::{Configuration, authkeys, ha_cf, haresources, latido_cf, load, node_name};

/// The repository.
const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// A directory of configuration files that is removed afterwards.
pub(crate) struct Directory(pub PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("latido-config-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).expect("the temporary directory takes one more");
        Self(path)
    }

    /// A copy of a directory of the repository, authkeys with the mode that it needs.
    pub(crate) fn copy(of: &str) -> Self {
        let copy = Self::new();
        for entry in fs::read_dir(Path::new(REPOSITORY).join(of)).expect("it is in the repository")
        {
            let entry = entry.expect("it can be listed");
            let text = fs::read_to_string(entry.path()).expect("it is a text");
            copy.write(&entry.file_name().to_string_lossy(), &text);
        }
        copy
    }

    /// The source document's files.
    pub(crate) fn seed() -> Self {
        Self::copy("tests/seed")
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("it is in the directory")).expect("made");
        fs::write(&path, text).expect("written");
        if name == "authkeys" {
            self.mode(name, 0o600);
        }
    }

    pub(crate) fn mode(&self, name: &str, mode: u32) {
        let permissions = fs::Permissions::from_mode(mode);
        fs::set_permissions(self.0.join(name), permissions).expect("it is ours");
    }

    /// Replaces `from`, which must be there once, by `to`.
    pub(crate) fn change(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.0.join(name)).expect("it is there");
        assert_eq!(text.matches(from).count(), 1, "{from:?} in {name}");
        self.write(name, text.replace(from, to));
    }

    /// The text as if the directory were /etc/ha.d.
    pub(crate) fn at_home(&self, text: &str) -> String {
        text.replace(&self.0.display().to_string(), "/etc/ha.d")
    }

    pub(crate) fn rendered(&self, diagnostics: &[Diagnostic]) -> String {
        self.at_home(&render(diagnostics, false))
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        // A directory that stays behind fails no test.
        let _kept = fs::remove_dir_all(&self.0);
    }
}

/// Loads, and checks that there is a configuration exactly if there is no error.
fn loaded(directory: &Directory, node: &str) -> (Option<Configuration>, Vec<Diagnostic>) {
    let (configuration, found) = load(&directory.0, node);
    let refused = found.iter().any(|diagnostic| diagnostic.severity == Severity::Error);
    assert_eq!(configuration.is_none(), refused, "{}", directory.rendered(&found));
    (configuration, found)
}

fn assert_rendered(directory: &Directory, node: &str, expected: &Expect) {
    expected.assert_eq(&directory.rendered(&loaded(directory, node).1));
}

#[test]
fn the_documents_files_load_clean() {
    let directory = Directory::seed();
    let (configuration, found) = loaded(&directory, "Corman");
    expect![[r#"
        info: `logfacility` is not used by the daemon yet
         --> /etc/ha.d/ha.cf:1:1
          |
        1 | logfacility daemon # The facility under which
          | ^^^^^^^^^^^ syslog is not written yet; scripts are told of it

        info: this ipfail is not started
          --> /etc/ha.d/ha.cf:32:19
           |
        32 | respawn hacluster /usr/lib/heartbeat/ipfail # What acts when a
           |                   ^^^^^^^^^^^^^^^^^^^^^^^^^ the daemon pings by itself; it does not move groups for it yet

    "#]]
    .assert_eq(&directory.rendered(&found));
    let configuration = configuration.expect("there is no error");
    assert_eq!(configuration.node_name, "corman");
    let ha_cf = &configuration.ha_cf;
    assert_eq!(ha_cf.nodes, ["corman", "rabius"]);
    assert_eq!(ha_cf.bcast, ["eth0", "eth2"]);
    assert_eq!(ha_cf.ping_nodes, ["192.168.1.1".parse::<std::net::Ipv4Addr>().expect("one")]);
    assert_eq!(
        ha_cf.timing,
        Timing {
            keepalive: Duration::from_secs(2),
            warntime: Duration::from_secs(6),
            deadtime: Duration::from_secs(10),
            initdead: Duration::from_secs(20),
            deadping: Duration::from_secs(10),
        }
    );
    assert!(ha_cf.auto_failback && ha_cf.ipfail);
    assert_eq!(ha_cf.udpport, 694);
    assert_eq!(ha_cf.logging.facility.as_deref(), Some("daemon"));
    assert_eq!(ha_cf.logging.logfile.as_deref(), Some(Path::new("/var/log/ha-log")));
    let [group] = configuration.groups.as_slice() else {
        panic!("one line is one group: {:?}", configuration.groups);
    };
    assert_eq!(group.preferred, "corman");
    assert_eq!(group.key(), "IPaddr2::192.168.2.10/24/eth0:0");
    assert_eq!(group.resources[0].args, ["192.168.2.10/24/eth0:0"]);
    assert_eq!(group.resources[1].name, "apache2");
    assert_eq!(group.resources[1].args, <[String; 0]>::default());
    assert_eq!(configuration.authkeys.active, 1);
    assert_eq!(configuration.authkeys.keys[0].secret.expose(), b"clavesecreta");
    assert!(!format!("{configuration:?}").contains("clavesecreta"));
}

#[test]
fn the_documents_slip_in_ha_cf_is_pointed_at() {
    let directory = Directory::seed();
    directory.change("ha.cf", "corman rabius ", "corman rabiuss ");
    assert_rendered(
        &directory,
        "rabius",
        &expect![[r#"
            info: `logfacility` is not used by the daemon yet
             --> /etc/ha.d/ha.cf:1:1
              |
            1 | logfacility daemon # The facility under which
              | ^^^^^^^^^^^ syslog is not written yet; scripts are told of it

            error: this machine is called `rabius`, which no `node` line lists
             --> /etc/ha.d/ha.cf:8:13
              |
            8 | node corman rabiuss # The machines of the cluster:
              |             ^^^^^^^ expected a name that `uname -n` prints on one of the machines
              |
              = help: did you mean `rabius`?

            info: this ipfail is not started
              --> /etc/ha.d/ha.cf:32:19
               |
            32 | respawn hacluster /usr/lib/heartbeat/ipfail # What acts when a
               |                   ^^^^^^^^^^^^^^^^^^^^^^^^^ the daemon pings by itself; it does not move groups for it yet

        "#]],
    );
}

#[test]
fn the_documents_slip_in_haresources_is_pointed_at() {
    let directory = Directory::seed();
    directory.write("haresources", "corman IPaddr2::192.168.2.10/24/eth0:0 apache2\nrabiuis x\n");
    assert_rendered(
        &directory,
        "rabius",
        &expect![[r#"
            info: `logfacility` is not used by the daemon yet
             --> /etc/ha.d/ha.cf:1:1
              |
            1 | logfacility daemon # The facility under which
              | ^^^^^^^^^^^ syslog is not written yet; scripts are told of it

            info: this ipfail is not started
              --> /etc/ha.d/ha.cf:32:19
               |
            32 | respawn hacluster /usr/lib/heartbeat/ipfail # What acts when a
               |                   ^^^^^^^^^^^^^^^^^^^^^^^^^ the daemon pings by itself; it does not move groups for it yet

            error: `rabiuis` is no node of ha.cf
             --> /etc/ha.d/haresources:2:1
              |
            2 | rabiuis x
              | ^^^^^^^ expected corman or rabius
              |
              = help: did you mean `rabius`?

        "#]],
    );
}

#[test]
fn every_mistake_of_every_file_is_reported() {
    let directory = Directory::seed();
    directory.write(
        "ha.cf",
        "Keepalive 3\n\
         nodes corman\t# one word too few\n\
         node\tcorman rabius añil\n\
         keepalive 2s\n\
         deadtime ten\n\
         bcast\n\
         ping gateway\n\
         auto_failback yess\n\
         stonith external /etc/ha.d/stonith\n\
         ucast eth0 192.168.2.20\n\
         realtime on\n\
         logfacility deamon\n\
         msgfmt netstrings extra\n",
    );
    directory.write(
        "haresources",
        "corma IPaddr2::192.168.2.10/24/averylongname0:0 IPAddr2::1.2.3.4 apache2\n\
         rabius\n\
         corman 192.168.2.11 \\\n  IPaddr::192.168.2.300\n",
    );
    directory.write("authkeys", "auth 2\n1 sha256 clavesecreta\n2 md5\n");
    directory.write("latido.cf", "on-stop-failure rebot\nresource-timeouts start 60s\n");
    let found = loaded(&directory, "corman").1;
    expect_file!["tests/every_mistake.txt"].assert_eq(&directory.rendered(&found));
}

#[test]
fn missing_files_are_errors_that_say_what_they_are_for() {
    assert_rendered(
        &Directory::new(),
        "corman",
        &expect![[r#"
            error: there is no ha.cf
            --> /etc/ha.d/ha.cf
             = help: it names nodes, links and timings; write it, or copy it from the other node

            error: there is no haresources
            --> /etc/ha.d/haresources
             = help: it says what each node holds; write it, or copy it from the other node

            error: there is no authkeys
            --> /etc/ha.d/authkeys
             = help: it has the key that messages are signed with; write it, or copy it from the other node

        "#]],
    );
}

#[test]
fn what_is_no_regular_file_is_refused_and_never_waited_for() {
    for (name, kind) in [("fifo", "a device or a pipe"), ("directory", "a directory")] {
        let directory = Directory::seed();
        let path = directory.0.join("ha.cf");
        fs::remove_file(&path).expect("it is ours");
        match name {
            "fifo" => nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).expect("a FIFO"),
            _ => fs::create_dir(&path).expect("a directory"),
        }
        let (configuration, found) = loaded(&directory, "corman");
        assert!(configuration.is_none(), "{name}");
        let message = format!("this file cannot be read: it is {kind}, not a regular file");
        let told = found.iter().any(|found| {
            found.severity == Severity::Error
                && found.file.ends_with("/ha.cf")
                && found.message == message
        });
        assert!(told, "{name}: {found:?}");
    }
}

#[test]
fn an_authkeys_that_others_can_read_is_refused_with_the_command_to_type() {
    let directory = Directory::seed();
    directory.mode("authkeys", 0o644);
    assert_rendered(
        &directory,
        "corman",
        &expect![[r#"
            info: `logfacility` is not used by the daemon yet
             --> /etc/ha.d/ha.cf:1:1
              |
            1 | logfacility daemon # The facility under which
              | ^^^^^^^^^^^ syslog is not written yet; scripts are told of it

            info: this ipfail is not started
              --> /etc/ha.d/ha.cf:32:19
               |
            32 | respawn hacluster /usr/lib/heartbeat/ipfail # What acts when a
               |                   ^^^^^^^^^^^^^^^^^^^^^^^^^ the daemon pings by itself; it does not move groups for it yet

            error: others can read this file: its mode is 644
            --> /etc/ha.d/authkeys
             = help: type `chmod 600 /etc/ha.d/authkeys`

        "#]],
    );
}

#[test]
fn comments_may_be_in_any_encoding_and_words_may_not() {
    let directory = Directory::seed();
    directory.write("haresources", b"# configuraci\xf3n\ncorman IPaddr2::192.168.2.10/24/eth0:0\n");
    assert_eq!(loaded(&directory, "corman").1.len(), 2, "two remarks");
    directory.write("haresources", b"corman IPaddr2::192.168.2.10/24/eth0:0 ap\xe1che\n");
    assert_rendered(
        &directory,
        "corman",
        &expect![[r#"
            info: `logfacility` is not used by the daemon yet
             --> /etc/ha.d/ha.cf:1:1
              |
            1 | logfacility daemon # The facility under which
              | ^^^^^^^^^^^ syslog is not written yet; scripts are told of it

            info: this ipfail is not started
              --> /etc/ha.d/ha.cf:32:19
               |
            32 | respawn hacluster /usr/lib/heartbeat/ipfail # What acts when a
               |                   ^^^^^^^^^^^^^^^^^^^^^^^^^ the daemon pings by itself; it does not move groups for it yet

            error: this word is not UTF-8
             --> /etc/ha.d/haresources:1:40
              |
            1 | corman IPaddr2::192.168.2.10/24/eth0:0 ap�che
              |                                        ^^^^^^
              |
              = help: write it in ASCII; comments may be in any encoding

        "#]],
    );
}

#[test]
fn the_examples_of_the_documentation_load() {
    for (example, groups) in [("minimal", 2), ("full", 5)] {
        let directory = Directory::copy(&format!("docs/examples/{example}"));
        for node in ["corman", "rabius"] {
            let (configuration, found) = loaded(&directory, node);
            assert!(found.iter().all(|d| d.severity == Severity::Info), "{found:?}");
            let configuration = configuration.expect("there is no error");
            assert_eq!(configuration.groups[0].resources.len(), groups);
        }
    }
}

#[test]
fn the_fingerprint_is_that_of_the_meaning() {
    let fingerprint = |directory: &Directory, node: &str| {
        loaded(directory, node).0.expect("no error").fingerprint
    };
    let directory = Directory::seed();
    let first = fingerprint(&directory, "corman");
    assert_eq!(first, fingerprint(&directory, "rabius"));
    directory.change("ha.cf", "bcast eth0 eth2", "\n# more\n  bcast\teth0,eth2");
    directory.change("haresources", " apache2", " \\\n   apache2");
    assert_eq!(first, fingerprint(&directory, "corman"), "only layout was changed");
    directory.change("authkeys", "clavesecreta", "otra");
    assert_eq!(first, fingerprint(&directory, "corman"), "keys must not be guessed from it");
    for (file, from, to) in [
        ("ha.cf", "deadtime 10", "deadtime 11"),
        ("ha.cf", "eth0,eth2", "eth2,eth0"),
        ("haresources", "/24/", "/25/"),
        ("haresources", "   apache2", "   apache2 pingcheck"),
    ] {
        let directory = Directory::copy("tests/seed");
        directory.change("ha.cf", "bcast eth0 eth2", "bcast eth0,eth2");
        directory.change("haresources", " apache2", "    apache2");
        directory.change(file, from, to);
        assert_ne!(first, fingerprint(&directory, "corman"), "{from} → {to}");
    }
}

/// Pieces that files are made of, in any order; some are what breaks readers.
const PIECES: [&str; 24] = [
    "node ",
    "corman",
    " rabius",
    "\n",
    "\n",
    " ",
    "\t",
    ",",
    "#",
    "\\\n",
    "bcast ",
    "deadtime ",
    "keepalive ",
    "1",
    "0",
    "ms",
    "é",
    "\u{fffd}",
    "\r\n",
    "auth ",
    " sha1 ",
    "IPaddr2::10.0.0.1",
    "/24/eth0:0",
    "::",
];

#[test]
fn no_text_makes_a_reader_panic_and_every_mistake_can_be_shown() {
    let mut state = 1_u64;
    let mut next = move |bound: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).expect("31 bits") % bound
    };
    let nodes = ["corman".to_owned()];
    let (mut refused, mut accepted) = (0, 0);
    for _ in 0..2_000 {
        let text: String = (0..next(20)).map(|_| PIECES[next(PIECES.len())]).collect();
        let readers: [&dyn Fn(&mut Source); 4] = [
            &|source| drop(ha_cf::read(source, "corman")),
            &|source| drop(haresources::read(source, &nodes)),
            &|source| drop(authkeys::read(source)),
            &|source| {
                latido_cf::read(source);
            },
        ];
        for read in readers {
            let mut source = Source::new("file", text.as_str());
            read(&mut source);
            let found = source.into_found();
            if found.iter().any(|one| one.severity == Severity::Error) {
                refused += 1;
            } else {
                accepted += 1;
            }
            let shown = render(&found, true);
            assert_eq!(shown.is_empty(), found.is_empty(), "{text:?}");
        }
    }
    assert!(refused > 1_000 && accepted > 100, "{refused} refused, {accepted} accepted");
}

#[test]
fn nodeinfo_overrides_the_machines_name() {
    let directory = Directory::new();
    let own = nix::unistd::gethostname().expect("it has one").to_string_lossy().to_lowercase();
    assert_eq!(node_name(&directory.0).expect("known"), own);
    directory.write("nodeinfo", "\n");
    assert_eq!(node_name(&directory.0).expect("known"), own);
    directory.write("nodeinfo", " Corman \nrabius\n");
    assert_eq!(node_name(&directory.0).expect("known"), "corman");
}

#[test]
fn a_diagnostic_for_a_log_is_one_line() {
    let directory = Directory::seed();
    directory.change("ha.cf", "deadtime 10", "deadtime 2x");
    let (_, found) = loaded(&directory, "corman");
    let lines: Vec<_> = found.iter().map(|one| directory.at_home(&one.to_string())).collect();
    expect![[r#"
        /etc/ha.d/ha.cf:1:1: `logfacility` is not used by the daemon yet (syslog is not written yet; scripts are told of it)
        /etc/ha.d/ha.cf:17:11: `x` is no unit of time (expected ms, us or nothing, which is seconds)
        /etc/ha.d/ha.cf:32:19: this ipfail is not started (the daemon pings by itself; it does not move groups for it yet)"#]].assert_eq(&lines.join("\n"));
}
