//! Schedules messages onto the lanes of a kernel: safe code, the same for every engine.

use primitive_types::H256;

/// Bytes that one permutation absorbs, of the 200 of a state.
pub(super) const RATE: usize = 136;

/// As many Keccak states as there are lanes: word by word, and in each word lane by lane, as the
/// registers of a kernel hold them.
#[derive(Clone, Copy)]
#[repr(align(64))]
pub(super) struct States<const LANES: usize>(pub(super) [[u64; LANES]; 25]);

/// Permutes all lanes at once. There are at most eight.
pub(super) trait Kernel<const LANES: usize>: Copy {
    /// Absorbs one block in each lane, then permutes the states.
    ///
    /// A lane with its bit set in `fresh` starts from the zero state. A lane takes the first
    /// [`RATE`] bytes of its message's rest; a shorter rest is padded, which ends the message.
    fn absorb(self, states: &mut States<LANES>, fresh: u8, rests: &[&[u8]; LANES]);
}

/// Messages under way.
pub(super) struct Lanes<'a, const LANES: usize> {
    states: States<LANES>,
    /// What is yet to be absorbed; empty in a lane without message.
    rests: [&'a [u8]; LANES],
    /// Positions of the messages.
    indices: [usize; LANES],
    /// A bit for each lane with a message.
    busy: u8,
    /// A bit for each lane whose message has no block absorbed.
    fresh: u8,
}

impl<'a, const LANES: usize> Lanes<'a, LANES> {
    pub(super) const fn new() -> Self {
        Self {
            states: States([[0; LANES]; 25]),
            rests: [IDLE; LANES],
            indices: [0; LANES],
            busy: 0,
            fresh: 0,
        }
    }

    /// Hashes until the messages are used up and no more than `left` lanes are busy.
    pub(super) fn run(
        &mut self,
        kernel: impl Kernel<LANES>,
        messages: &mut impl Iterator<Item = (usize, &'a [u8])>,
        left: u32,
        mut digest: impl FnMut(usize, H256),
    ) {
        let mut exhausted = false;
        loop {
            for lane in 0..LANES {
                if exhausted || self.busy & (1 << lane) != 0 {
                    continue;
                }
                match messages.next() {
                    Some((index, message)) => self.start(lane, index, message),
                    None => exhausted = true,
                }
            }
            if exhausted && self.busy.count_ones() <= left {
                return;
            }
            kernel.absorb(&mut self.states, self.fresh, &self.rests);
            self.fresh = 0;
            for lane in 0..LANES {
                if let Some((_, rest)) = self.rests[lane].split_at_checked(RATE) {
                    self.rests[lane] = rest;
                } else if self.busy & (1 << lane) != 0 {
                    digest(self.indices[lane], self.digest(lane));
                    self.rests[lane] = IDLE;
                    self.busy &= !(1 << lane);
                }
            }
        }
    }

    /// Moves the busy lanes, which must be no more than `NARROW`, to as few.
    pub(super) fn narrowed<const NARROW: usize>(&self) -> Lanes<'a, NARROW> {
        let mut narrow = Lanes::new();
        let busy = (0..LANES).filter(|lane| self.busy & (1 << lane) != 0);
        for (to, from) in busy.take(NARROW).enumerate() {
            narrow.start(to, self.indices[from], self.rests[from]);
            if self.fresh & (1 << from) == 0 {
                narrow.fresh &= !(1 << to);
                for (word, wide) in narrow.states.0.iter_mut().zip(&self.states.0) {
                    word[to] = wide[from];
                }
            }
        }
        narrow
    }

    fn start(&mut self, lane: usize, index: usize, message: &'a [u8]) {
        // The pointer of an empty slice may lead nowhere, and kernels load, under an empty mask,
        // from where a rest points: correct, but slow.
        self.rests[lane] = if message.is_empty() { IDLE } else { message };
        self.indices[lane] = index;
        self.busy |= 1 << lane;
        self.fresh |= 1 << lane;
    }

    fn digest(&self, lane: usize) -> H256 {
        let mut hash = H256::zero();
        for (bytes, word) in hash.0.as_chunks_mut::<8>().0.iter_mut().zip(&self.states.0) {
            *bytes = word[lane].to_le_bytes();
        }
        hash
    }
}

/// Hashes one message in the first lane.
pub(super) fn hash_one<const LANES: usize>(kernel: impl Kernel<LANES>, message: &[u8]) -> H256 {
    let mut lanes = Lanes::new();
    lanes.start(0, 0, message);
    loop {
        kernel.absorb(&mut lanes.states, lanes.fresh, &lanes.rests);
        lanes.fresh = 0;
        match lanes.rests[0].split_at_checked(RATE) {
            Some((_, rest)) => lanes.rests[0] = rest,
            None => return lanes.digest(0),
        }
    }
}

/// An empty message that lies somewhere.
static IDLE: &[u8] = {
    static BYTES: [u8; RATE] = [0; RATE];
    BYTES.split_at(0).0
};
