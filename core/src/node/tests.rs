extern crate std;

mod deaths;
mod handshake;
mod intake;
mod rig;
mod sentences;
mod standby;
