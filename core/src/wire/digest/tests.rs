//! The digests against published vectors, and what the table of keys refuses.

use super::{Digest, KeyError, Keys, Mac, Method};
use crate::limits::SECRET_MAX;

extern crate std;
use std::format;

fn digest(method: Method, secret: &[u8], text: &[u8]) -> Digest {
    let mut keys = Keys::new(7);
    keys.insert(7, method, secret).expect("a valid key");
    let mut mac = keys.mac(7).expect("the entry").clone();
    // In two pieces, as frames are covered.
    let (first, second) = text.split_at(text.len() / 2);
    mac.update(first);
    mac.update(second);
    assert!(mac.clone().verify(mac.clone().digest().as_bytes()));
    mac.digest()
}

#[track_caller]
fn check(method: Method, secret: &[u8], text: &[u8], expected: &str) {
    assert_eq!(digest(method, secret, text).as_bytes(), expected.as_bytes());
}

#[test]
fn hmac_sha1_gives_the_digests_of_rfc_2202() {
    let sha1 = Method::Sha1;
    check(sha1, &[0x0b; 20], b"Hi There", "b617318655057264e28bc0b6fb378c8ef146be00");
    let jefe = b"what do ya want for nothing?";
    check(sha1, b"Jefe", jefe, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
    check(sha1, &[0xaa; 20], &[0xdd; 50], "125d7342b9ac11cd91a39af48aa17b4f63f175d3");
    let long = b"Test Using Larger Than Block-Size Key - Hash Key First";
    check(sha1, &[0xaa; 80], long, "aa4ae5e15272d00e95705637ce8a3b55ed402112");
}

#[test]
fn hmac_md5_gives_the_digests_of_rfc_2202() {
    let md5 = Method::Md5;
    check(md5, &[0x0b; 16], b"Hi There", "9294727a3638bb1c13f48ef8158bfc9d");
    check(md5, b"Jefe", b"what do ya want for nothing?", "750c783e6ab0b503eaa86e310a5db738");
    check(md5, &[0xaa; 16], &[0xdd; 50], "56be34521d144c88dbb8c733f0e8b3f6");
    let long = b"Test Using Larger Than Block-Size Key - Hash Key First";
    check(md5, &[0xaa; 80], long, "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd");
}

#[test]
fn a_checksum_has_no_leading_zeros() {
    check(Method::Crc, b"", b"123456789", "765e7680");
    check(Method::Crc, b"", b"2784", "565a");
    assert_eq!(Digest::from_checksum(0).as_bytes(), b"0");
}

#[test]
fn only_the_one_spelling_of_a_digest_will_do() {
    let mac = |method: Method| Mac::new(method, b"secret").expect("a valid key");
    for method in [Method::Md5, Method::Sha1] {
        let digest = mac(method).digest();
        let digest = core::str::from_utf8(digest.as_bytes()).expect("hexadecimal");
        assert!(mac(method).verify(digest.as_bytes()));
        let refused = [
            digest.to_uppercase(),
            format!("{digest}0"),
            format!("0{digest}"),
            format!("{digest} "),
            digest[1..].into(),
            digest[..digest.len() - 2].into(),
            digest.replace(|c: char| c == digest.chars().next().expect("not empty"), "g"),
            std::string::String::new(),
        ];
        for wrong in refused {
            assert!(!mac(method).verify(wrong.as_bytes()), "{method}: {wrong}");
        }
    }
    let crc = Mac::new(Method::Crc, b"").expect("a checksum needs no key");
    assert!(crc.clone().verify(b"ffffffff"), "of nothing at all");
    assert!(!crc.verify(b"FFFFFFFF"));
}

#[test]
fn a_key_is_refused_with_the_reason() {
    let mut keys = Keys::new(1);
    let refused = [
        (16, Method::Sha1, &b"k"[..], KeyError::Number(16)),
        (2, Method::Sha1, b"", KeyError::Missing(Method::Sha1)),
        (2, Method::Md5, b"", KeyError::Missing(Method::Md5)),
        (2, Method::Crc, b"k", KeyError::Unwanted(Method::Crc)),
        (2, Method::Sha1, &[b'k'; SECRET_MAX + 1], KeyError::TooLong),
    ];
    for (number, method, secret, error) in refused {
        assert_eq!(keys.insert(number, method, secret), Err(error));
        assert_eq!(keys.method(number), None, "a refused key is not taken");
    }
    for number in 0..16 {
        assert_eq!(keys.insert(number, Method::Sha1, &[b'k'; SECRET_MAX]), Ok(()));
    }
    assert_eq!(keys.insert(3, Method::Md5, b"other"), Err(KeyError::Duplicate(3)));
    assert_eq!(keys.method(3), Some(Method::Sha1), "the first stays");
}

#[test]
fn the_table_shows_methods_and_no_keys() {
    let mut keys = Keys::new(2);
    keys.insert(0, Method::Crc, b"").expect("valid");
    keys.insert(2, Method::Sha1, b"clavesecreta").expect("valid");
    assert_eq!(format!("{keys:?}"), "Keys { active: 2, methods: {0: Crc, 2: Sha1} }");
}
