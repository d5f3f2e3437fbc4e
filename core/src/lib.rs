#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod action;
pub mod config;
mod detector;
mod event;
pub mod grammar;
mod groups;
mod history;
pub mod id;
pub mod limits;
mod membership;
pub mod node;
pub mod notice;
pub mod order;
mod ownership;
pub mod procedure;
pub mod random;
mod reception;
mod rejects;
pub mod time;
mod turn;
pub mod wire;

pub use action::{Action, Actions, Transmission};
pub use config::{Config, Incarnation, NodeKind, Settings, Timing};
pub use event::{Command, Event, LinkState};
pub use node::{GroupView, LinkView, Node, NodeView, Stamp};
pub use notice::Notice;
pub use order::{Outcome, Ownership};
pub use ownership::Phase;
