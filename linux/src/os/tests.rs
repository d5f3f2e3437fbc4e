//! What an operator is answered.

use latido_core::id::GroupId;
use latido_core::{Action, Actions};

use super::unsaid;

#[test]
fn a_command_that_sends_nothing_is_answered_with_nothing_to_do() {
    assert_eq!(unsaid(&Actions::new()), "nothing to do\n");
    let mut actions = Actions::new();
    actions.push(Action::Announce { group: GroupId(0) }).expect("there is room");
    assert_eq!(unsaid(&actions), "nothing to do\n");
}
