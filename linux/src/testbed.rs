//! Networks for tests: a test's body runs in a process of its own with user and
//! network namespaces of its own, where it is root and reaches nothing outside.
//! Nothing here is part of the program.

use std::fs::{self, File};
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use netlink_packet_core::{NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkHeader, LinkInfo, LinkMessage,
};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, setns, unshare};

use crate::netlink::request::Requests;
use crate::netlink::{Interface, Network};

/// Set in the process that runs a body.
const INSIDE: &str = "LATIDO_TESTBED";
/// What that process prints last: proof that the body ran to its end.
const FINISHED: &str = "testbed: the body has finished";
/// A body that hangs is killed after so many seconds.
const BODY_SECONDS: u32 = 60;
/// Looks at a carrier, 5 ms apart; the kernel takes a second at most to notice one.
const RUNNING_TRIES: usize = 1_000;
/// The number of the far end of the next cable.
static FAR_INDEX: AtomicU32 = AtomicU32::new(101);

/// Runs `body`, a closure of a test function, in namespaces of its own and fails as it
/// fails. Where the machine has no user namespaces for us the test is skipped, and
/// says so; not in CI, where it fails.
pub(crate) fn isolated<F: FnOnce()>(body: F) {
    if std::env::var_os(INSIDE).is_some() {
        nix::unistd::alarm::set(BODY_SECONDS);
        set_loopback_up();
        body();
        println!("{FINISHED}");
        return;
    }
    let closure = std::any::type_name::<F>();
    let test = closure
        .strip_suffix("::{{closure}}")
        .and_then(|path| path.split_once("::"))
        .map(|(_crate, path)| path)
        .expect("the body is a closure of the test");
    let mut command = Command::new(std::env::current_exe().expect("a test knows its file"));
    command.args([test, "--exact", "--nocapture", "--test-threads=1"]).env(INSIDE, "1");
    let map = |id: u32| format!("0 {id} 1");
    let maps = [map(nix::unistd::geteuid().as_raw()), map(nix::unistd::getegid().as_raw())];
    // SAFETY: between fork and exec the closure makes system calls only: short paths
    // are not allocated, and what is written was made before.
    unsafe {
        command.pre_exec(move || {
            unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET)?;
            fs::write("/proc/self/setgroups", "deny")?;
            fs::write("/proc/self/uid_map", &maps[0])?;
            fs::write("/proc/self/gid_map", &maps[1])
        });
    }
    match command.output() {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout);
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(
                output.status.success() && text.contains(FINISHED),
                "in its namespaces {test} ended with {}:\n{text}\n{errors}",
                output.status
            );
        }
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "no user namespaces: {error}");
            // Not `eprintln`, which is shown only for tests that fail.
            writeln!(io::stderr(), "SKIPPED {test}: no user namespaces: {error}")
                .expect("stderr is open");
        }
    }
}

fn set_loopback_up() {
    let mut network = Network::open().expect("netlink is there");
    let loopback = network.interface("lo").expect("netlink answers").expect("lo is there");
    network.set_up(loopback.index).expect("we are root here");
}

/// Waits for `fd` to become readable, for `millis` at most.
pub(crate) fn readable(fd: std::os::fd::BorrowedFd<'_>, millis: u16) -> bool {
    let mut fds = [PollFd::new(fd, PollFlags::POLLIN)];
    poll(&mut fds, PollTimeout::from(millis)).expect("poll works") > 0
}

/// A network namespace: one machine.
pub(crate) struct Machine(File);

impl Machine {
    /// The one that the calling thread is in.
    pub(crate) fn here() -> Self {
        Self(File::open("/proc/thread-self/ns/net").expect("/proc is mounted"))
    }

    /// A new one, with `lo` up.
    pub(crate) fn new() -> Self {
        let here = Self::here();
        unshare(CloneFlags::CLONE_NEWNET).expect("we are root here");
        set_loopback_up();
        let new = Self::here();
        here.enter();
        new
    }

    fn enter(&self) {
        setns(&self.0, CloneFlags::CLONE_NEWNET).expect("it is a network namespace of ours");
    }

    /// What `work` returns, done on this machine: sockets stay where they were made.
    pub(crate) fn run<R>(&self, work: impl FnOnce() -> R) -> R {
        let here = Self::here();
        self.enter();
        let result = work();
        here.enter();
        result
    }

    /// The interface called `name`.
    pub(crate) fn interface(&self, name: &str) -> Interface {
        let interface = self.run(|| Network::open()?.interface(name));
        interface.expect("netlink answers").expect("the test made it")
    }

    /// Gives `name` an address, `"192.168.2.1/24"`, with the network's broadcast address.
    pub(crate) fn add_address(&self, name: &str, address: &str) {
        let (ip, prefix) = split(address);
        let broadcast = (ip.to_bits() | (u32::MAX >> prefix)).into();
        let index = self.interface(name).index;
        let added = self.run(|| Network::open()?.add_address(index, ip, prefix, broadcast, name));
        assert!(added.expect("the kernel takes it"), "{address} is new on {name}");
    }

    /// Takes an address, `"192.168.2.1/24"`, from `name`.
    pub(crate) fn delete_address(&self, name: &str, address: &str) {
        let (ip, prefix) = split(address);
        let index = self.interface(name).index;
        let deleted = self.run(|| Network::open()?.delete_address(index, ip, prefix));
        assert!(deleted.expect("we are root here"), "{address} was on {name}");
    }

    /// Takes an interface away, and with it the other end of its cable.
    pub(crate) fn delete_interface(&self, name: &str) {
        let mut order = LinkMessage::default();
        order.header.index = self.interface(name).index;
        self.request(RouteNetlinkMessage::DelLink(order), 0).expect("it can be deleted");
    }

    /// Brings an interface up, and waits for its carrier.
    pub(crate) fn set_up(&self, name: &str) {
        let index = self.interface(name).index;
        self.run(|| Network::open()?.set_up(index)).expect("we are root here");
        self.wait_until_running(name);
    }

    /// Takes an interface down.
    pub(crate) fn set_down(&self, name: &str) {
        let mut order = LinkMessage::default();
        order.header.index = self.interface(name).index;
        order.header.change_mask = LinkFlags::Up;
        self.request(RouteNetlinkMessage::SetLink(order), 0).expect("it can be set down");
    }

    /// Waits for the kernel to have noticed the carrier: until then it drops what is
    /// sent.
    fn wait_until_running(&self, name: &str) {
        for _ in 0..RUNNING_TRIES {
            let mut flags = LinkFlags::empty();
            let mut question = LinkMessage::default();
            question.attributes.push(LinkAttribute::IfName(name.to_owned()));
            let question = RouteNetlinkMessage::GetLink(question);
            let answer = self.run(|| {
                Requests::open()?.exchange(question, NLM_F_ACK, |_, payload| {
                    flags = LinkHeader::parse(payload).expect("the kernel's own").flags;
                })
            });
            answer.expect("netlink answers");
            if flags.contains(LinkFlags::Running) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        panic!("{name} has no carrier");
    }

    fn request(&self, order: RouteNetlinkMessage, flags: u16) -> io::Result<()> {
        self.run(|| Requests::open()?.exchange(order, NLM_F_ACK | flags, |_, _| ()))
    }
}

/// An address and its prefix.
fn split(address: &str) -> (Ipv4Addr, u8) {
    let (ip, prefix) = address.split_once('/').expect("an address and a prefix");
    (ip.parse().expect("an address"), prefix.parse().expect("a prefix"))
}

/// Joins an interface `name` of one machine to one of the same name of another, both up.
pub(crate) fn cable(name: &str, one: &Machine, other: &Machine) {
    let mut far = LinkMessage::default();
    far.attributes.push(LinkAttribute::IfName(name.to_owned()));
    far.attributes.push(LinkAttribute::NetNsFd(other.0.as_raw_fd()));
    // Ends with the same number are taken for one interface, and their carrier is
    // reported late.
    far.header.index = FAR_INDEX.fetch_add(1, Ordering::Relaxed);
    let mut near = LinkMessage::default();
    near.attributes.push(LinkAttribute::IfName(name.to_owned()));
    near.attributes.push(LinkAttribute::LinkInfo(vec![
        LinkInfo::Kind(InfoKind::Veth),
        LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(far))),
    ]));
    one.request(RouteNetlinkMessage::NewLink(near), NLM_F_CREATE | NLM_F_EXCL)
        .expect("the kernel has veth");
    for machine in [one, other] {
        let index = machine.interface(name).index;
        machine.run(|| Network::open()?.set_up(index)).expect("we are root here");
    }
    for machine in [one, other] {
        machine.wait_until_running(name);
    }
}
