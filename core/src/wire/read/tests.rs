//! Messages that no real frame shows: unknown words, missing and senseless fields.

use super::FieldError::{self, Malformed, Missing};
use crate::id::{Fingerprint, Generation, Sequence};
use crate::time::Duration;
use crate::wire::{
    Encoding, Frame, Hold, Info, Keys, Message, Method, NakReason, Status, Step, Writer,
};

/// The message that has these fields, `name=value` separated by `;`.
fn read(fields: &str) -> Result<Message, FieldError> {
    let mut keys = Keys::new(0);
    keys.insert(0, Method::Crc, b"").expect("valid");
    let mut buffer = [0; 512];
    let encoding = Encoding::Netstring { inner: false };
    let mut writer = Writer::new(&mut buffer, encoding, &keys).expect("room");
    for field in fields.split(';').filter(|field| !field.is_empty()) {
        let (name, value) = field.split_once('=').expect("name=value");
        writer.text(name, value).expect("room");
    }
    let length = writer.finish().expect("room");
    Message::read(&Frame::decode(&buffer[..length], &keys).expect("genuine"))
}

#[track_caller]
fn check(cases: &[(&str, Result<Message, FieldError>)]) {
    for (fields, expected) in cases {
        assert_eq!(read(fields), *expected, "{fields}");
    }
}

#[test]
fn an_unknown_type_says_nothing_and_is_no_error() {
    check(&[
        ("t=stonith;node=corman;result=n_stnth", Ok(Message::Other)),
        ("t=NS_st;st=ping", Ok(Message::Other)),
        ("t=", Ok(Message::Other)),
        ("t=STATUS", Ok(Message::Other)),
        ("st=up", Err(Missing("t"))),
    ]);
}

#[test]
fn a_beat_carries_what_an_older_node_lacks_as_options() {
    let beat = |deadtime, acks, config, hears| {
        Ok(Message::Status { status: Status::Active, deadtime, acks, config, hears })
    };
    let second = Duration::from_secs(1);
    let (config, hears) = (Some(Fingerprint(0xab)), Some(Generation(0)));
    check(&[
        ("t=status;st=active;dt=3e8", beat(second, false, None, None)),
        ("t=status;st=active;dt=3e8;protocol=0", beat(second, false, None, None)),
        ("t=status;st=active;dt=3e8;protocol=2", beat(second, true, None, None)),
        ("t=status;st=active;dt=3e8;ltconf=ab;lthear=0", beat(second, false, config, hears)),
        ("t=status;st=active;dt=3e8;ltconf=x;lthear=", beat(second, false, None, None)),
        (
            "t=status;st=active;dt=ffffffff",
            beat(Duration::from_millis(u32::MAX), false, None, None),
        ),
        ("t=status;st=active;dt=100000000", Err(Malformed("dt"))),
        ("t=status;st=active;dt=0", Err(Malformed("dt"))),
        ("t=status;st=active", Err(Missing("dt"))),
        ("t=status;dt=3e8", Err(Missing("st"))),
        ("t=status;dt=3e8;st=alive", Err(Malformed("st"))),
    ]);
}

#[test]
fn numbers_are_decimal_only_in_a_request_for_retransmission() {
    let ask =
        |first, last| Ok(Message::RexmitRequest { first: Sequence(first), last: Sequence(last) });
    let nak = |sequence, reason| Ok(Message::Nak { sequence: Sequence(sequence), reason });
    check(&[
        ("t=NS_rexmit;firstseq=10;lastseq=12", ask(10, 12)),
        ("t=NS_rexmit;firstseq=a;lastseq=12", Err(Malformed("firstseq"))),
        ("t=NS_rexmit;firstseq=12;lastseq=11", Err(Malformed("lastseq"))),
        ("t=NS_rexmit;firstseq=12", Err(Missing("lastseq"))),
        ("t=NS_ackmsg;ackseq=10", Ok(Message::Ack { sequence: Sequence(16) })),
        ("t=NS_ackmsg", Err(Missing("ackseq"))),
        ("t=NS_nak_rexmit;firstseq=10;info=seqno too low", nak(16, NakReason::TooLow)),
        ("t=NS_nak_rexmit;firstseq=10;info=seqno not found", nak(16, NakReason::NotFound)),
        ("t=NS_nak_rexmit;firstseq=10;info=no reason", nak(16, NakReason::NotFound)),
        ("t=NS_nak_rexmit;firstseq=10", nak(16, NakReason::NotFound)),
        ("t=NS_nak_rexmit;info=seqno too low", Err(Missing("firstseq"))),
    ]);
}

#[test]
fn a_resource_message_of_a_script_has_neither_type_nor_stability() {
    let resource = |hold, full, stable, info| Ok(Message::Resource { hold, full, stable, info });
    check(&[
        ("t=resource;rsc_hold=none", resource(Hold::NONE, false, None, Info::Absent)),
        (
            "t=resource;rsc_hold=all;rtype=full;isstable=1;info=req_our_resources()",
            resource(Hold::ALL, true, Some(true), Info::OurResources),
        ),
        (
            "t=resource;rsc_hold=foreign;rtype=part;isstable=0;info=why not",
            resource(Hold::FOREIGN, false, Some(false), Info::Other),
        ),
        ("t=resource;rsc_hold=failback", Err(Malformed("rsc_hold"))),
        ("t=resource;rsc_hold=", Err(Malformed("rsc_hold"))),
        ("t=resource;rsc_hold=all;isstable=yes", Err(Malformed("isstable"))),
        ("t=resource", Err(Missing("rsc_hold"))),
    ]);
}

#[test]
fn failback_is_foreign_in_a_standby_and_all_in_a_takeover() {
    let ask = |set, step| Ok(Message::AskResources { set, step });
    check(&[
        ("t=ask_resources;rsc_hold=failback;info=me", ask(Hold::FOREIGN, Step::Me)),
        ("t=ask_resources;rsc_hold=local;info=other", ask(Hold::LOCAL, Step::Other)),
        ("t=ask_resources;rsc_hold=local;info=maybe", Err(Malformed("info"))),
        ("t=ask_resources;rsc_hold=mine;info=me", Err(Malformed("rsc_hold"))),
        ("t=ask_resources;rsc_hold=local", Err(Missing("info"))),
        ("t=hb_takeover;rsc_hold=failback", Ok(Message::TakeoverRequest { set: Hold::ALL })),
        ("t=hb_takeover;rsc_hold=foreign", Ok(Message::TakeoverRequest { set: Hold::FOREIGN })),
        ("t=hb_takeover;rsc_hold=yours", Err(Malformed("rsc_hold"))),
    ]);
}
