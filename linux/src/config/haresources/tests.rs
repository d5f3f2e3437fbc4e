//! haresources line by line.

use latido_core::limits::GROUPS_MAX;

use super::super::diagnostic::Source;
use super::{Group, read};

fn groups(text: &str) -> (Vec<Group>, Vec<String>) {
    let mut source = Source::new("haresources", text);
    let nodes = ["corman".to_owned(), "rabius".to_owned()];
    let groups = read(&mut source, &nodes);
    (groups, source.into_found().iter().map(|one| one.message.clone()).collect())
}

#[test]
fn two_lines_are_two_groups_with_their_own_keys() {
    let (groups, found) = groups(
        "# both serve\nCORMAN 192.168.2.10 apache2\n\nrabius IPaddr::192.168.2.11/24 \\\n\
         drbddisk::data Filesystem::/dev/drbd0::/data::ext3",
    );
    assert_eq!(found, <[String; 0]>::default());
    let [first, second] = groups.as_slice() else {
        panic!("{groups:?}");
    };
    assert_eq!((first.preferred.as_str(), first.key()), ("corman", "192.168.2.10"));
    assert_eq!(first.resources[0].name, "IPaddr");
    assert_eq!(first.resources[0].args, ["192.168.2.10"]);
    assert!(first.resources[0].address.is_some() && first.resources[1].address.is_none());
    assert_eq!((second.preferred.as_str(), second.key()), ("rabius", "IPaddr::192.168.2.11/24"));
    assert_eq!(second.resources[1].args, ["data"]);
    assert_eq!(second.resources[2].name, "Filesystem");
    assert_eq!(second.resources[2].args, ["/dev/drbd0", "/data", "ext3"]);
}

#[test]
fn a_file_without_groups_is_doubted() {
    let doubt = "there is no group: nothing is served".to_owned();
    assert_eq!(groups("# nothing\n"), (Vec::new(), vec![doubt]));
}

#[test]
fn each_mistake_has_its_message() {
    let long = "x".repeat(129);
    for (text, message) in [
        ("nosuch apache2", "`nosuch` is no node of ha.cf"),
        ("corman", "this group has no resource"),
        ("corman ::data", "`::data` names no script"),
        ("corman ../apache2", "`../apache2` names no script"),
        ("corman IPaddr2", "an address resource takes one argument"),
        ("corman IPaddr2::10.0.0.1::24", "an address resource takes one argument"),
        ("corman 10.0.0.1::24", "a bare address takes no arguments"),
        ("corman 10.0.0.256", "`10.0.0.256` is no IPv4 address"),
        ("corman ipaddr2::10.0.0.1", "there is no resource `ipaddr2`"),
        ("corman a\nrabius a", "`a` is the first resource of line 1 already"),
        (
            "corman a 10.0.0.1\nrabius b IPaddr2::10.0.0.1/24",
            "10.0.0.1 is in the group of line 1 already",
        ),
        (&format!("corman {long}"), "a resource has at most 128 octets"),
    ] {
        assert_eq!(groups(text).1, [message], "{text}");
    }
}

#[test]
fn one_group_more_than_the_bound_is_an_error() {
    let lines: Vec<_> = (0..=GROUPS_MAX + 1).map(|group| format!("corman r{group}")).collect();
    let (groups, found) = groups(&lines.join("\n"));
    assert_eq!(groups.len(), GROUPS_MAX);
    assert_eq!(found, [format!("there are at most {GROUPS_MAX} groups")]);
}
