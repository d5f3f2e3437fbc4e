//! What a message means, in a sentence for a person. The log's own sentences are
//! the core's; these are for looking at captures.

use latido_core::wire::{Frame, Header, Hold, Info, Message, NakReason, Step, names};

/// What `frame` means, or why it means nothing.
pub(super) fn meaning(frame: &Frame<'_>) -> String {
    if frame.text(names::TYPE) == Some("NS_st") {
        // It has no generation: it never travels but within an echo.
        return "the payload of an echo to a ping node".to_owned();
    }
    let header = match Header::read(frame) {
        Ok(header) => header,
        Err(error) => return format!("none: {error}"),
    };
    match Message::read(frame) {
        Ok(message) if message.is_sequenced() && header.sequence.is_none() => {
            "none: there is no number (seq)".to_owned()
        }
        Ok(Message::Other) => format!("{} (nothing that ownership depends on)", header.kind),
        Ok(message) => sentence(message),
        Err(error) => format!("none: {error}"),
    }
}

fn sentence(message: Message) -> String {
    match message {
        Message::Status { status, deadtime, acks, config, hears } => {
            let acks = if acks { "acknowledges" } else { "does not acknowledge" };
            let config = config.map(|print| format!(", configuration {:x}", print.0));
            let hears = hears.map(|generation| format!(", hears generation {generation}"));
            let (config, hears) = (config.unwrap_or_default(), hears.unwrap_or_default());
            format!("I am {status}, dead after {deadtime} of silence, {acks}{config}{hears}")
        }
        Message::Ack { sequence } => format!("everything up to {sequence} has arrived"),
        Message::RexmitRequest { first, last } => format!("send {first} to {last} again"),
        Message::Nak { sequence, reason: NakReason::TooLow } => {
            format!("{sequence} cannot be sent again: it is no longer kept")
        }
        Message::Nak { sequence, reason: NakReason::NotFound } => {
            format!("{sequence} cannot be sent again: it is not known")
        }
        Message::ReqNodes => "send me the list of nodes".to_owned(),
        Message::RepNodes => "the list of nodes".to_owned(),
        Message::Starting => "communication is up, what do you hold?".to_owned(),
        Message::Resource { hold, full, stable, info } => {
            let stable = match stable {
                Some(true) => ", settled",
                Some(false) => ", not settled",
                None => "",
            };
            let verb = if full { "hold" } else { "hold in addition" };
            format!("I {verb} {}{stable}{}", groups(hold), reason(info))
        }
        Message::AskResources { set, step } => match step {
            Step::Me => format!("I want to give up {}", groups(set)),
            Step::Other => format!("I can take {} of the other node", groups(set)),
            Step::Done => format!("{}: done", groups(set)),
        },
        Message::TakeoverRequest { set } => format!("I want to take over {}", groups(set)),
        Message::Shutdone => "I have released everything and go".to_owned(),
        Message::Stonith { .. } | Message::Other => {
            unreachable!("neither is read as such, or it is described above")
        }
    }
}

fn groups(hold: Hold) -> &'static str {
    match (hold.local, hold.foreign) {
        (false, false) => "no resources",
        (true, false) => "local resources",
        (false, true) => "foreign resources",
        (true, true) => "all resources",
    }
}

fn reason(info: Info) -> &'static str {
    match info {
        Info::Absent => "",
        Info::Standby => " (standby)",
        Info::Shutdown => " (shutdown)",
        Info::OurResources => " (own groups acquired)",
        Info::MachDown => " (takeover finished)",
        Info::Other => " (other reason)",
    }
}
