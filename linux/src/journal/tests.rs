//! The layout of the log's lines.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use latido_core::Notice;
use latido_core::config::Config;
use latido_core::id::NodeId;
use latido_core::notice::Severity;
use latido_core::time::Duration;
use latido_core::{Settings, Timing};
use log::LevelFilter;

use super::{Layout, one_line, open, tell, tell_entry};
use crate::resources::Entry;
use crate::testbed::isolated;

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("nobody panics with it").extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn lines_have_the_originals_layout() {
    isolated(|| {
        let timing = Timing::of(Duration::from_secs(2), Duration::from_secs(10));
        let settings = Settings::pair(["corman", "rabius"], NodeId(0), &["eth0"], &["web"], timing);
        let config = Config::new(settings).expect("a plain pair is a cluster");
        let page = Page::default();
        open(Box::new(page.clone()), "corman", Layout::Syslog, LevelFilter::Info);
        let node = NodeId(1);
        tell(Notice::CommNowUp, &config);
        tell(Notice::NodeDead { node }, &config);
        tell(Notice::BothOwnLocal, &config);
        tell(Notice::Partition { node }, &config);
        tell(Notice::TakeoverCompleteFor { node }, &config);
        let severity = Some(Severity::Critical);
        tell_entry(&Entry { severity, text: "Giving up resources".to_owned() });
        tell_entry(&Entry { severity: None, text: "what a script wrote".to_owned() });

        let text = String::from_utf8(page.0.lock().expect("whole").clone()).expect("text");
        let pid = std::process::id();
        let mut lines = text.lines();
        for rest in [
            format!("heartbeat: [{pid}]: info: Comm_now_up(): updating status to active"),
            format!("heartbeat: [{pid}]: WARN: node rabius: is dead"),
            format!("heartbeat: [{pid}]: ERROR: Both machines own our resources!"),
            format!("heartbeat: [{pid}]: CRIT: Cluster node rabius returning after partition."),
            format!("mach_down: [{pid}]: info: mach_down takeover complete for node rabius."),
            format!("ResourceManager: [{pid}]: CRIT: Giving up resources"),
        ] {
            let line = lines.next().expect("one line each");
            // `Nov 22 11:21:50 corman ` and what is said.
            let (stamp, said) = line.split_at_checked(16).expect("a time stands first");
            assert_eq!(said, format!("corman {rest}"));
            let shape: String = stamp
                .chars()
                .map(|letter| match letter {
                    '0'..='9' => '9',
                    'A'..='Z' => 'A',
                    'a'..='z' => 'a',
                    other => other,
                })
                .collect();
            assert_eq!(shape, "Aaa 99 99:99:99 ");
        }
        assert_eq!(lines.next(), None, "what scripts write is for the debug log");
    });
}

#[test]
fn without_syslogmsgfmt_lines_have_the_originals_other_layout() {
    isolated(|| {
        let page = Page::default();
        open(Box::new(page.clone()), "corman", Layout::Plain, LevelFilter::Info);
        log::warn!(target: "heartbeat", "node rabius: is dead");
        let text = String::from_utf8(page.0.lock().expect("whole").clone()).expect("text");
        let words: Vec<&str> = text.trim_end().splitn(3, ' ').collect();
        assert_eq!(words[0], format!("heartbeat[{}]:", std::process::id()));
        assert_eq!(words[2], "WARN: node rabius: is dead");
        let shape: String = words[1]
            .chars()
            .map(|letter| if letter.is_ascii_digit() { '9' } else { letter })
            .collect();
        assert_eq!(shape, "9999/99/99_99:99:99");
    });
}

#[test]
fn what_a_script_writes_cannot_begin_a_line() {
    assert_eq!(one_line("up\n\u{1b}[31mCRIT: no".to_owned()), "up\\n\\u{1b}[31mCRIT: no");
    assert_eq!(one_line("as it is: ñ".to_owned()), "as it is: ñ");
}
