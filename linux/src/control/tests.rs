//! The control socket, from both ends.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

use latido_core::Command;
use latido_core::wire::Hold;
use nix::unistd::{Group, geteuid};

use super::{CLIENTS_MAX, Control, GROUP, REQUEST_MAX, Request, allowed, ask, parse, socket_path};
use crate::config::tests::Directory;

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
    assert!(control.next().is_none());
    assert_eq!(control.fds().count(), 1 + CLIENTS_MAX);
    let mut late = connect(&directory);
    late.write_all(b"status\n").expect("the daemon reads");
    let (request, asker) = control.next().expect("the newest is served");
    assert_eq!(request, Request::Status);
    asker.answer("here\n");
    assert_eq!(rest(late), "here\n");
    assert_eq!(rest(silent.remove(0)), "", "the oldest made room");

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
