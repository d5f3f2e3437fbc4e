//! Two whole nodes; each file has one side of their life.

extern crate std;

mod deaths;
mod handshake;
mod intake;
mod rig;
mod sentences;
mod standby;
mod stuck;
