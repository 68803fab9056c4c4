//! Both digests of a layer, computed on a thread beside the one that inflates.
//!
//! Bytes are read and inflated into blocks, and a block that has been used up is handed to the hashing thread, which
//! gives it back: nothing is copied, and the blocks of one layer are all the memory that it takes. SHA-256 of both
//! sides takes about half as long as inflating, so the hashing thread is not the limit.

use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::LayerError;
use crate::Digest;
use crate::digest::{Algorithm, Digester};

/// Bytes of a block. Large enough that waking the other thread costs little, small enough to stay in its cache.
const BLOCK_BYTES: usize = 256 << 10;
/// Blocks of one layer: 2 MiB in all.
const BLOCKS: usize = 8;

/// Some bytes of the blob or the tar.
pub(super) struct Block {
    bytes: Box<[u8]>,
    len: usize,
}

/// Which of a layer's two byte streams a block belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Blob,
    Tar,
}

/// The blocks of one layer, and the thread that hashes them where hashing is wanted.
pub(super) struct Blocks {
    free: Vec<Block>,
    made: usize,
    hashing: Option<Hashing>,
}

struct Hashing {
    used: SyncSender<(Side, Block)>,
    hashed: Receiver<Block>,
    thread: JoinHandle<[Digester; 2]>,
}

impl Block {
    /// The bytes that were filled in.
    pub(super) fn filled(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// All of the block, to be written to from its start.
    pub(super) fn space(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    /// Says how many bytes were written.
    pub(super) fn set_filled(&mut self, len: usize) {
        self.len = len;
    }
}

impl Blocks {
    /// Blocks whose bytes are hashed after use.
    pub(super) fn hashed() -> io::Result<Self> {
        let (used, to_hash) = sync_channel::<(Side, Block)>(BLOCKS);
        let (give_back, hashed) = sync_channel(BLOCKS);
        let thread = std::thread::Builder::new().name("layer-digests".into()).spawn(move || {
            let mut blob = Digester::new(Algorithm::Sha256);
            let mut tar = Digester::new(Algorithm::Sha256);
            for (side, block) in to_hash {
                match side {
                    Side::Blob => blob.update(block.filled()),
                    Side::Tar => tar.update(block.filled()),
                }
                // The other end is gone when the layer is given up; the queue then ends as well.
                drop(give_back.send(block));
            }
            [blob, tar]
        })?;
        Ok(Self { free: Vec::new(), made: 0, hashing: Some(Hashing { used, hashed, thread }) })
    }

    /// Blocks that are only recycled.
    pub(super) fn unhashed() -> Self {
        Self { free: Vec::new(), made: 0, hashing: None }
    }

    /// An empty block; waits for the hashing thread where all are with it.
    pub(super) fn take(&mut self) -> Result<Block, LayerError> {
        if let Some(block) = self.free.pop() {
            return Ok(block);
        }
        let back = match &self.hashing {
            Some(hashing) if self.made >= BLOCKS => Some(hashing.hashed.recv().map_err(|_| thread_died())?),
            Some(hashing) => hashing.hashed.try_recv().ok(),
            None => None,
        };
        Ok(back.unwrap_or_else(|| {
            self.made += 1;
            Block { bytes: vec![0; BLOCK_BYTES].into_boxed_slice(), len: 0 }
        }))
    }

    /// Takes back a block that has been used up. All blocks of one side must come in the order of their bytes.
    pub(super) fn give_back(&mut self, side: Side, block: Block) -> Result<(), LayerError> {
        if let Some(hashing) = &self.hashing {
            return hashing.used.send((side, block)).map_err(|_| thread_died());
        }
        self.free.push(block);
        Ok(())
    }

    /// The digests of blob and tar; `None` where nothing was hashed.
    pub(super) fn finish(self) -> Result<Option<[Digest; 2]>, LayerError> {
        let Some(Hashing { used, hashed, thread }) = self.hashing else { return Ok(None) };
        drop(used);
        drop(hashed);
        let digesters = thread.join().map_err(|_| thread_died())?;
        Ok(Some(digesters.map(Digester::finish)))
    }
}

fn thread_died() -> LayerError {
    LayerError::Io(io::Error::other("the thread that computes the digests ended; this is a defect of plimsoll"))
}
