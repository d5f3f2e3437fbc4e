//! The `latido` command.

#[cfg_attr(not(test), expect(dead_code, unused_imports, reason = "no daemon calls it yet"))]
mod resources;

fn main() {
    println!("latido {}", env!("CARGO_PKG_VERSION"));
}
