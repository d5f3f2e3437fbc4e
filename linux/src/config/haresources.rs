//! `haresources`: who holds what, given the choice (specification 9.1).
//!
//! It reads the lines; it does not look whether a resource's script exists.

use latido_core::grammar::{Dialect, Word};
use latido_core::limits::{GROUPS_MAX, KEY_MAX};

use super::address::Address;
use super::diagnostic::{Diagnostic, Place, Severity, Source, either};

#[cfg(test)]
mod tests;

/// One line: resources that one node holds together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// The node that holds it when it can, lower-cased.
    pub preferred: String,
    /// Its resources, at least one; started in this order, stopped in reverse.
    pub resources: Vec<Resource>,
}

impl Group {
    /// The name of the group: its first resource as it is written.
    pub(crate) fn key(&self) -> &str {
        &self.resources[0].text
    }
}

/// One resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resource {
    /// As it is written: `IPaddr2::192.168.2.10/24/eth0:0`.
    pub text: String,
    /// The script's name; `IPaddr` for a bare address.
    pub name: String,
    /// Its arguments before the verb.
    pub args: Vec<String>,
    /// What `IPaddr2` or `IPaddr` is told; `None` for every other name.
    pub address: Option<Address>,
    /// Where it stands.
    pub place: Place,
}

/// Reads the text of `source`. Names are checked against `nodes` unless there are
/// none. What is wrong is in `source` afterwards.
pub(crate) fn read(source: &mut Source, nodes: &[String]) -> Vec<Group> {
    let text = source.text.clone();
    let mut groups: Vec<Group> = Vec::new();
    for line in source.statements(&text, Dialect::HARESOURCES) {
        let (node, words) = line.words.split_first().expect("a line has a word");
        let preferred = node.text.to_lowercase();
        check_node(source, nodes, node);
        let resources: Vec<Resource> =
            words.iter().filter_map(|word| resource(source, word)).collect();
        if words.is_empty() {
            let place = source.place(node);
            source
                .error("this group has no resource", Some(place))
                .expected("then resources, such as IPaddr2::192.168.2.10/24/eth0:0");
        }
        let whole = resources.len() == words.len() && !resources.is_empty();
        if !whole {
            continue;
        }
        let group = Group { preferred, resources };
        check_unique(source, &groups, &group);
        if groups.len() == GROUPS_MAX {
            let place = source.place(node);
            let message = format!("there are at most {GROUPS_MAX} groups");
            source.error(message, Some(place)).expected("one group too many");
            break;
        }
        groups.push(group);
    }
    if groups.is_empty() && source.found.is_empty() {
        source
            .warning("there is no group: nothing is served", None)
            .help("say `NODE IPaddr2::ADDRESS/BITS/INTERFACE RESOURCE…`");
    }
    groups
}

fn check_node(source: &mut Source, nodes: &[String], node: &Word<'_>) {
    let name = node.text.to_lowercase();
    if nodes.is_empty() || nodes.contains(&name) {
        return;
    }
    let place = source.place(node);
    let names: Vec<&str> = nodes.iter().map(String::as_str).collect();
    source
        .error(format!("`{}` is no node of ha.cf", node.text), Some(place))
        .expected(format!("expected {}", either(&names)))
        .nearest(&name, names);
}

/// Reads one resource; `None` if it cannot be meant, which is reported.
fn resource(source: &mut Source, word: &Word<'_>) -> Option<Resource> {
    let place = source.place(word);
    let mut parts = word.text.split("::");
    let mut name = parts.next().expect("a split text has a first part");
    let mut args: Vec<&str> = parts.collect();
    if is_bare_address(name) {
        if let Some(argument) = args.first() {
            let part = argument.as_ptr().addr() - word.text.as_ptr().addr();
            let place = source.place_in(word, part..word.text.len());
            source
                .error("a bare address takes no arguments", Some(place))
                .expected("expected the end of the resource")
                .help(format!("write `IPaddr2::{name}`"));
            return None;
        }
        (name, args) = ("IPaddr", vec![name]);
    }
    let takes_address = matches!(name, "IPaddr2" | "IPaddr");
    if name.is_empty() || name.contains(['/', ':']) || name.starts_with('.') {
        source.error(format!("`{}` names no script", word.text), Some(place)).expected(
            "expected the name of a script in resource.d or /etc/init.d, then ::arguments",
        );
        return None;
    }
    if !takes_address && ["ipaddr2", "ipaddr"].contains(&name.to_lowercase().as_str()) {
        let right = if name.len() == 7 { "IPaddr2" } else { "IPaddr" };
        source
            .error(format!("there is no resource `{name}`"), Some(place))
            .expected("the case of letters counts")
            .help(format!("did you mean `{right}`?"));
        return None;
    }
    let mut address = None;
    if takes_address {
        address = Some(address_of(source, word, &args)?);
    }
    if word.text.len() > KEY_MAX {
        let message = format!("a resource has at most {KEY_MAX} octets");
        source.error(message, Some(place));
        return None;
    }
    Some(Resource {
        text: word.text.to_owned(),
        name: name.to_owned(),
        args: args.into_iter().map(str::to_owned).collect(),
        address,
        place,
    })
}

/// Whether the original takes it for an address: four numbers with dots, or nearly.
fn is_bare_address(name: &str) -> bool {
    let parts: Vec<&str> = name.splitn(4, '.').collect();
    parts.len() == 4 && parts.iter().all(|part| part.starts_with(|c: char| c.is_ascii_digit()))
}

/// Reads the one argument of `IPaddr2` or `IPaddr`.
fn address_of(source: &mut Source, word: &Word<'_>, args: &[&str]) -> Option<Address> {
    let form = "expected IP[/BITS[/INTERFACE[:LABEL]][/BROADCAST]]";
    let [argument] = args else {
        let place = source.place(word);
        let message = "an address resource takes one argument";
        source.error(message, Some(place)).expected(form);
        return None;
    };
    let offset = argument.as_ptr().addr() - word.text.as_ptr().addr();
    match Address::parse(argument) {
        Ok(address) => Some(address),
        Err(error) => {
            let part = offset + error.part.start..offset + error.part.end;
            let place = source.place_in(word, part);
            source
                .error(error.message, Some(place))
                .expected(format!("expected {}", error.expected))
                .help(form.replacen("expected", "the form is", 1));
            None
        }
    }
}

/// A key names one group, and an address is held by one group.
fn check_unique(source: &mut Source, groups: &[Group], new: &Group) {
    if let Some(first) = groups.iter().find(|group| group.key() == new.key()) {
        let line = first.resources[0].place.line;
        source
            .error(
                format!("`{}` is the first resource of line {line} already", new.key()),
                Some(new.resources[0].place.clone()),
            )
            .expected("expected a first resource that names this group alone");
        return;
    }
    for resource in &new.resources {
        let ip = resource.address.as_ref().map(|address| address.ip);
        let holds = |group: &&Group| {
            group
                .resources
                .iter()
                .any(|held| ip.is_some() && ip == held.address.as_ref().map(|a| a.ip))
        };
        if let (Some(ip), Some(group)) = (ip, groups.iter().find(holds)) {
            let line = group.resources[0].place.line;
            source
                .error(
                    format!("{ip} is in the group of line {line} already"),
                    Some(resource.place.clone()),
                )
                .expected("expected an address of this group alone")
                .help("two nodes could hold it at once");
        }
    }
}

impl Resource {
    /// A diagnostic about this resource, which stands in `file`.
    pub(crate) fn diagnostic(&self, severity: Severity, file: &str, message: String) -> Diagnostic {
        Diagnostic {
            severity,
            file: file.to_owned(),
            message,
            place: Some(self.place.clone()),
            expected: None,
            help: None,
        }
    }
}
