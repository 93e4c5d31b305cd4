//! Which addresses messages may be posted to: public ones, and those that the settings name.
//!
//! Whoever subscribes chooses an address, and must not be able to make this service knock at a door inside the house. A name
//! is resolved once per attempt, every address it has is judged, and the connection is made to an address that was judged:
//! a name that changes between looking and connecting gains nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::Uri;
use http::uri::Scheme;

/// Where a message is posted to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The whole address.
    pub uri: Uri,
    /// Its host, as it is resolved.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether the connection is encrypted.
    pub tls: bool,
    /// The settings name it: private addresses and plain HTTP are allowed.
    pub allowed: bool,
}

/// Why an address cannot be subscribed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It is not a whole `https://host/path`.
    #[error("it is not an address like https://host/path")]
    Malformed,
    /// It is not encrypted.
    #[error("it does not begin with https")]
    Plain,
    /// It names an address inside the house.
    #[error("it is not a public address")]
    NotPublic,
    /// It holds a name and password.
    #[error("it holds a user name or a fragment")]
    Userinfo,
}

impl Target {
    /// Reads an address. `allowed` are the `host:port` that settings exempt.
    pub fn read(url: &str, allowed: &[String]) -> Result<Self, Unfit> {
        let uri: Uri = url
            .parse()
            .map_err(|_: http::uri::InvalidUri| Unfit::Malformed)?;
        let authority = uri.authority().ok_or(Unfit::Malformed)?;
        if authority.as_str().contains('@') || url.contains('#') {
            return Err(Unfit::Userinfo);
        }
        let tls = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return Err(Unfit::Malformed),
        };
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        if host.is_empty() || url.len() > 2_000 {
            return Err(Unfit::Malformed);
        }
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let named = format!("{host}:{port}");
        let allowed = allowed.contains(&named);
        if !allowed {
            if !tls {
                return Err(Unfit::Plain);
            }
            if host
                .parse::<IpAddr>()
                .is_ok_and(|address| !is_public(address))
            {
                return Err(Unfit::NotPublic);
            }
        }
        Ok(Self {
            uri,
            host,
            port,
            tls,
            allowed,
        })
    }

    /// Whether a connection to this address, which its host resolved to, may be made.
    pub fn may_reach(&self, address: IpAddr) -> bool {
        self.allowed || is_public(address)
    }
}

/// Whether an address belongs to the public internet.
pub const fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// Everything but the blocks that the IANA registry of special purposes sets aside.
const fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = a == 0
        || a == 127
        || address.is_private()
        || address.is_link_local()
        || address.is_documentation()
        || a == 100 && b & 0xc0 == 64 // carriers' own
        || a == 192 && b == 0 && c == 0
        || a == 192 && b == 88 && c == 99
        || a == 198 && b & 0xfe == 18 // benchmarks
        || a >= 224; // multicast, reserved, broadcast
    !special
}

/// Of the one block that is handed out, what is neither set aside nor carries an older address that is not public.
const fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    // Translated to IPv4 (NAT64), under the well-known prefix: by what it carries.
    if let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = address.segments() {
        let ([h1, h2], [l1, l2]) = (high.to_be_bytes(), low.to_be_bytes());
        return is_public_v4(Ipv4Addr::new(h1, h2, l1, l2));
    }
    let [a, b, ..] = address.segments();
    let handed_out = a & 0xe000 == 0x2000;
    let set_aside = match a {
        0x2001 => b < 0x0200 || b == 0x0db8, // protocols, Teredo, ORCHID; documentation
        0x2002 => true,                      // 6to4 carries an IPv4 address
        0x3fff => b < 0x1000,
        _ => false,
    };
    handed_out && !set_aside
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_inside_the_house_is_not_public() {
        for inside in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "127.8.8.8",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::8.8.8.8",
            "64:ff9b::1:0:8.8.8.8",
            "100::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ] {
            assert!(!is_public(inside.parse().unwrap()), "{inside}");
        }
    }

    #[test]
    fn what_is_outside_is_public() {
        for outside in [
            "1.1.1.1",
            "100.128.0.1",
            "172.32.0.1",
            "203.0.114.1",
            "223.5.5.5",
            "::ffff:223.5.5.5",
            "64:ff9b::223.5.5.5",
            "2400:3200::1",
            "2606:4700::1111",
        ] {
            assert!(is_public(outside.parse().unwrap()), "{outside}");
        }
    }

    #[test]
    fn only_whole_encrypted_public_addresses_can_be_subscribed() {
        let unfit = |url: &str| Target::read(url, &[]).unwrap_err();
        assert_eq!(unfit("example.org"), Unfit::Malformed);
        assert_eq!(unfit("ftp://example.org/"), Unfit::Malformed);
        assert_eq!(unfit("http://example.org/"), Unfit::Plain);
        assert_eq!(unfit("https://user:word@example.org/"), Unfit::Userinfo);
        for inside in ["127.0.0.1", "10.0.0.1:8443", "[::1]", "[::ffff:10.0.0.1]"] {
            assert_eq!(
                unfit(&format!("https://{inside}/")),
                Unfit::NotPublic,
                "{inside}"
            );
        }
        let target = Target::read("https://example.org/hook?a=1", &[]).unwrap();
        assert_eq!((target.host.as_str(), target.port), ("example.org", 443));
        assert!(target.tls && !target.allowed);
    }

    #[test]
    fn settings_may_name_a_receiver_inside_the_house() {
        let allowed = ["127.0.0.1:8080".to_owned()];
        let target = Target::read("http://127.0.0.1:8080/hook", &allowed).unwrap();
        assert!(target.may_reach([127, 0, 0, 1].into()));
        assert_eq!(
            Target::read("http://127.0.0.1:8081/hook", &allowed),
            Err(Unfit::Plain)
        );
    }
}
