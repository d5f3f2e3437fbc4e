//! The control socket, from both ends.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

use latido_core::Command;
use latido_core::wire::Hold;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::{Group, geteuid};

use super::{
    ACCEPTED_PER_TURN, CLIENTS_MAX, Control, GROUP, REQUEST_MAX, REQUESTS_PER_TURN, Request,
    allowed, ask, parse, socket_path,
};
use crate::config::tests::Directory;
use crate::testbed::isolated;

fn open(directory: &Directory) -> Control {
    Control::open(&directory.0).expect("the directory is ours")
}

fn connect(directory: &Directory) -> UnixStream {
    UnixStream::connect(socket_path(&directory.0)).expect("somebody listens")
}

/// What the daemon says until it ends the connection.
fn rest(mut stream: UnixStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("it ends");
    text
}

#[test]
fn the_words_of_a_request() {
    let standby = |set| Some(Request::Act(Command::Standby(set)));
    let takeover = |set| Some(Request::Act(Command::Takeover(set)));
    for (text, request) in [
        ("status", Some(Request::Status)),
        ("standby all", standby(Hold::ALL)),
        ("standby  local ", standby(Hold::LOCAL)),
        ("takeover foreign", takeover(Hold::FOREIGN)),
        ("takeover none", takeover(Hold::NONE)),
        ("", None),
        ("status all", None),
        ("standby", None),
        ("standby everything", None),
        ("standby all now", None),
        ("STATUS", None),
        ("shutdown", None),
    ] {
        assert_eq!(parse(text), request, "{text:?}");
    }
}

#[test]
fn everybody_who_may_connect_may_look_and_root_and_the_daemons_own_user_may_act() {
    let own = geteuid().as_raw();
    let stranger = own + 4_242;
    let act = Request::Act(Command::Standby(Hold::ALL));
    for user in [0, own, stranger] {
        assert_eq!(allowed(Request::Status, user), Ok(Request::Status));
    }
    for user in [0, own] {
        assert_eq!(allowed(act, user), Ok(act));
    }
    let refusal = allowed(act, stranger).expect_err("a stranger may not");
    assert_eq!(refusal, "error: only root may change anything; try it with sudo\n");
}

#[test]
fn a_second_daemon_is_refused_and_says_why() {
    let directory = Directory::new();
    let first = open(&directory);
    let error = Control::open(&directory.0).expect_err("one runs already");
    assert_eq!(error.kind(), ErrorKind::AddrInUse);
    let lock = directory.0.join("latido.lock");
    assert_eq!(error.to_string(), format!("latido runs already: it holds {}", lock.display()));
    drop(connect(&directory));
    drop(first);
    assert!(!socket_path(&directory.0).exists(), "a socket that nobody serves goes");
    drop(open(&directory));
}

#[test]
fn a_socket_that_a_killed_daemon_left_is_replaced() {
    let directory = Directory::new();
    drop(std::os::unix::net::UnixListener::bind(socket_path(&directory.0)).expect("it is free"));
    assert!(socket_path(&directory.0).exists());
    let _control = open(&directory);
    drop(connect(&directory));
}

#[test]
fn the_socket_is_for_root_and_the_group_alone() {
    let directory = Directory::new();
    let _control = open(&directory);
    let metadata = fs::metadata(socket_path(&directory.0)).expect("it is there");
    let mode = metadata.permissions().mode() & 0o777;
    let group = Group::from_name(GROUP).expect("the groups can be read").map(|group| group.gid);
    let is_groups =
        group.is_some_and(|gid| std::os::unix::fs::MetadataExt::gid(&metadata) == gid.as_raw());
    assert_eq!(mode, if is_groups { 0o660 } else { 0o600 });
}

#[test]
fn a_request_is_answered_once_and_the_connection_ends() {
    let directory = Directory::new();
    let mut control = open(&directory);
    assert!(control.next().is_none());
    let mut client = connect(&directory);
    assert!(control.next().is_none(), "it has not asked yet");
    client.write_all(b"sta").expect("the daemon reads");
    assert!(control.next().is_none(), "half a line is no request");
    assert_eq!(control.fds().count(), 2);
    client.write_all(b"tus\n").expect("the daemon reads");
    let (request, asker) = control.next().expect("it is complete");
    assert_eq!(request, Request::Status);
    asker.answer("{}\n");
    assert_eq!(rest(client), "{}\n");
    assert_eq!(control.fds().count(), 1);
}

#[test]
fn what_is_not_understood_is_said_back() {
    let directory = Directory::new();
    let mut control = open(&directory);
    for (octets, answer) in [
        (&b"reboot now\n"[..], "error: I do not know 'reboot now'\n"),
        (b"\xff\n", "error: I do not know ''\n"),
    ] {
        let mut client = connect(&directory);
        client.write_all(octets).expect("the daemon reads");
        assert!(control.next().is_none());
        assert_eq!(rest(client), answer);
    }
}

#[test]
fn several_clients_are_served_each_for_itself() {
    let directory = Directory::new();
    let mut control = open(&directory);
    let mut clients = ["status\n", "standby all\n", "takeover local\n"].map(|request| {
        let mut client = connect(&directory);
        client.write_all(request.as_bytes()).expect("the daemon reads");
        client
    });
    let mut requests = Vec::new();
    while let Some((request, asker)) = control.next() {
        asker.answer(&format!("{request:?}"));
        requests.push(request);
    }
    assert_eq!(requests.len(), 3);
    for (client, request) in clients.iter_mut().zip(&requests) {
        let mut answer = String::new();
        client.read_to_string(&mut answer).expect("it ends");
        assert_eq!(answer, format!("{request:?}"));
    }
}

#[test]
fn silent_clients_make_room_and_talkative_ones_are_dropped() {
    let directory = Directory::new();
    let mut control = open(&directory);
    let mut silent: Vec<UnixStream> = (0..CLIENTS_MAX).map(|_| connect(&directory)).collect();
    for _ in 0..CLIENTS_MAX.div_ceil(ACCEPTED_PER_TURN) {
        control.begin_turn();
        assert!(control.next().is_none());
    }
    assert_eq!(control.fds().count(), 1 + CLIENTS_MAX);
    control.begin_turn();
    let mut late = connect(&directory);
    late.write_all(b"status\n").expect("the daemon reads");
    let (request, asker) = control.next().expect("the newest is served");
    assert_eq!(request, Request::Status);
    asker.answer("here\n");
    assert_eq!(rest(late), "here\n");
    assert_eq!(rest(silent.remove(0)), "", "the oldest made room");

    control.begin_turn();
    let mut talkative = connect(&directory);
    talkative.write_all(&[b'x'; REQUEST_MAX]).expect("the daemon reads");
    assert!(control.next().is_none());
    let mut octet = [0];
    // Dropped with something unread: the end, or a reset.
    assert!(!matches!(talkative.read(&mut octet), Ok(1..)));
    drop(silent);
    assert!(control.next().is_none());
    assert_eq!(control.fds().count(), 1, "who hangs up is forgotten");
}

#[test]
fn however_many_ask_a_turn_serves_a_few_and_nobody_is_forgotten() {
    let directory = Directory::new();
    let mut control = open(&directory);
    let clients: Vec<UnixStream> = (0..20)
        .map(|number| {
            let mut client = connect(&directory);
            let request = if number % 2 == 0 { "status\n" } else { "nonsense\n" };
            client.write_all(request.as_bytes()).expect("the kernel keeps it");
            client
        })
        .collect();
    for turn in 1..=clients.len().div_ceil(REQUESTS_PER_TURN) {
        let mut polled: Vec<_> = control
            .fds()
            .map(|fd| nix::poll::PollFd::new(fd, nix::poll::PollFlags::POLLIN))
            .collect();
        assert!(nix::poll::poll(&mut polled, 0_u8).expect("poll works") > 0, "turn {turn}");
        control.begin_turn();
        let mut served = 0;
        while let Some((request, asker)) = control.next() {
            assert_eq!(request, Request::Status);
            asker.answer("fine\n");
            served += 1;
        }
        assert_eq!(served, REQUESTS_PER_TURN / 2, "every other one asks for nonsense");
        assert!(control.next().is_none(), "the turn has had its share");
    }
    let answers: Vec<String> = clients.into_iter().map(rest).collect();
    for pair in answers.chunks(2) {
        assert_eq!(pair, ["fine\n", "error: I do not know 'nonsense'\n"]);
    }
}

#[test]
fn without_descriptors_nobody_is_accepted_and_the_daemon_does_not_spin() {
    isolated(|| {
        let directory = Directory::new();
        let mut control = open(&directory);
        let mut client = connect(&directory);
        client.write_all(b"status\n").expect("the kernel keeps it");
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("there is a limit");
        setrlimit(Resource::RLIMIT_NOFILE, 0, hard).expect("it can be lowered");
        assert!(control.next().is_none());
        assert_eq!(control.fds().count(), 0, "what cannot be accepted is not polled");
        control.begin_turn();
        assert!(control.next().is_none());
        assert_eq!(control.fds().count(), 0);
        setrlimit(Resource::RLIMIT_NOFILE, soft, hard).expect("and raised again");
        control.begin_turn();
        let (request, asker) = control.next().expect("it is tried every turn");
        assert_eq!((request, control.fds().count()), (Request::Status, 1));
        asker.answer("here\n");
        assert_eq!(rest(client), "here\n");
    });
}

#[test]
fn a_daemon_that_hangs_is_said_to_hang() {
    let directory = Directory::new();
    let _hanging = open(&directory);
    let error = ask(&directory.0, "status").expect_err("nobody answers");
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(error.to_string(), "latido does not answer within 5 s");
}

#[test]
fn nobody_else_can_lock_the_daemon_out() {
    let directory = Directory::new();
    let run_dir = directory.0.join("run");
    let lock = run_dir.join("latido.lock");
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o777;
    drop(Control::open(&run_dir).expect("the directory is ours"));
    assert_eq!((mode(&run_dir), mode(&lock)), (0o755, 0o600));
    fs::set_permissions(&lock, fs::Permissions::from_mode(0o644)).expect("it is ours");
    drop(Control::open(&run_dir).expect("the directory is ours"));
    assert_eq!(mode(&lock), 0o600, "one that an earlier daemon made is closed");
}

#[test]
fn a_tool_gets_the_answer_and_says_what_is_wrong_without_a_daemon() {
    let directory = Directory::new();
    let error = ask(&directory.0, "status").expect_err("nobody listens");
    let path = socket_path(&directory.0);
    let text = format!("latido is not running here (nobody listens at {})", path.display());
    assert_eq!((error.kind(), error.to_string()), (ErrorKind::NotFound, text));

    let mut control = open(&directory);
    let place = directory.0.clone();
    let tool = std::thread::spawn(move || ask(&place, "status"));
    let mut polled = [nix::poll::PollFd::new(
        std::os::fd::AsFd::as_fd(&control.listener),
        nix::poll::PollFlags::POLLIN,
    )];
    let ready = nix::poll::poll(&mut polled, nix::poll::PollTimeout::from(5_000_u16));
    assert_eq!(ready, Ok(1), "the tool connects");
    let asker = loop {
        control.begin_turn();
        if let Some((Request::Status, asker)) = control.next() {
            break asker;
        }
        assert!(!tool.is_finished(), "the tool waits for its answer");
    };
    asker.answer("fine\n");
    let answer = tool.join().expect("the tool does not panic").expect("it was answered");
    assert_eq!(answer, "fine\n");
}

#[test]
fn a_directory_that_cannot_be_made_is_an_error() {
    assert!(Control::open(Path::new("/dev/null/run")).is_err());
}
