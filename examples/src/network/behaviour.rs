//! The protocols of a node, put together.

use std::{convert::Infallible, time::Duration};

use libp2p::{
    Swarm, SwarmBuilder,
    allow_block_list::{self, BlockedPeers},
    connection_limits::{self, ConnectionLimits},
    gossipsub, identify,
    identity::Keypair,
    noise, ping,
    request_response::{self, ProtocolSupport},
    swarm::NetworkBehaviour,
    tcp, yamux,
};

use super::{
    codec::{PROTOCOL, SyncCodec},
    config::{NetworkConfig, NetworkError},
    gossip::{self, Topics},
};

/// Most requests under way on a connection, both ways together.
const STREAMS_PER_CONNECTION: usize = 24;

/// Most connections to one peer: both sides may dial at once.
const CONNECTIONS_PER_PEER: u32 = 2;

/// Most connections that are being set up, each way.
const PENDING_MAX: u32 = 32;

/// A connection without any protocol in use is kept this long.
const IDLE: Duration = Duration::from_secs(600);

/// All protocols of a node.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    pub(super) limits: connection_limits::Behaviour,
    pub(super) blocked: allow_block_list::Behaviour<BlockedPeers>,
    pub(super) identify: identify::Behaviour,
    pub(super) ping: ping::Behaviour,
    pub(super) gossip: gossipsub::Behaviour,
    pub(super) requests: request_response::Behaviour<SyncCodec>,
}

impl Behaviour {
    fn new(key: &Keypair, config: &NetworkConfig, topics: &Topics) -> Result<Self, NetworkError> {
        let connections = config.peers_max.saturating_mul(CONNECTIONS_PER_PEER);
        let limits = ConnectionLimits::default()
            .with_max_pending_incoming(Some(PENDING_MAX))
            .with_max_pending_outgoing(Some(PENDING_MAX))
            .with_max_established_incoming(Some(connections.saturating_mul(3) / 4))
            .with_max_established_per_peer(Some(CONNECTIONS_PER_PEER))
            .with_max_established(Some(connections));
        let agent = concat!("mbt/", env!("CARGO_PKG_VERSION")).to_owned();
        let identify = identify::Config::new("/mbt/1".to_owned(), key.public());
        let refused = |reason: String| NetworkError::Protocol { protocol: "gossip", reason };
        let authenticity = gossipsub::MessageAuthenticity::Anonymous;
        let mut gossip = gossipsub::Behaviour::new(authenticity, gossip::config(topics)?)
            .map_err(|error| refused(error.to_owned()))?;
        for topic in [&topics.blocks, &topics.transactions] {
            gossip.subscribe(topic).map_err(|error| refused(error.to_string()))?;
        }
        let requests = request_response::Config::default()
            .with_request_timeout(config.request_timeout)
            .with_max_concurrent_streams(STREAMS_PER_CONNECTION);
        Ok(Self {
            limits: connection_limits::Behaviour::new(limits),
            blocked: allow_block_list::Behaviour::default(),
            identify: identify::Behaviour::new(identify.with_agent_version(agent)),
            ping: ping::Behaviour::default(),
            gossip,
            requests: request_response::Behaviour::new(
                [(PROTOCOL, ProtocolSupport::Full)],
                requests,
            ),
        })
    }
}

/// Makes the swarm: TCP, Noise, Yamux and the protocols above.
pub(super) fn swarm(
    key: Keypair,
    config: &NetworkConfig,
    topics: &Topics,
) -> Result<Swarm<Behaviour>, NetworkError> {
    let behaviour = Behaviour::new(&key, config, topics)?;
    let builder = SwarmBuilder::with_existing_identity(key)
        .with_tokio()
        .with_tcp(tcp::Config::default().nodelay(true), noise::Config::new, yamux::Config::default)
        .map_err(|error| NetworkError::Protocol { protocol: "noise", reason: error.to_string() })?;
    let builder = builder
        .with_behaviour(move |_| behaviour)
        .map_err(|never: Infallible| -> NetworkError { match never {} })?;
    Ok(builder.with_swarm_config(|swarm| swarm.with_idle_connection_timeout(IDLE)).build())
}
