//! Two real nodes, of which one is flooded with datagrams that nobody should believe: its
//! heartbeats are on time all the same, and so are those that it hears; its log stays short.
//!
//! All of it happens in namespaces that the test makes for itself; nothing leaves them.

mod program;

use std::fs;
use std::io::Write;
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

use latido_core::random::Random;
use serde_json::Value;

/// Set in the processes that the test starts: `stage` in the namespaces, `flood` beside them.
const ROLE: &str = "LATIDO_FLOOD_ROLE";
/// The directory of both nodes, for the processes that the test starts.
const WORK: &str = "LATIDO_FLOOD_WORK";
const PROGRAM: &str = "LATIDO_FLOOD_PROGRAM";
/// What the stage prints last: proof that it ran to its end.
const FINISHED: &str = "flood: the stage has finished";
/// What the flood says when it was none.
const NO_FLOOD: &str = "datagrams a second are no flood";
/// How the test is called when it calls itself.
const TEST: &str = "a_flood_delays_no_heartbeat_and_fills_no_log";

const NODES: [&str; 2] = ["corman", "rabius"];
const KEEPALIVE: Duration = Duration::from_millis(100);
/// Datagrams a second, at least, and for how long.
const RATE: u64 = 120_000;
const RATE_MIN: u64 = 100_000;
const FLOOD: Duration = Duration::from_secs(4);
/// The first of each kind, how many were not told, and a little besides.
const LINES_MAX: usize = 10;

#[test]
fn a_flood_delays_no_heartbeat_and_fills_no_log() {
    match env::var(ROLE).as_deref() {
        Ok("stage") => stage(),
        Ok("flood") => flood(),
        Ok(other) => panic!("no role {other}"),
        Err(_) => start(),
    }
}

/// Plays it, again if this machine was too busy to make a flood: that says nothing of the node.
fn start() {
    let tries = 3;
    let program = program();
    let flooded = (0..tries).any(|_| play(&program));
    assert!(flooded || env::var_os("CI").is_none(), "no flood came about in {tries} tries");
    if !flooded {
        eprintln!("SKIPPED: this machine is too busy to send {RATE_MIN} datagrams a second");
    }
}

/// Calls this test again, in namespaces of its own; whether there was a flood, or there can be
/// none here.
fn play(program: &Path) -> bool {
    let work = env::temp_dir().join(format!("latido-flood-{}", std::process::id()));
    fs::create_dir(&work).expect("a directory of our own");
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--net", "--pid", "--fork"])
        .args(["--kill-child", "--mount-proc"])
        .arg(env::current_exe().expect("a test knows its file"))
        .args([TEST, "--exact", "--nocapture"])
        .env(ROLE, "stage")
        .env(WORK, &work)
        .env(PROGRAM, program)
        .stdin(Stdio::null())
        .output();
    fs::remove_dir_all(&work).expect("it is ours");
    let output = output.expect("util-linux is there");
    let text = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    if errors.contains("unshare failed") && env::var_os("CI").is_none() {
        eprintln!("SKIPPED: no user namespaces: {errors}");
        return true;
    }
    if errors.contains(NO_FLOOD) {
        return false;
    }
    assert!(output.status.success() && text.contains(FINISHED), "{text}\n{errors}");
    print!("{text}");
    true
}

/// The program as it is shipped: without optimisation it would be slower than the flood.
fn program() -> PathBuf {
    program::built(&["--release"])
}

fn work() -> PathBuf {
    env::var_os(WORK).expect("the test has set it").into()
}

fn call(program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).status().expect("the program is there");
    assert!(status.success(), "{program} {arguments:?}");
}

/// A process that is killed when it is dropped.
struct Held(Child);

impl Drop for Held {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The two machines, a cable between them, a node on each, and the flood.
fn stage() {
    call("ip", &["link", "set", "lo", "up"]);
    let other =
        Held(Command::new("unshare").args(["--net", "sleep", "60"]).spawn().expect("util-linux"));
    let place = format!("/proc/{}/ns/net", other.0.id());
    let here = fs::read_link("/proc/self/ns/net").expect("/proc is mounted");
    wait("a second machine", || fs::read_link(&place).is_ok_and(|there| there != here));
    let there = format!("--net={place}");
    let pid = other.0.id().to_string();
    call("ip", &["link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", &pid]);
    for (prefix, address) in
        [(&[][..], "192.168.2.5/24"), (&["nsenter", there.as_str()][..], "192.168.2.20/24")]
    {
        for command in [
            &["ip", "addr", "add", address, "brd", "+", "dev", "eth0"][..],
            &["ip", "link", "set", "eth0", "up"],
        ] {
            let words = [prefix, command].concat();
            call(words[0], &words[1..]);
        }
    }
    let _corman = run_node("corman", None);
    let _rabius = run_node("rabius", Some(&there));
    wait("two nodes that are settled", || {
        log("corman").contains("rabius: status active")
            && log("rabius").contains("corman: status active")
            && NODES.iter().all(|name| heard_ms(&status(name)).is_some())
    });
    // The resources are handed out, and nothing more is to be said.
    thread::sleep(Duration::from_secs(3));
    let before = NODES.map(|name| log(name).len());

    let mut flood = Command::new("nsenter")
        .arg(&there)
        .arg(env::current_exe().expect("a test knows its file"))
        .args([TEST, "--exact", "--nocapture"])
        .env(ROLE, "flood")
        .spawn()
        .expect("util-linux is there");
    let (mut longest, mut looks) = (0, 0_u32);
    while flood.try_wait().expect("it is our child").is_none() {
        let heard = heard_ms(&status("rabius")).expect("corman stays alive");
        longest = longest.max(heard);
        looks += 1;
        thread::sleep(Duration::from_millis(7));
    }
    assert!(flood.wait().expect("it is our child").success());
    assert!(looks > 50, "the other node was looked at {looks} times only");
    thread::sleep(KEEPALIVE);

    let said = |node: usize| log(NODES[node])[before[node]..].to_owned();
    let counters = status("corman")["counters"].clone();
    println!("seen from rabius, corman was silent for {longest} ms at most, in {looks} looks");
    println!("corman's counters: {counters}\ncorman's log:\n{}", said(0));
    // A beat is every 100 ms, and a late one is told at 200: one keepalive of delay.
    for (node, text) in [said(0), said(1)].iter().enumerate() {
        for words in ["Late heartbeat", "is dead", "Gmain_timeout", "lost"] {
            assert!(!text.contains(words), "{}:\n{text}", NODES[node]);
        }
        let lines = text.lines().count();
        assert!(lines <= LINES_MAX, "{} has {lines} lines more:\n{text}", NODES[node]);
    }
    let rejected = |kind: &str| counters[kind].as_u64().unwrap_or_default();
    assert!(rejected("malformed") > RATE_MIN && rejected("unauthenticated") > RATE_MIN / 8);
    println!("{FINISHED}");
}

fn run_node(name: &str, there: Option<&str>) -> Held {
    let home = work().join(name);
    let etc = home.join("etc");
    fs::create_dir_all(&etc).expect("a directory of our own");
    let ha_cf = format!(
        "logfile {}\nkeepalive 100ms\nwarntime 200ms\ndeadtime 500ms\ninitdead 2\n\
         bcast eth0\nauto_failback yes\nnode corman rabius\n",
        home.join("ha-log").display()
    );
    for (file, text) in [
        ("ha.cf", ha_cf.as_str()),
        ("haresources", "corman IPaddr2::192.168.2.10/24/eth0:0\n"),
        ("authkeys", "auth 1\n1 sha1 clavesecreta\n"),
    ] {
        fs::write(etc.join(file), text).expect("it is ours");
    }
    let mode = fs::Permissions::from_mode(0o600);
    fs::set_permissions(etc.join("authkeys"), mode).expect("it is ours");
    let program = env::var(PROGRAM).expect("the test has set it");
    let mut words: Vec<&str> = there.map_or(Vec::new(), |there| vec!["nsenter", there]);
    words.extend([program.as_str(), "run", "--node-name", name]);
    let child = Command::new(words[0])
        .args(&words[1..])
        .arg("--config-dir")
        .arg(&etc)
        .arg("--state-dir")
        .arg(home.join("state"))
        .arg("--run-dir")
        .arg(home.join("run"))
        .spawn()
        .expect("the program can be started");
    Held(child)
}

fn log(name: &str) -> String {
    fs::read_to_string(work().join(name).join("ha-log")).unwrap_or_default()
}

fn status(name: &str) -> Value {
    let socket = work().join(name).join("run/latido.sock");
    ask(&socket).unwrap_or_default()
}

/// What the daemon says of itself; nothing while it is not there yet.
fn ask(socket: &Path) -> Option<Value> {
    let mut stream = std::os::unix::net::UnixStream::connect(socket).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    stream.write_all(b"status\n").ok()?;
    serde_json::from_reader(stream).ok()
}

/// How long ago a heartbeat of the *other* node was heard; none unless it is alive.
fn heard_ms(status: &Value) -> Option<u64> {
    let own = status["node"].as_str()?;
    let other = status["nodes"].as_array()?.iter().find(|node| node["name"] != own)?;
    if other["status"] != "active" {
        return None;
    }
    other["links"].as_array()?.iter().filter_map(|link| link["heard_ms"].as_u64()).min()
}

fn wait(what: &str, mut there: impl FnMut() -> bool) {
    let began = Instant::now();
    while !there() {
        assert!(began.elapsed() < Duration::from_secs(20), "there is never {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Sends garbage, pieces of frames and forged frames to corman, at an even rate.
fn flood() {
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a port is free");
    socket.connect("192.168.2.5:694").expect("there is a route");
    let frames = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/frames");
    let read = |file: &str| fs::read(frames.join(file)).expect("the frame can be read");
    let (forged, genuine) = (read("bad/07-netstring-wrongkey.bin"), read("good/status-active.bin"));
    let mut random = Random::new(694);
    let garbage: Vec<u8> = (0..300).map(|_| random.next().to_le_bytes()[0]).collect();
    let (began, mut sent) = (Instant::now(), 0_u64);
    while began.elapsed() < FLOOD {
        let due = u64::try_from(began.elapsed().as_micros()).expect("seconds") * RATE / 1_000_000;
        while sent < due {
            let datagram = match sent % 8 {
                0 | 4 => &forged[..],
                1 => &genuine[..genuine.len() - 1],
                2 => &garbage[..20],
                _ => &garbage[..],
            };
            // A full queue is the kernel's business, not ours.
            let _ = socket.send(datagram);
            sent += 1;
        }
        thread::sleep(Duration::from_micros(200));
    }
    let rate = sent * 1_000 / u64::try_from(began.elapsed().as_millis()).expect("seconds");
    println!("{sent} datagrams were sent, {rate} a second");
    assert!(rate > RATE_MIN, "{rate} {NO_FLOOD}");
}
