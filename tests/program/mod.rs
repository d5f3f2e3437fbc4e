//! The `latido` program, built once for the tests that run it.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use serde_json::Value;

/// Where the program is, built for development.
#[allow(dead_code, reason = "some tests want the program as it is shipped")]
pub(crate) static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| built(&[]));

/// Builds the program with these further arguments of cargo; where it is.
pub(crate) fn built(arguments: &[&str]) -> PathBuf {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "-p", "latido", "--message-format=json"])
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .expect("cargo can be called");
    assert!(built.status.success(), "the program does not build");
    let lines = String::from_utf8(built.stdout).expect("cargo writes text");
    lines
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["name"] == "latido")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .expect("cargo names the program that it built")
}
