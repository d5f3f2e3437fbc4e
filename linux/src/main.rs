//! The `latido` command.

fn main() {
    println!("latido {}", env!("CARGO_PKG_VERSION"));
}
