//! Tables of the address argument.

use std::net::Ipv4Addr;

use super::Address;

const VIP: Ipv4Addr = Ipv4Addr::new(192, 168, 2, 10);

#[test]
fn every_form_of_the_argument_is_read() {
    let bare = || Address { ip: VIP, prefix: None, device: None, label: None, broadcast: None };
    let eth0 = || Some("eth0".to_owned());
    let broadcast = Some(Ipv4Addr::new(192, 168, 2, 255));
    for (argument, address) in [
        ("192.168.2.10", bare()),
        ("192.168.2.10/24", Address { prefix: Some(24), ..bare() }),
        ("192.168.2.10/255.255.255.0", Address { prefix: Some(24), ..bare() }),
        ("192.168.2.10/32", Address { prefix: Some(32), ..bare() }),
        ("192.168.2.10/24/eth0", Address { prefix: Some(24), device: eth0(), ..bare() }),
        (
            "192.168.2.10/24/eth0:0",
            Address { prefix: Some(24), device: eth0(), label: Some("eth0:0".into()), ..bare() },
        ),
        (
            "192.168.2.10/24/eth0/192.168.2.255",
            Address { prefix: Some(24), device: eth0(), broadcast, ..bare() },
        ),
        ("192.168.2.10/24/192.168.2.255", Address { prefix: Some(24), broadcast, ..bare() }),
    ] {
        assert_eq!(Address::parse(argument), Ok(address), "{argument}");
    }
}

#[test]
fn a_wrong_part_is_pointed_at() {
    for (argument, part, message) in [
        ("", "", "`` is no IPv4 address"),
        ("192.168.2", "192.168.2", "`192.168.2` is no IPv4 address"),
        ("192.168.2.256/24", "192.168.2.256", "`192.168.2.256` is no IPv4 address"),
        ("fe80::1/64", "fe80::1", "not implemented yet: `fe80::1` is no IPv4 address"),
        ("127.0.0.1", "127.0.0.1", "127.0.0.1 cannot be a service address"),
        ("192.168.2.10/", "", "`` is no prefix length"),
        ("192.168.2.10/0", "0", "`0` is no prefix length"),
        ("192.168.2.10/33", "33", "`33` is no prefix length"),
        ("192.168.2.10/255.0.255.0", "255.0.255.0", "`255.0.255.0` is no prefix length"),
        ("192.168.2.10/24/", "", "`` names no interface or no label"),
        ("192.168.2.10/24/eth0:", "eth0:", "`eth0:` names no interface or no label"),
        ("192.168.2.10/24/:0", ":0", "`:0` names no interface or no label"),
        (
            "192.168.2.10/24/averylongname0:0",
            "averylongname0:0",
            "`averylongname0:0` is longer than 15 characters",
        ),
        ("192.168.2.10/24/eth0/x", "x", "`x` is no broadcast address"),
        ("192.168.2.10/24/eth0/192.168.2.255/5", "5", "nothing can follow the broadcast address"),
        ("192.168.2.0/24", "192.168.2.0", "192.168.2.0/24 is the subnet's own number"),
        ("192.168.2.255/24", "192.168.2.255", "192.168.2.255/24 is the subnet's broadcast address"),
    ] {
        let error = Address::parse(argument).expect_err(argument);
        assert_eq!((&argument[error.part.clone()], error.message.as_str()), (part, message));
    }
}
