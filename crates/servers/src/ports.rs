//! Free ports on loopback.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};

/// Where ports may be taken from when the kernel does not say which ones it hands out itself.
const EPHEMERAL_FLOOR: u16 = 32_768;
/// Below are ports that well-known programs like to have.
const FLOOR: u16 = 20_000;
const ATTEMPTS: usize = 200;

/// A port on 127.0.0.1 on which nobody listens at the moment.
///
/// It lies below the range from which the kernel takes the near end of outgoing connections. A client that keeps trying
/// to reach a server while it is down would otherwise, sooner or later, be given the server's own port as its near
/// end and be connected with itself; the server then cannot come back on its port.
pub fn free() -> io::Result<u16> {
    let ceiling = ephemeral_floor().max(FLOOR + 1_000);
    for _ in 0..ATTEMPTS {
        let port = FLOOR + random()? % (ceiling - FLOOR);
        if is_free(port) {
            return Ok(port);
        }
    }
    Err(io::Error::new(
        io::ErrorKind::AddrInUse,
        "no free port on 127.0.0.1",
    ))
}

/// Whether nobody listens on this port of 127.0.0.1.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

fn ephemeral_floor() -> u16 {
    fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|range| range.split_whitespace().next()?.parse().ok())
        .unwrap_or(EPHEMERAL_FLOOR)
}

fn random() -> io::Result<u16> {
    let mut bytes = [0; 2];
    getrandom::fill(&mut bytes)?;
    Ok(u16::from_ne_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::{ephemeral_floor, free, is_free};
    use std::net::{Ipv4Addr, TcpListener};

    #[test]
    fn a_free_port_can_be_listened_on_and_is_then_no_longer_free() {
        let port = free().expect("this machine has a free port");
        let _listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("the port was free");
        assert!(!is_free(port));
    }

    #[test]
    fn the_kernel_does_not_hand_the_port_to_a_client() {
        if ephemeral_floor() > 21_000 {
            assert!(free().expect("this machine has a free port") < ephemeral_floor());
        }
    }
}
