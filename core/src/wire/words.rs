//! The words on the wire of the closed sets in [`Message`](super::Message), each
//! spelt once and read back by comparing with that spelling.

use super::message::{Info, NakReason, Status, Step, StonithResult};

impl Status {
    /// The status that `word` names.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Init, Self::Up, Self::Active, Self::Dead, Self::Ping]
            .into_iter()
            .find(|status| status.word() == word)
    }
}

impl Step {
    /// The word on the wire and in the log.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Me => "me",
            Self::Other => "other",
            Self::Done => "done",
        }
    }

    /// The step that `word` names.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Me, Self::Other, Self::Done].into_iter().find(|step| step.word() == word)
    }
}

impl Info {
    /// The word on the wire; `None`: there is no such field.
    ///
    /// [`Info::Other`] stands for every word that is none of the others, and so
    /// does the one word given here.
    #[must_use]
    pub const fn word(self) -> Option<&'static str> {
        match self {
            Self::Absent => None,
            Self::Standby => Some("standby"),
            Self::Shutdown => Some("shutdown"),
            Self::OurResources => Some("req_our_resources()"),
            Self::MachDown => Some("mach_down"),
            Self::Other => Some("other"),
        }
    }

    /// The reason that `word` names.
    #[must_use]
    pub fn from_word(word: &str) -> Self {
        [Self::Standby, Self::Shutdown, Self::OurResources, Self::MachDown]
            .into_iter()
            .find(|info| info.word() == Some(word))
            .unwrap_or(Self::Other)
    }
}

impl NakReason {
    /// The words on the wire.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::TooLow => "seqno too low",
            Self::NotFound => "seqno not found",
        }
    }
}

impl StonithResult {
    /// The word on the wire.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::NotConfigured => "n_stnth",
            Self::Unneeded => "unneeded",
        }
    }
}
