//! Meaning to fields: a [`Message`] and its header in the order of fields that
//! the original sends (specification 3.4, 3.5).

use super::digest::Keys;
use super::message::{Hold, Info, Message, NakReason, Status};
use super::names::{self, types};
use super::writer::{Encoding, Full, Writer};
use crate::id::{Fingerprint, Generation, Sequence, Uuid};
use crate::time::Duration;

#[cfg(test)]
mod tests;

/// What is put around a message: its header, and what of its text the message
/// itself has only as numbers.
#[derive(Clone, Copy, Debug)]
pub struct Envelope<'a> {
    /// The sending node's name.
    pub source: &'a str,
    /// The sending node's UUID.
    pub source_uuid: &'a Uuid,
    /// The node that it is for, with its UUID if known; `None`: all.
    pub dest: Option<(&'a str, Option<&'a Uuid>)>,
    /// The message's number: exactly if [`Message::is_sequenced`].
    pub sequence: Option<Sequence>,
    /// The sender's generation.
    pub generation: Generation,
    /// Unix time in seconds.
    pub timestamp: u32,
    /// The first line of /proc/loadavg, or anything; not sent in `NS_*`.
    pub load: &'a str,
    /// Hopfudge plus number of nodes, ping nodes included.
    pub ttl: u8,
    /// The names of the normal nodes, by [`NodeId`](crate::id::NodeId).
    pub nodes: &'a [&'a str],
    /// The framing.
    pub encoding: Encoding,
}

impl Message {
    /// Writes this message as a signed frame into `buffer` and gives its octets.
    ///
    /// `dt` counts milliseconds: what is below one is not sent.
    ///
    /// # Errors
    ///
    /// The frame does not fit `buffer`.
    ///
    /// # Panics
    ///
    /// The message is [`Message::Other`], which says nothing to send; it lacks a
    /// number that its type has, or has one too many; it names a node beyond
    /// [`Envelope::nodes`]; or `keys` lacks its active entry.
    pub fn encode(
        &self,
        envelope: &Envelope<'_>,
        keys: &Keys,
        buffer: &mut [u8],
    ) -> Result<usize, Full> {
        assert_eq!(
            self.is_sequenced(),
            envelope.sequence.is_some(),
            "a message has a number exactly if its type counts"
        );
        let mut writer = Writer::new(buffer, envelope.encoding, keys)?;
        self.write_own(envelope, &mut writer)?;
        envelope.write(&mut writer)?;
        writer.finish()
    }

    /// The fields of this type. The place of `dest` among them is the original's.
    fn write_own(&self, envelope: &Envelope<'_>, w: &mut Writer<'_, '_>) -> Result<(), Full> {
        let begin = |kind: &str, w: &mut Writer<'_, '_>| {
            w.text(names::TYPE, kind)?;
            envelope.write_dest(w)
        };
        match *self {
            Self::Status { status, deadtime, acks, config, hears } => {
                begin(types::STATUS, w)?;
                write_status(status, deadtime, acks, config, hears, w)
            }
            Self::Ack { sequence } => {
                begin(types::ACK, w)?;
                w.hex(names::ACK_SEQUENCE, sequence.0)
            }
            Self::RexmitRequest { first, last } => {
                begin(types::REXMIT, w)?;
                w.decimal(names::FIRST_SEQUENCE, first.0)?;
                w.decimal(names::LAST_SEQUENCE, last.0)
            }
            Self::Nak { sequence, reason } => write_nak(sequence, reason, envelope, w),
            Self::ReqNodes => begin(types::REQ_NODES, w),
            Self::RepNodes => write_nodes(envelope, w),
            Self::Starting => begin(types::STARTING, w),
            Self::Resource { hold, full, stable, info } => {
                begin(types::RESOURCE, w)?;
                write_resource(hold, full, stable, info, w)
            }
            Self::AskResources { set, step } => {
                begin(types::ASK_RESOURCES, w)?;
                w.text(names::HOLD, set.word())?;
                w.text(names::INFO, step.word())
            }
            Self::TakeoverRequest { set } => {
                begin(types::TAKEOVER, w)?;
                w.text(names::HOLD, set.word())
            }
            Self::Shutdone => {
                begin(types::SHUTDONE, w)?;
                w.text(names::STATUS, Status::Dead.word())
            }
            Self::Stonith { node, result } => {
                begin(types::STONITH, w)?;
                let node = envelope.nodes.get(node.index());
                w.text(names::NODE, node.expect("only a configured node is fenced"))?;
                w.text(names::RESULT, result.word())
            }
            Self::Other => panic!("a message of an unknown type is never sent"),
        }
    }
}

fn write_status(
    status: Status,
    deadtime: Duration,
    acks: bool,
    config: Option<Fingerprint>,
    hears: Option<Generation>,
    w: &mut Writer<'_, '_>,
) -> Result<(), Full> {
    w.text(names::STATUS, status.word())?;
    w.hex(names::DEADTIME, deadtime.as_millis())?;
    if acks {
        w.decimal(names::PROTOCOL, 1)?;
    }
    if let Some(config) = config {
        w.hex(names::CONFIG, config.0)?;
    }
    if let Some(generation) = hears {
        w.hex(names::HEARS, generation.0)?;
    }
    Ok(())
}

fn write_resource(
    hold: Hold,
    full: bool,
    stable: Option<bool>,
    info: Info,
    w: &mut Writer<'_, '_>,
) -> Result<(), Full> {
    w.text(names::HOLD, hold.word())?;
    if full {
        w.text(names::HOLD_TYPE, names::FULL)?;
    }
    if let Some(stable) = stable {
        w.text(names::STABLE, if stable { "1" } else { "0" })?;
    }
    if let Some(word) = info.word() {
        w.text(names::INFO, word)?;
    }
    Ok(())
}

/// The refusal has its number before `dest`.
fn write_nak(
    sequence: Sequence,
    reason: NakReason,
    envelope: &Envelope<'_>,
    w: &mut Writer<'_, '_>,
) -> Result<(), Full> {
    w.text(names::TYPE, types::NAK)?;
    w.hex(names::FIRST_SEQUENCE, sequence.0)?;
    envelope.write_dest(w)?;
    w.text(names::INFO, reason.word())
}

/// The node list has `dest` before its type. A receiver removes what is not in
/// it, so all names are given; the list of removed nodes stays empty.
fn write_nodes(envelope: &Envelope<'_>, w: &mut Writer<'_, '_>) -> Result<(), Full> {
    envelope.write_dest(w)?;
    w.text(names::TYPE, types::REP_NODES)?;
    w.list(names::NODE_LIST, envelope.nodes)?;
    w.list(names::DELETED_NODE_LIST, &[])
}

impl Envelope<'_> {
    fn write_dest(&self, w: &mut Writer<'_, '_>) -> Result<(), Full> {
        match self.dest {
            Some((name, _)) => w.text(names::DEST, name),
            None => Ok(()),
        }
    }

    /// What follows the fields of the type, up to the signature.
    fn write(&self, w: &mut Writer<'_, '_>) -> Result<(), Full> {
        if let Some((_, Some(uuid))) = self.dest {
            w.binary(names::DEST_UUID, uuid)?;
        }
        w.text(names::SOURCE, self.source)?;
        w.binary(names::SOURCE_UUID, self.source_uuid)?;
        if let Some(sequence) = self.sequence {
            w.hex(names::SEQUENCE, sequence.0)?;
        }
        w.hex(names::GENERATION, self.generation.0)?;
        w.hex(names::TIMESTAMP, self.timestamp.into())?;
        if self.sequence.is_some() {
            w.text(names::LOAD, self.load)?;
        }
        w.decimal(names::TTL, self.ttl.into())
    }
}
