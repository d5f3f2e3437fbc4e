//! What a scenario expects. Every wait has a bound, and what is waited for is read from the world
//! as the kernels, the consoles and the client showed it, never from a daemon's own opinion
//! alone.

use std::fs::File;
use std::io::{self, Read};
use std::time::{Duration, Instant};

use super::Lab;
use crate::lab::doing;
use crate::lab::node::Host;
use crate::lab::timeline::{Event, What, worded};
use crate::lab::world::World;

/// Waits longer than this are announced.
const LONG: Duration = Duration::from_millis(700);

impl Lab {
    /// Waits until something is so.
    ///
    /// # Errors
    /// It was not so within `bound`; the error says what was instead.
    pub(crate) fn wait_until(
        &mut self,
        what: &str,
        bound: Duration,
        so: impl Fn(&World) -> bool,
    ) -> io::Result<()> {
        let start = Instant::now();
        let mut announced = std::mem::take(&mut self.announced);
        while !so(&self.world) {
            if let Some(fallen) = self.fallen.take() {
                return Err(io::Error::other(fallen));
            }
            let waited = start.elapsed();
            if waited >= bound {
                self.take_pending();
                let world = self.world.describe();
                let text = format!("waited {} until {what}, but {world}", worded(bound));
                return if so(&self.world) { Ok(()) } else { Err(io::Error::other(text)) };
            }
            if waited >= LONG && !announced {
                announced = true;
                let text = format!("waiting until {what}, at most {}", worded(bound));
                self.take(Event { at: Instant::now(), what: What::Waiting(text) });
            }
            let rest = if announced { bound } else { LONG.min(bound) }.saturating_sub(waited);
            self.listen(rest);
        }
        Ok(())
    }

    /// Lets time pass, in which something stays so.
    ///
    /// # Errors
    /// It did not stay so.
    pub(crate) fn stay(
        &mut self,
        what: &str,
        time: Duration,
        so: impl Fn(&World) -> bool,
    ) -> io::Result<()> {
        if time >= LONG {
            let text = format!("for {}: {what}", worded(time));
            self.take(Event { at: Instant::now(), what: What::Waiting(text) });
        }
        let start = Instant::now();
        loop {
            if !so(&self.world) {
                let text = format!("expected that {what}, but {}", self.world.describe());
                return Err(io::Error::other(text));
            }
            match time.checked_sub(start.elapsed()) {
                None | Some(Duration::ZERO) => return Ok(()),
                Some(rest) => self.listen(rest),
            }
        }
    }

    /// Lets a random part of `period` pass, so that a fault meets it at any phase.
    pub(crate) fn random_phase(&mut self, period: Duration) -> io::Result<()> {
        let mut bytes = [0; 4];
        File::open("/dev/urandom")?.read_exact(&mut bytes)?;
        let share = f64::from(u32::from_ne_bytes(bytes)) / f64::from(u32::MAX);
        self.stay(
            "a moment, so that the fault comes at any phase of a beat",
            period.mul_f64(share),
            |_| true,
        )
    }

    /// Says before it begins that a wait takes long, if it does.
    pub(crate) fn expect_wait(&mut self, what: &str, time: Duration) {
        if time >= LONG {
            self.announced = true;
            let text = format!("about {}: {what}", worded(time));
            self.take(Event { at: Instant::now(), what: What::Waiting(text) });
        }
    }

    /// Fails if a console showed `text` after `from`.
    pub(crate) fn never_said(&mut self, text: &str, from: Instant) -> io::Result<()> {
        self.take_pending();
        match self.world.anyone_said(text, from) {
            None => Ok(()),
            Some((host, line)) => {
                Err(io::Error::other(format!("{} must not have said: {line}", host.name())))
            }
        }
    }

    /// From a fault to the first answer of `host` after it.
    pub(crate) fn gap(&self, fault: Instant, host: Host) -> io::Result<Duration> {
        let first = self.client.first_answer(host.name(), fault);
        let first = first.ok_or_else(|| doing(host.name())("it never answered the client"))?;
        Ok(first.duration_since(fault))
    }

    /// The longest time without an answer since a moment.
    pub(crate) fn longest_silence(&self, from: Instant) -> io::Result<Duration> {
        self.client
            .longest_silence(from, Instant::now())
            .ok_or_else(|| io::Error::other("nobody answered the client"))
    }
}
