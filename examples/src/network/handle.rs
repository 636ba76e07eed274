//! Starting a network, and what the other parts of a node see of it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::StreamExt;
use libp2p::{Multiaddr, PeerId, Swarm, TransportError, identity::Keypair, swarm::SwarmEvent};
use parking_lot::Mutex;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
};

use super::{
    Ban,
    behaviour::{Behaviour, swarm},
    config::{NetworkConfig, NetworkError, probe},
    driver::{COMMANDS_MAX, Driver, NOTES_MAX},
    gossip::Topics,
    key,
    message::Status,
};
use crate::{
    node::NodeHandle,
    sync::{Progress, SyncTask},
};

/// How long listening may take.
const LISTEN_TIME: Duration = Duration::from_secs(5);

/// Who opened a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Direction {
    /// The peer.
    Inbound,
    /// This node.
    Outbound,
}

/// What is known of a connected peer.
#[derive(Clone, Debug)]
pub struct PeerInfo {
    /// Its name.
    pub id: PeerId,
    /// Where the connection leads.
    pub address: Multiaddr,
    /// Who opened it.
    pub direction: Direction,
    /// What it runs, in its own words.
    pub agent: Option<String>,
    /// How far it is; none until it said so, or when it is on another chain.
    pub status: Option<Status>,
    /// From 0 to [`super::SCORE_BEST`].
    pub score: u32,
}

/// What the network's task shows to its handles.
#[derive(Debug, Default)]
pub(super) struct Tables {
    pub(super) peers: Mutex<BTreeMap<PeerId, PeerInfo>>,
    pub(super) bans: Mutex<BTreeMap<PeerId, Ban>>,
}

#[derive(Debug)]
struct Inner {
    peer_id: PeerId,
    addresses: Vec<Multiaddr>,
    tables: Arc<Tables>,
    progress: watch::Receiver<Progress>,
    stop: watch::Sender<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

/// A running network. Cheap to clone; the network ends when the last handle is dropped.
#[derive(Clone, Debug)]
pub struct NetworkHandle(Arc<Inner>);

impl NetworkHandle {
    /// Returns the node's name among its peers.
    #[must_use]
    pub fn peer_id(&self) -> PeerId {
        self.0.peer_id
    }

    /// Returns the addresses it listens on, with the ports that the system picked.
    #[must_use]
    pub fn listen_addresses(&self) -> &[Multiaddr] {
        &self.0.addresses
    }

    /// Returns how many peers are connected.
    #[must_use]
    pub fn peer_count(&self) -> usize {
        self.0.tables.peers.lock().len()
    }

    /// Returns the connected peers, by name.
    #[must_use]
    pub fn peers(&self) -> Vec<PeerInfo> {
        self.0.tables.peers.lock().values().cloned().collect()
    }

    /// Returns the peers that are kept out.
    #[must_use]
    pub fn bans(&self) -> Vec<(PeerId, Ban)> {
        self.0.tables.bans.lock().iter().map(|(peer, ban)| (*peer, *ban)).collect()
    }

    /// Returns how far catching up is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        *self.0.progress.borrow()
    }

    /// Closes all connections and waits until the network's tasks ended.
    pub async fn shutdown(&self) {
        self.0.stop.send_replace(true);
        let tasks = std::mem::take(&mut *self.0.tasks.lock());
        for task in tasks {
            if let Err(error) = task.await {
                tracing::error!(%error, "a task of the network failed");
            }
        }
    }
}

/// Where networks start.
#[derive(Clone, Copy, Debug)]
pub struct Network;

impl Network {
    /// Listens, dials the peers of the configuration, and keeps the node's chain up to date.
    ///
    /// # Errors
    /// [`NetworkError`].
    pub async fn start(
        config: NetworkConfig,
        node: NodeHandle,
    ) -> Result<NetworkHandle, NetworkError> {
        let key = match &config.key_folder {
            Some(folder) => key::load_or_create(folder)?,
            None => key::fresh(),
        };
        let genesis_id = node.reader().snapshot()?.genesis_id();
        let topics = Topics::new(node.chain_config().chain_id, &genesis_id);
        let (swarm, addresses) = listen(key, &config, &topics).await?;
        let peer_id = *swarm.local_peer_id();
        tracing::info!(%peer_id, ?addresses, "listening for peers");

        let tables = Arc::<Tables>::default();
        let (stop, stopped) = watch::channel(false);
        let (progress_sender, progress) = watch::channel(Progress::default());
        let (commands, command_queue) = mpsc::channel(COMMANDS_MAX);
        let (notes, note_queue) = mpsc::channel(NOTES_MAX);
        let sync = SyncTask::new(&config, node.clone(), commands, note_queue, progress_sender);
        let synced = progress.clone();
        let driver = Driver::new(
            swarm,
            topics,
            genesis_id,
            &config,
            node,
            Arc::clone(&tables),
            notes,
            command_queue,
            synced,
        );
        let tasks =
            vec![tokio::spawn(driver.run(stopped.clone())), tokio::spawn(sync.run(stopped))];
        let tasks = Mutex::new(tasks);
        let inner = Inner { peer_id, addresses, tables, progress, stop, tasks };
        Ok(NetworkHandle(Arc::new(inner)))
    }
}

async fn listen(
    key: Keypair,
    config: &NetworkConfig,
    topics: &Topics,
) -> Result<(Swarm<Behaviour>, Vec<Multiaddr>), NetworkError> {
    for address in &config.listen {
        probe(address)?;
    }
    let mut swarm = swarm(key, config, topics)?;
    let mut addresses = Vec::new();
    for address in &config.listen {
        swarm.listen_on(address.clone()).map_err(|error| {
            let source = match error {
                TransportError::MultiaddrNotSupported(_) => std::io::ErrorKind::Unsupported.into(),
                TransportError::Other(source) => source,
            };
            NetworkError::Listen { address: address.clone(), source }
        })?;
        addresses.push(first_address(&mut swarm, address).await?);
    }
    Ok((swarm, addresses))
}

async fn first_address(
    swarm: &mut Swarm<Behaviour>,
    asked: &Multiaddr,
) -> Result<Multiaddr, NetworkError> {
    let failed = |source| NetworkError::Listen { address: asked.clone(), source };
    let wait = async {
        loop {
            match swarm.select_next_some().await {
                SwarmEvent::NewListenAddr { address, .. } => return Ok(address),
                SwarmEvent::ListenerError { error, .. } => return Err(failed(error)),
                SwarmEvent::ListenerClosed { reason: Err(error), .. } => return Err(failed(error)),
                _ => {}
            }
        }
    };
    let late = |_| failed(std::io::ErrorKind::TimedOut.into());
    tokio::time::timeout(LISTEN_TIME, wait).await.map_err(late)?
}
