//! What a node's network is told, and why it may not start.

use std::{io, net::SocketAddr, net::TcpListener, path::PathBuf, time::Duration};

use libp2p::{Multiaddr, multiaddr::Protocol};

use super::key::KeyError;
use crate::sync::Limits;

/// Most connected peers by default.
pub const PEERS_MAX: u32 = 64;

/// How a node listens and whom it keeps connected.
#[derive(Clone, Debug)]
pub struct NetworkConfig {
    /// Addresses to listen on. By default one on loopback, with a port that the system picks.
    pub listen: Vec<Multiaddr>,
    /// Peers to keep connected, with or without their `/p2p/` name.
    pub peers: Vec<Multiaddr>,
    /// The folder of the peer key; none for a key that is kept nowhere.
    pub key_folder: Option<PathBuf>,
    /// Most connected peers.
    pub peers_max: u32,
    /// How long a request may take.
    pub request_timeout: Duration,
    /// How often peers are asked how far they are.
    pub status_interval: Duration,
    /// Bounds of the synchroniser.
    pub sync: Limits,
    /// Whether catching up shows a bar when standard error is a terminal.
    pub progress_bar: bool,
}

impl Default for NetworkConfig {
    fn default() -> Self {
        let loopback = Multiaddr::empty()
            .with(Protocol::Ip4(std::net::Ipv4Addr::LOCALHOST))
            .with(Protocol::Tcp(0));
        Self {
            listen: vec![loopback],
            peers: Vec::new(),
            key_folder: None,
            peers_max: PEERS_MAX,
            request_timeout: Duration::from_secs(10),
            status_interval: Duration::from_secs(5),
            sync: Limits::default(),
            progress_bar: true,
        }
    }
}

/// Why the network did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// Another process listens there.
    #[error("peer address {address} is in use")]
    AddressInUse {
        /// The address.
        address: Multiaddr,
    },
    /// The address cannot be listened on.
    #[error("cannot listen for peers on {address}: {source}")]
    Listen {
        /// The address.
        address: Multiaddr,
        /// Why.
        source: io::Error,
    },
    /// The address is not an IP address and a TCP port.
    #[error("peer address {address} is not /ip4/ADDRESS/tcp/PORT or /ip6/ADDRESS/tcp/PORT")]
    UnsupportedAddress {
        /// The address.
        address: Multiaddr,
    },
    /// The peer key cannot be read or made.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The protocols cannot be set up.
    #[error("network protocol {protocol}: {reason}")]
    Protocol {
        /// Which one.
        protocol: &'static str,
        /// Why.
        reason: String,
    },
    /// The node's store cannot be read.
    #[error(transparent)]
    Store(#[from] mbt_trie::StoreError),
}

/// Makes sure that nobody listens on an address. The transport alone would share its port with
/// another node of the same user.
pub(super) fn probe(address: &Multiaddr) -> Result<(), NetworkError> {
    let socket = socket_of(address)
        .ok_or_else(|| NetworkError::UnsupportedAddress { address: address.clone() })?;
    if socket.port() == 0 {
        return Ok(());
    }
    match TcpListener::bind(socket) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            Err(NetworkError::AddressInUse { address: address.clone() })
        }
        Err(source) => Err(NetworkError::Listen { address: address.clone(), source }),
    }
}

fn socket_of(address: &Multiaddr) -> Option<SocketAddr> {
    let mut parts = address.iter();
    let ip = match parts.next()? {
        Protocol::Ip4(ip) => ip.into(),
        Protocol::Ip6(ip) => ip.into(),
        _ => return None,
    };
    match (parts.next()?, parts.next()) {
        (Protocol::Tcp(port), None) => Some(SocketAddr::new(ip, port)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn port_in_use_is_told_from_an_address_of_another_kind() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = taken.local_addr().unwrap().port();
        let address: Multiaddr = format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap();
        assert!(matches!(probe(&address), Err(NetworkError::AddressInUse { .. })));
        drop(taken);
        assert!(probe(&address).is_ok());
        for text in ["/dns4/example.org/tcp/1", "/ip4/127.0.0.1/udp/1", "/ip4/127.0.0.1"] {
            let error = probe(&text.parse().unwrap()).unwrap_err();
            assert!(matches!(error, NetworkError::UnsupportedAddress { .. }), "{text}");
        }
    }
}
