//! A disk that loses power.

use alloc::{sync::Arc, vec::Vec};
use std::{
    io,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::random::Random;

/// A disk in memory. What was written since the last sync may be lost in part when power goes: each
/// write is then kept, dropped or torn by itself, as by a disk that orders them as it likes.
/// Clones share it.
#[derive(Clone, Debug)]
pub struct SimulatedDisk(Arc<Mutex<Disk>>);

#[derive(Debug)]
struct Disk {
    /// What readers see.
    now: Vec<u8>,
    /// What is safe.
    synced: Vec<u8>,
    unsynced: Vec<Change>,
    /// Changes and syncs before power goes.
    left: usize,
    random: Random,
}

#[derive(Debug)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Length(usize),
}

impl Change {
    fn apply(&self, image: &mut Vec<u8>) {
        match self {
            Self::Write { offset, bytes } => {
                let end = offset + bytes.len();
                if image.len() < end {
                    image.resize(end, 0);
                }
                image[*offset..end].copy_from_slice(bytes);
            }
            Self::Length(length) => image.resize(*length, 0),
        }
    }
}

impl SimulatedDisk {
    /// Makes an empty disk. The seed decides what is lost.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::with_image(Vec::new(), Random::new(seed))
    }

    fn with_image(image: Vec<u8>, random: Random) -> Self {
        let (now, synced) = (image.clone(), image);
        Self(Arc::new(Mutex::new(Disk {
            now,
            synced,
            unsynced: Vec::new(),
            left: usize::MAX,
            random,
        })))
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets so many writes and syncs succeed, then loses power in the middle of the next: it fails,
    /// and so does all that follows.
    pub fn lose_power_after(&self, operations: usize) {
        self.disk().left = operations;
    }

    /// Returns the disk as it is found when power is back, for good.
    #[must_use]
    pub fn restart(&self) -> Self {
        let mut disk = self.disk();
        let disk = &mut *disk;
        let mut image = core::mem::take(&mut disk.synced);
        let in_order = disk.random.below(3) == 0;
        let last = disk.random.below(disk.unsynced.len() as u64 + 1);
        for (place, change) in (0..).zip(disk.unsynced.drain(..)) {
            let fate = disk.random.below(8);
            match change {
                Change::Write { offset, mut bytes } if fate == 0 || (in_order && place == last) => {
                    let kept = disk.random.below(bytes.len() as u64 + 1);
                    bytes.truncate(usize::try_from(kept).unwrap());
                    Change::Write { offset, bytes }.apply(&mut image);
                }
                change if (in_order && place < last) || (!in_order && fate < 5) => {
                    change.apply(&mut image);
                }
                _ => {}
            }
        }
        Self::with_image(image, disk.random.clone())
    }

    /// Returns the length in bytes.
    ///
    /// # Errors
    /// Power is gone.
    pub fn len(&self) -> io::Result<u64> {
        Ok(self.disk().powered()?.now.len() as u64)
    }

    /// Tells whether nothing is there.
    ///
    /// # Errors
    /// Power is gone.
    pub fn is_empty(&self) -> io::Result<bool> {
        self.len().map(|length| length == 0)
    }

    /// Reads bytes at an offset.
    ///
    /// # Errors
    /// Power is gone, or the end is reached before.
    pub fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut disk = self.disk();
        let start = usize::try_from(offset).unwrap();
        let bytes = disk.powered()?.now.get(start..start + out.len());
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    /// Writes bytes at an offset.
    ///
    /// # Errors
    /// Power is gone.
    pub fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let offset = usize::try_from(offset).unwrap();
        self.disk().change(Change::Write { offset, bytes: bytes.to_vec() })
    }

    /// Sets the length; new bytes are zero.
    ///
    /// # Errors
    /// Power is gone.
    pub fn set_len(&self, length: u64) -> io::Result<()> {
        self.disk().change(Change::Length(usize::try_from(length).unwrap()))
    }

    /// Makes everything written safe.
    ///
    /// # Errors
    /// Power is gone.
    pub fn sync(&self) -> io::Result<()> {
        let mut disk = self.disk();
        let disk = &mut *disk;
        if disk.tick()? {
            for change in disk.unsynced.drain(..) {
                change.apply(&mut disk.synced);
            }
            return Ok(());
        }
        Err(powerless())
    }
}

fn powerless() -> io::Error {
    io::Error::other("power is gone")
}

impl Disk {
    fn powered(&mut self) -> io::Result<&mut Self> {
        if self.left == 0 { Err(powerless()) } else { Ok(self) }
    }

    /// Counts an operation, and tells whether power lasts to its end.
    fn tick(&mut self) -> io::Result<bool> {
        match self.left {
            usize::MAX => Ok(true),
            0 => Err(powerless()),
            left => {
                self.left = left - 1;
                Ok(self.left > 0)
            }
        }
    }

    fn change(&mut self, change: Change) -> io::Result<()> {
        let whole = self.tick()?;
        change.apply(&mut self.now);
        self.unsynced.push(change);
        if whole { Ok(()) } else { Err(powerless()) }
    }
}
