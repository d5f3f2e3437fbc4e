//! Frames: the text formats of the original, both ways (specification 3).

mod message;

pub use message::{Hold, Info, Message, NakReason, Status, Step, StonithResult};
