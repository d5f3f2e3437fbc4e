//! What `IPaddr2::` and `IPaddr::` are told: an address, its prefix, where it goes.
//!
//! It reads the one argument (specification 9.5); it does not know which interfaces
//! this machine has.

use std::net::Ipv4Addr;
use std::ops::Range;

/// Octets of an interface's name or an address's label, at most: the kernel's
/// `IFNAMSIZ` less its NUL.
pub(crate) const DEVICE_NAME_MAX: usize = 15;

/// A service address, as haresources describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// The address.
    pub ip: Ipv4Addr,
    /// Its prefix length; without it, that of the interface's own subnet.
    pub prefix: Option<u8>,
    /// The interface; without it, the one whose subnet holds the address.
    pub device: Option<String>,
    /// The label, in full (`eth0:0`).
    pub label: Option<String>,
    /// The broadcast address; without it, the subnet's last.
    pub broadcast: Option<Ipv4Addr>,
}

/// Why an argument is not an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AddressError {
    /// The octets of the argument that are wrong.
    pub part: Range<usize>,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What was expected.
    pub expected: &'static str,
}

impl Address {
    /// Reads `IP[/BITS[/INTERFACE[:LABEL]][/BROADCAST]]`.
    ///
    /// # Errors
    /// The first part that cannot be meant, with its place in `argument`.
    pub(crate) fn parse(argument: &str) -> Result<Self, AddressError> {
        let mut parts = Parts { argument, at: 0 };
        let (part, text) = parts.next().expect("a split text has a first part");
        let ip = service_address(part, text)?;
        let mut address = Self { ip, prefix: None, device: None, label: None, broadcast: None };
        if let Some((part, text)) = parts.next() {
            address.prefix = Some(prefix(part, text)?);
        }
        let mut next = parts.next();
        if let Some((part, text)) = next.clone()
            && text.parse::<Ipv4Addr>().is_err()
        {
            address.place(part, text)?;
            next = parts.next();
        }
        if let Some((part, text)) = next {
            address.broadcast = Some(text.parse().map_err(|_| AddressError {
                part,
                message: format!("`{text}` is no broadcast address"),
                expected: "an IPv4 address",
            })?);
        }
        if let Some((part, _)) = parts.next() {
            return Err(AddressError {
                part,
                message: "nothing can follow the broadcast address".to_owned(),
                expected: "the end of the resource",
            });
        }
        address.check_subnet()?;
        Ok(address)
    }

    /// Reads `INTERFACE[:LABEL]`.
    fn place(&mut self, part: Range<usize>, text: &str) -> Result<(), AddressError> {
        let (device, label) = text.split_once(':').map_or((text, None), |(d, l)| (d, Some(l)));
        let error = |message: String| AddressError {
            part: part.clone(),
            message,
            expected: "INTERFACE or INTERFACE:LABEL, such as eth0:0",
        };
        if device.is_empty() || label.is_some_and(str::is_empty) {
            return Err(error(format!("`{text}` names no interface or no label")));
        }
        if text.len() > DEVICE_NAME_MAX {
            return Err(error(format!("`{text}` is longer than {DEVICE_NAME_MAX} characters")));
        }
        self.device = Some(device.to_owned());
        self.label = label.map(|_| text.to_owned());
        Ok(())
    }

    /// Refuses the addresses that stand for the subnet itself.
    fn check_subnet(&self) -> Result<(), AddressError> {
        let Some(prefix @ 0..=30) = self.prefix else {
            return Ok(());
        };
        let hosts = u32::MAX.checked_shr(u32::from(prefix)).unwrap_or(0);
        let host = self.ip.to_bits() & hosts;
        let stands_for = match host {
            0 => "the subnet's own number",
            _ if host == hosts => "the subnet's broadcast address",
            _ => return Ok(()),
        };
        let end = self.ip.to_string().len();
        Err(AddressError {
            part: 0..end,
            message: format!("{}/{prefix} is {stands_for}", self.ip),
            expected: "the address of one host",
        })
    }
}

/// Reads the service address itself.
fn service_address(part: Range<usize>, text: &str) -> Result<Ipv4Addr, AddressError> {
    let expected = "an IPv4 address, such as 192.168.2.10";
    let error = |message| Err(AddressError { part, message, expected });
    if text.contains(':') {
        return error(format!("not implemented yet: `{text}` is no IPv4 address"));
    }
    let Ok(ip) = text.parse::<Ipv4Addr>() else {
        return error(format!("`{text}` is no IPv4 address"));
    };
    if ip.is_unspecified() || ip.is_loopback() || ip.is_multicast() || ip.is_broadcast() {
        return error(format!("{ip} cannot be a service address"));
    }
    Ok(ip)
}

/// Reads a prefix length, or a netmask as the older `IPaddr` took it.
fn prefix(part: Range<usize>, text: &str) -> Result<u8, AddressError> {
    let bits = text.parse::<u8>().ok().filter(|bits| (1..=32).contains(bits));
    let mask = || {
        let mask = text.parse::<Ipv4Addr>().ok()?.to_bits();
        let bits = u8::try_from(mask.leading_ones()).ok()?;
        (bits > 0 && mask.count_ones() == u32::from(bits)).then_some(bits)
    };
    bits.or_else(mask).ok_or_else(|| AddressError {
        part,
        message: format!("`{text}` is no prefix length"),
        expected: "a number of bits from 1 to 32",
    })
}

/// The parts between slashes, with their places.
struct Parts<'a> {
    argument: &'a str,
    at: usize,
}

impl<'a> Iterator for Parts<'a> {
    type Item = (Range<usize>, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.at;
        let rest = self.argument.get(start..)?;
        let text = rest.split('/').next()?;
        self.at = start + text.len() + 1;
        Some((start..start + text.len(), text))
    }
}

#[cfg(test)]
mod tests;
