//! A peer that speaks the transport's protocols and says what it likes.

use std::{io, time::Duration};

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, StreamExt};
use libp2p::{
    Multiaddr, PeerId, StreamProtocol, SwarmBuilder, gossipsub, noise,
    request_response::{self, ProtocolSupport},
    swarm::{NetworkBehaviour, SwarmEvent},
    tcp, yamux,
};
use mbt_consensus::BlockId;
use mbt_crypto::U256;
use mbt_examples::network::{
    key,
    message::{Request, Response, Status},
    topic_names,
};
use tokio::{sync::oneshot, task::JoinHandle};

#[derive(Clone, Default)]
struct RawCodec;

impl request_response::Codec for RawCodec {
    type Protocol = StreamProtocol;
    type Request = Vec<u8>;
    type Response = Vec<u8>;

    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        let mut bytes = Vec::new();
        io.read_to_end(&mut bytes).await?;
        Ok(bytes)
    }

    async fn read_response<T>(&mut self, p: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        self.read_request(p, io).await
    }

    async fn write_request<T>(
        &mut self,
        _: &StreamProtocol,
        io: &mut T,
        bytes: Vec<u8>,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        io.write_all(&bytes).await
    }

    async fn write_response<T>(
        &mut self,
        p: &StreamProtocol,
        io: &mut T,
        bytes: Vec<u8>,
    ) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        self.write_request(p, io, bytes).await
    }
}

#[derive(NetworkBehaviour)]
struct Behaviour {
    requests: request_response::Behaviour<RawCodec>,
    gossip: gossipsub::Behaviour,
}

/// What the peer does.
#[derive(Clone, Debug)]
pub enum Manner {
    /// Claims most work and answers the next request with these bytes.
    Answers(Vec<u8>),
    /// Claims most work and never answers.
    Stalls,
    /// Sends these bytes as its first request.
    Asks(Vec<u8>),
    /// Gossips these bytes as a block.
    GossipsBlock(Vec<u8>),
    /// Gossips these bytes as transactions.
    GossipsTransactions(Vec<u8>),
}

/// A running peer.
pub struct RawPeer {
    pub id: PeerId,
    pub address: Multiaddr,
    task: JoinHandle<()>,
}

impl Drop for RawPeer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl RawPeer {
    pub async fn start(chain_id: u64, genesis_id: BlockId, manner: Manner) -> Self {
        let config = gossipsub::ConfigBuilder::default()
            .validation_mode(gossipsub::ValidationMode::Anonymous)
            .max_transmit_size(1 << 20)
            .build()
            .unwrap();
        let authenticity = gossipsub::MessageAuthenticity::Anonymous;
        let mut gossip = gossipsub::Behaviour::new(authenticity, config).unwrap();
        let topics = topic_names(chain_id, &genesis_id).map(gossipsub::IdentTopic::new);
        for topic in &topics {
            gossip.subscribe(topic).unwrap();
        }
        let protocol = (StreamProtocol::new("/mbt/sync/1"), ProtocolSupport::Full);
        let timeout = Duration::from_secs(120);
        let requests = request_response::Config::default().with_request_timeout(timeout);
        let requests = request_response::Behaviour::new([protocol], requests);
        let mut swarm = SwarmBuilder::with_existing_identity(key::fresh())
            .with_tokio()
            .with_tcp(tcp::Config::default(), noise::Config::new, yamux::Config::default)
            .unwrap()
            .with_behaviour(|_| Behaviour { requests, gossip })
            .unwrap()
            .with_swarm_config(|c| c.with_idle_connection_timeout(timeout))
            .build();
        swarm.listen_on("/ip4/127.0.0.1/tcp/0".parse().unwrap()).unwrap();
        let id = *swarm.local_peer_id();
        let (sender, address) = oneshot::channel();
        let mut sender = Some(sender);
        let status = Status {
            chain_id,
            genesis_id,
            head_id: BlockId::from([5; 32]),
            number: 1_000_000,
            total_work: U256::MAX >> 1,
        };
        let task = tokio::spawn(async move {
            let mut held = Vec::new();
            loop {
                match swarm.select_next_some().await {
                    SwarmEvent::NewListenAddr { address, .. } => {
                        if let Some(sender) = sender.take() {
                            sender.send(address).unwrap();
                        }
                    }
                    SwarmEvent::ConnectionEstablished { peer_id, .. } => {
                        if let Manner::Asks(bytes) = &manner {
                            swarm.behaviour_mut().requests.send_request(&peer_id, bytes.clone());
                        }
                    }
                    SwarmEvent::Behaviour(BehaviourEvent::Gossip(
                        gossipsub::Event::Subscribed { topic, .. },
                    )) => {
                        let sent = match &manner {
                            Manner::GossipsBlock(bytes) => Some((&topics[0], bytes)),
                            Manner::GossipsTransactions(bytes) => Some((&topics[1], bytes)),
                            _ => None,
                        };
                        if let Some((about, bytes)) = sent
                            && about.hash() == topic
                        {
                            swarm.behaviour_mut().gossip.publish(topic, bytes.clone()).unwrap();
                        }
                    }
                    SwarmEvent::Behaviour(BehaviourEvent::Requests(
                        request_response::Event::Message {
                            message: request_response::Message::Request { request, channel, .. },
                            ..
                        },
                    )) => {
                        let answer = match (Request::decode(&request), &manner) {
                            (Ok(Request::Status(_)), _) => Response::Status(status).encode(),
                            (_, Manner::Answers(bytes)) => bytes.clone(),
                            _ => {
                                held.push(channel);
                                continue;
                            }
                        };
                        drop(swarm.behaviour_mut().requests.send_response(channel, answer));
                    }
                    _ => {}
                }
            }
        });
        Self { id, address: address.await.unwrap(), task }
    }
}
