//! The router's prober.
