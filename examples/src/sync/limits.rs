//! Bounds of the synchroniser.

/// How much the synchroniser holds and how long it waits. Every queue that peers feed is bounded
/// by one of these.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Most peers followed.
    pub peers_max: usize,
    /// Most requests under way at one peer.
    pub requests_per_peer: usize,
    /// Most headers in an answer.
    pub headers_per_request: usize,
    /// Most bodies asked for at once.
    pub bodies_per_request: usize,
    /// Most blocks between the first missing body and the last one asked for.
    pub window_blocks: usize,
    /// Most bytes of bodies held and awaited, counting [`Limits::answer_bytes`] for an answer.
    pub held_bytes: usize,
    /// Bytes that an answer with bodies is reckoned at.
    pub answer_bytes: usize,
    /// Most blocks given to the chain and not yet taken.
    pub imports_in_flight: usize,
    /// Most runs of headers given to the chain and not yet taken.
    pub header_imports_in_flight: usize,
    /// Most headers ahead of the last executed block.
    pub headers_ahead: u64,
    /// Most answers in a row that bring no new header.
    pub stale_answers: u32,
    /// How long a request may take.
    pub request_ms: u64,
    /// After so long, another peer is asked for the block that all others wait for.
    pub hedge_ms: u64,
    /// How long a peer rests after a failure; twice as long after the next.
    pub rest_ms: u64,
    /// How long to wait after an own fault.
    pub own_fault_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            peers_max: 128,
            requests_per_peer: 4,
            headers_per_request: crate::network::message::HEADERS_MAX,
            bodies_per_request: 64,
            window_blocks: 1_024,
            held_bytes: 64 << 20,
            answer_bytes: crate::network::message::BODIES_BYTES_SOFT,
            imports_in_flight: 64,
            header_imports_in_flight: 2,
            headers_ahead: 8_192,
            stale_answers: 64,
            request_ms: 8_000,
            hedge_ms: 2_000,
            rest_ms: 1_000,
            own_fault_ms: 5_000,
        }
    }
}
