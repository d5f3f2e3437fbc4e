//! The `latido` command.

#[allow(dead_code, reason = "the daemon's loop is what uses it")]
mod arp;
#[allow(dead_code, reason = "the daemon's loop is what uses it")]
mod clock;
#[allow(dead_code, reason = "the daemon's loop is what uses it")]
mod echo;
#[allow(dead_code, reason = "the daemon's loop is what uses it")]
mod link;
#[allow(dead_code, unused_imports, reason = "the daemon's loop is what uses it")]
mod netlink;
#[cfg(test)]
mod testbed;

fn main() {
    println!("latido {}", env!("CARGO_PKG_VERSION"));
}
