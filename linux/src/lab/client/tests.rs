//! Which responses count as an answer.

use super::host;

#[test]
fn a_whole_page_names_its_host() {
    let response = b"HTTP/1.0 200 OK\r\nContent-Length: 7\r\n\r\ncorman\n";
    assert_eq!(host(response).as_deref(), Some("corman"));
    for end in 0..response.len() {
        assert_eq!(host(&response[..end]), None, "{end} bytes of it are no answer yet");
    }
}

#[test]
fn an_error_page_is_no_answer() {
    assert_eq!(host(b"HTTP/1.0 503 Service Unavailable\r\n\r\ncorman\n"), None);
    assert_eq!(host(b"\xff\r\n\r\ncorman\n"), None);
}
