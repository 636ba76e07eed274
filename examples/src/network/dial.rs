//! The peers to keep a connection with: whom to dial, and when. Pure: time is an argument.

use std::time::{Duration, Instant};

use libp2p::{Multiaddr, PeerId, multiaddr::Protocol};

/// Most addresses kept.
pub const TARGETS_MAX: usize = 256;

const PAUSE_FIRST: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);

#[derive(Clone, Debug)]
struct Target {
    address: Multiaddr,
    peer: Option<PeerId>,
    connected: bool,
    pause: Duration,
    due: Instant,
}

/// Addresses to keep connected, with a back-off that doubles from one second to one minute.
#[derive(Clone, Debug, Default)]
pub struct DialList {
    targets: Vec<Target>,
}

impl DialList {
    /// Adds addresses, due at once. Past [`TARGETS_MAX`] they are left out.
    pub fn add(&mut self, now: Instant, addresses: impl IntoIterator<Item = Multiaddr>) {
        for address in addresses {
            let known = self.targets.iter().any(|target| target.address == address);
            if known || self.targets.len() == TARGETS_MAX {
                continue;
            }
            let peer = address.iter().find_map(|part| match part {
                Protocol::P2p(peer) => Some(peer),
                _ => None,
            });
            let pause = PAUSE_FIRST;
            self.targets.push(Target { address, peer, connected: false, pause, due: now });
        }
    }

    /// Returns the addresses to dial now, and counts each as an attempt.
    pub fn due(&mut self, now: Instant) -> Vec<Multiaddr> {
        let mut addresses = Vec::new();
        for target in &mut self.targets {
            if !target.connected && target.due <= now {
                target.due = now + target.pause;
                target.pause = target.pause.saturating_mul(2).min(PAUSE_MAX);
                addresses.push(target.address.clone());
            }
        }
        addresses
    }

    /// Notes that an address answered, and who it is.
    pub fn connected(&mut self, address: &Multiaddr, peer: PeerId) {
        for target in &mut self.targets {
            if same_endpoint(&target.address, address) || target.peer == Some(peer) {
                target.peer = Some(peer);
                target.connected = true;
            }
        }
    }

    /// Notes that a peer proved useful: the next loss is answered quickly again.
    pub fn useful(&mut self, peer: &PeerId) {
        for target in self.targets.iter_mut().filter(|target| target.peer == Some(*peer)) {
            target.pause = PAUSE_FIRST;
        }
    }

    /// Notes that a peer is gone.
    pub fn disconnected(&mut self, now: Instant, peer: &PeerId) {
        for target in self.targets.iter_mut().filter(|target| target.peer == Some(*peer)) {
            target.connected = false;
            target.due = now + target.pause;
        }
    }

    /// Forgets a peer: it is banned, or it is this node itself.
    pub fn forget(&mut self, peer: &PeerId) {
        self.targets.retain(|target| target.peer != Some(*peer));
    }

    /// Makes a peer's next attempt wait as long as attempts wait at most.
    pub fn defer(&mut self, now: Instant, peer: &PeerId) {
        for target in self.targets.iter_mut().filter(|target| target.peer == Some(*peer)) {
            target.pause = PAUSE_MAX;
            target.due = now + PAUSE_MAX;
        }
    }
}

fn same_endpoint(one: &Multiaddr, other: &Multiaddr) -> bool {
    let bare = |address: &Multiaddr| {
        address.iter().filter(|part| !matches!(part, Protocol::P2p(_))).collect::<Multiaddr>()
    };
    bare(one) == bare(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attempts_back_off_and_a_loss_is_dialled_again() {
        let (mut list, start) = (DialList::default(), Instant::now());
        let address: Multiaddr = "/ip4/127.0.0.1/tcp/9".parse().unwrap();
        list.add(start, [address.clone(), address.clone()]);
        assert_eq!(list.due(start).len(), 1);
        assert!(list.due(start).is_empty());
        assert_eq!(list.due(start + PAUSE_FIRST).len(), 1);
        assert!(list.due(start + PAUSE_FIRST * 2).is_empty());

        let peer = PeerId::random();
        list.connected(&address, peer);
        list.useful(&peer);
        assert!(list.due(start + PAUSE_MAX * 9).is_empty());
        list.disconnected(start, &peer);
        assert_eq!(list.due(start + PAUSE_FIRST), vec![address]);
        list.forget(&peer);
        assert!(list.due(start + PAUSE_MAX * 9).is_empty());
    }
}
