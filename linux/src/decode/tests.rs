//! What is printed of real and of forged datagrams, and what keys are taken.

use std::path::Path;

use expect_test::{Expect, expect};
use latido_core::wire::Keys;

use super::{Verdict, describe_file, keys_of, utc};

const KEYS: &str = "# the lab's\nauth 1\n1 sha1 clavesecreta\n2 crc\n";

fn file(path: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests");
    std::fs::read(root.join(path)).expect("the file can be read")
}

fn parsed(text: &str) -> Result<Keys, String> {
    keys_of("authkeys".to_owned(), text.to_owned())
}

fn keys() -> Keys {
    parsed(KEYS).expect("valid keys")
}

#[test]
fn a_key_file_that_cannot_be_used_is_refused_with_its_place() {
    let error = parsed("auth 1\n1 sha2 key\n").expect_err("there is no such method");
    assert!(error.contains("authkeys:2:3"), "{error}");
}

fn described(bytes: &[u8], keys: Option<&Keys>) -> (Verdict, String) {
    let mut text = String::new();
    let verdict = describe_file(Path::new("it"), bytes, keys, &mut text);
    (verdict, text)
}

#[track_caller]
fn check(path: &str, keys: Option<&Keys>, verdict: Verdict, expected: &Expect) {
    let (found, text) = described(&file(path), keys);
    expected.assert_eq(&text);
    assert_eq!(found, verdict);
}

#[test]
fn a_genuine_frame_is_shown_field_by_field() {
    let good = Verdict::Good;
    check(
        "frames/good/status-active.bin",
        Some(&keys()),
        good,
        &expect![[r#"
        it: netstring, 309 octets
          t=status
          st=active
          dt=2710 [10000 ms]
          protocol=1
          src=corman
          srcuuid=a080f67f-43e4-4999-a980-d2bb92f44b9a
          seq=d [13]
          hg=6b02d04f [1795346511]
          ts=6b02d053 [2026-11-22 11:21:55 UTC]
          ld=0.47 0.61 0.32 8/127 72
          ttl=4
          meaning: I am active, dead after 10000 ms of silence, acknowledges
          outer signature: holds (key 1, sha1)
          inner signature: holds (key 1, sha1)
    "#]],
    );
    check(
        "frames/good/classic-ask-resources-me.bin",
        Some(&keys()),
        good,
        &expect![[r#"
        it: classic, 208 octets
          t=ask_resources
          rsc_hold=all
          info=me
          src=rabius
          srcuuid=6e59aa35-b808-5acb-8c41-941b840fa11e
          seq=19 [25]
          hg=6b02d276 [1795347062]
          ts=6b02d28a [2026-11-22 11:31:22 UTC]
          ld=3.53 2.96 1.56 3/205 17999
          ttl=4
          meaning: I want to give up all resources
          signature: holds (key 1, sha1)
    "#]],
    );
    check(
        "frames/good/ns-nak-rexmit.bin",
        Some(&keys()),
        good,
        &expect![[r#"
        it: netstring, 317 octets
          t=NS_nak_rexmit
          firstseq=2 [2]
          dest=rabius
          info=seqno too low
          destuuid=6e59aa35-b808-5acb-8c41-941b840fa11e
          src=corman
          srcuuid=646f9b33-9b97-48e6-92df-1c03595bf962
          hg=6b02d66c [1795348076]
          ts=6b02d67f [2026-11-22 11:48:15 UTC]
          ttl=4
          meaning: 2 cannot be sent again: it is no longer kept
          outer signature: holds (key 1, sha1)
          inner signature: holds (key 1, sha1)
    "#]],
    );
}

#[test]
fn without_keys_nothing_is_checked_and_that_is_said() {
    check(
        "frames/good/msgfmt-netstring-status.bin",
        None,
        Verdict::Good,
        &expect![[r#"
        it: netstring, 253 octets
          t=status
          st=init
          dt=2ee0 [12000 ms]
          protocol=1
          src=corman
          srcuuid=66d397a3-30ac-4d1e-8680-66cc157d7b71
          seq=1 [1]
          hg=6b02d661 [1795348065]
          ts=6b02d660 [2026-11-22 11:47:44 UTC]
          ld=2.43 3.55 3.14 1/183 29
          ttl=4
          meaning: I am init, dead after 12000 ms of silence, acknowledges
          signature: key 1, not checked (no --authkeys)
    "#]],
    );
}

#[test]
fn a_bad_signature_is_said_and_no_digest_shown() {
    let bad = Verdict::Bad;
    check(
        "frames/bad/07-netstring-wrongkey.bin",
        Some(&keys()),
        bad,
        &expect![[r#"
        it: netstring, 221 octets
          t=status
          st=active
          dt=2710 [10000 ms]
          protocol=1
          src=rabius
          seq=1 [1]
          hg=7fffffff [2147483647]
          ts=6b02d349 [2026-11-22 11:34:33 UTC]
          ld=0.00 0.00 0.00 1/1 1
          ttl=3
          meaning: I am active, dead after 10000 ms of silence, acknowledges
          outer signature: DOES NOT HOLD: the signature is not that of key 1
          inner signature: there is no inner signature
    "#]],
    );
    check(
        "frames/bad/18-netstring-type9.bin",
        Some(&keys()),
        bad,
        &expect![[r#"
        it: no frame: octet 7: no known field type
    "#]],
    );
    let mut wrong = parsed("auth 1\n1 sha1 otherkey\n").expect("valid keys");
    let (verdict, text) = described(&file("frames/good/status-active.bin"), Some(&wrong));
    assert_eq!((verdict, text.matches("DOES NOT HOLD").count()), (bad, 2));
    wrong = parsed("auth 2\n2 sha1 clavesecreta\n").expect("valid keys");
    let (verdict, text) = described(&file("frames/good/status-active.bin"), Some(&wrong));
    assert_eq!((verdict, text.matches("DOES NOT HOLD: there is no key 1").count()), (bad, 2));
    for text in [text, described(&file("frames/good/status-active.bin"), None).1] {
        let longest = text.split(|c: char| !c.is_ascii_hexdigit()).map(str::len).max();
        assert!(longest.is_some_and(|length| length < 32), "a digest has 32 digits or more");
    }
}

/// The checksum that signs with method crc, bit by bit.
fn checksum(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(0, |crc: u32, byte| {
        (0..8).fold(crc ^ u32::from(*byte) << 24, |crc, _| {
            crc << 1 ^ if crc >> 31 == 1 { 0x04c1_1db7 } else { 0 }
        })
    })
}

#[test]
fn a_forged_inner_signature_is_bad_even_if_the_outer_one_holds() {
    let frame = |inner: &str| {
        let signed = format!("###\n13:(0)t=starting,18:(0)auth=2 {inner},%%%\n");
        let outer = format!("2 {:x}", checksum(signed.as_bytes()));
        format!("{signed}{}:{outer},", outer.len())
    };
    let genuine = format!("{:x}", checksum(b"t=starting\n"));
    for (inner, verdict, held) in
        [(genuine.as_str(), Verdict::Good, 2), ("01234567", Verdict::Bad, 1)]
    {
        let (found, text) = described(frame(inner).as_bytes(), Some(&keys()));
        assert_eq!((found, text.matches("holds (key 2, crc)").count()), (verdict, held), "{text}");
    }
}

#[test]
fn a_capture_gives_every_datagram_of_the_heartbeat() {
    for (path, datagrams) in [
        // 61 on UDP and 30 echo requests to the ping node.
        ("captures/e01-cold-link0-eth0.pcap", 91),
        ("captures/e01-cold-link2-eth2.pcap", 61),
        ("captures/e06-crash-link2-eth2.pcap", 102),
        ("captures/e21-fakepeer-classic-link2-eth2.pcap", 92),
    ] {
        let (verdict, text) = described(&file(path), Some(&keys()));
        assert_eq!(verdict, Verdict::Good, "{path}");
        assert_eq!(text.matches("\n  meaning: ").count(), datagrams, "{path}");
        assert!(text.ends_with(&format!("it: {datagrams} datagrams\n")), "{path}");
        assert!(!text.contains("meaning: none"), "{path}");
    }
}

#[test]
fn a_capture_cut_short_anywhere_is_unreadable_and_not_a_panic() {
    let capture = file("captures/e01-cold-link2-eth2.pcap");
    for length in 4..600 {
        let (verdict, _) = described(&capture[..length], None);
        // The header has 24 octets; the first packet 16 + 349, the second likewise.
        let whole = [24, 24 + 16 + 349].contains(&length);
        assert_eq!(verdict == Verdict::Good, whole, "{length} octets");
    }
}

#[test]
fn seconds_become_dates() {
    for (seconds, date) in [
        (0, "1970-01-01 00:00:00 UTC"),
        (951_782_399, "2000-02-28 23:59:59 UTC"),
        (951_782_400, "2000-02-29 00:00:00 UTC"),
        (951_868_800, "2000-03-01 00:00:00 UTC"),
        (1_704_067_199, "2023-12-31 23:59:59 UTC"),
        (4_107_542_400, "2100-03-01 00:00:00 UTC"),
        (u64::from(u32::MAX), "2106-02-07 06:28:15 UTC"),
    ] {
        assert_eq!(utc(seconds), date);
    }
    utc(u64::MAX);
}
