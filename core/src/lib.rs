//! The cluster's decisions.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod grammar;
pub mod id;
pub mod limits;
pub mod time;
pub mod wire;
