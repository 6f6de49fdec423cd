//! Which ports the demo's four listeners take.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::{Context, bail};

/// Loopback addresses. A port of 0 is picked by the listener itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ports {
    /// Never 0: the bridge must know its public address before it listens.
    pub bridge: SocketAddr,
    pub jira: SocketAddr,
    /// Never 0: the configuration file names it.
    pub operator: SocketAddr,
    pub tools: SocketAddr,
}

impl Ports {
    /// The four ports from `first` on, or free ones when it is 0.
    ///
    /// # Errors
    /// When one of them is taken, with the way out.
    pub fn choose(first: u16) -> anyhow::Result<Self> {
        if first == 0 {
            // Both are open at once, so that they are two.
            let free = [TcpListener::bind(loopback(0))?, TcpListener::bind(loopback(0))?];
            let [bridge, operator] = [free[0].local_addr()?, free[1].local_addr()?];
            return Ok(Self { bridge, operator, jira: loopback(0), tools: loopback(0) });
        }
        let Some(last) = first.checked_add(3) else {
            bail!(
                "--port {first} leaves no room for the three ports after it: choose one up to {}",
                u16::MAX - 3
            );
        };
        for port in first..=last {
            TcpListener::bind(loopback(port)).with_context(|| {
                format!(
                    "the demo needs the ports {first} to {last}, and {port} cannot be used: choose others \
                     with --port, or --port 0 for any that are free"
                )
            })?;
        }
        let [bridge, jira, operator, tools] = [0, 1, 2, 3].map(|n| loopback(first + n));
        Ok(Self { bridge, jira, operator, tools })
    }
}

fn loopback(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named_with_the_way_out() {
        let taken = TcpListener::bind(loopback(0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let message = Ports::choose(port).unwrap_err().to_string();
        assert!(message.contains(&format!("{port} cannot be used")), "{message}");
        assert!(message.contains("--port"), "{message}");
    }

    #[test]
    fn the_last_ports_leave_no_room() {
        assert!(Ports::choose(u16::MAX - 2).unwrap_err().to_string().contains("up to 65532"));
    }

    #[test]
    fn port_zero_gives_the_bridge_real_ports() {
        let ports = Ports::choose(0).unwrap();
        assert!(ports.bridge.port() != 0 && ports.operator.port() != 0 && ports.bridge != ports.operator);
        assert_eq!(ports.tools.port(), 0);
    }
}
