//! The `latido` command.

#[allow(dead_code, unused_imports, reason = "the daemon that calls it comes with its loop")]
mod resources;

fn main() {
    println!("latido {}", env!("CARGO_PKG_VERSION"));
}
