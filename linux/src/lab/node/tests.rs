//! What of a console line the timeline shows.

use super::message;

#[test]
fn a_log_line_is_shown_without_its_date_and_its_node() {
    assert_eq!(
        message("Nov 22 11:21:50 corman heartbeat: [28]: WARN: node rabius: is dead"),
        "WARN: node rabius: is dead"
    );
    assert_eq!(
        message("Nov  2 11:21:50 corman ResourceManager: [2]: info: Running apache2  start"),
        "info: Running apache2  start"
    );
}

#[test]
fn a_line_of_another_program_is_shown_as_it_is() {
    for line in
        ["", "sh: 1: apache2: not found", "x heartbeat: [ without an end", "apache2: [3]: down"]
    {
        assert_eq!(message(line), line);
    }
}
