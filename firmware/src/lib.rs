//! The router's prober, for WRT54G-class gateways.
//!
//! A library without an operating system and without an allocator: what runs on the
//! router is tried on the host. [`settings`] reads the router's own `latido.cf` with
//! the grammar of core, so that a file means the same on a node and on a router. No
//! socket, clock or file is touched here.

#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod settings;
