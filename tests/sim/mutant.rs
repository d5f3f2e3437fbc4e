//! Mutants: drivers between a node and the world that break one rule each. A
//! simulator that does not find them checks nothing.

/// One broken rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mutant {
    /// Time is reported half a deadtime early on one node.
    EarlyTime,
    /// Deadlines are reported two seconds late.
    LateTicks,
    /// A release is settled and not carried out.
    LostRelease,
    /// A start is settled and not carried out.
    LostStart,
    /// A release is settled when its script begins.
    ReleaseSettledEarly,
    /// A script's end settles the latest order, whichever it carried out.
    WrongOrderSettled,
    /// While a script runs the first order that comes wins, not the latest.
    FirstOrderWins,
    /// A restarted daemon has the generation of the one before.
    GenerationReused,
    /// Beats that come twice come with a new number.
    DuplicateAsNew,
    /// Recordings are told apart by nothing: they are signed anew for today.
    ReplayBelieved,
    /// No `starting` ever arrives.
    StartingLost,
    /// No `resource` ever arrives.
    ReportsLost,
    /// After a pause the clock is looked at before the sockets.
    TickBeforeDrain,
    /// Each node is told that all groups prefer it.
    BothPreferred,
    /// What still runs at a daemon's start is not told to it.
    LeftoverHidden,
    /// The node's random numbers are new in every run.
    Irreproducible,
}

impl Mutant {
    pub(crate) const ALL: [Self; 16] = [
        Self::EarlyTime,
        Self::LateTicks,
        Self::LostRelease,
        Self::LostStart,
        Self::ReleaseSettledEarly,
        Self::WrongOrderSettled,
        Self::FirstOrderWins,
        Self::GenerationReused,
        Self::DuplicateAsNew,
        Self::ReplayBelieved,
        Self::StartingLost,
        Self::ReportsLost,
        Self::TickBeforeDrain,
        Self::BothPreferred,
        Self::LeftoverHidden,
        Self::Irreproducible,
    ];
}
