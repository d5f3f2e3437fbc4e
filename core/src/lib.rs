//! The cluster's decisions.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod id;
pub mod limits;
pub mod order;
pub mod procedure;
pub mod time;
pub mod wire;
