//! Sparse files: a map says where the stored bytes lie in the file, between them are zeros.

/// Where a sparse file's stored bytes lie, and how far reading has come.
#[derive(Debug)]
pub(super) struct Sparse {
    /// Offset and end of each run of stored bytes, in order, without overlap.
    runs: Vec<(u64, u64)>,
    next: usize,
    position: u64,
    size: u64,
}

/// What comes next in a sparse file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Run {
    /// So many bytes that are stored.
    Stored(u64),
    /// So many zeros.
    Hole(u64),
    End,
}

impl Sparse {
    /// From offsets and lengths in turn. `stored` is the number of bytes in the tar.
    pub(super) fn new(map: &[u64], size: u64, stored: u64) -> Result<Self, &'static str> {
        let mut runs = Vec::with_capacity(map.len() / 2);
        let mut end_before = 0;
        let mut total = 0u64;
        for pair in map.chunks_exact(2) {
            let &[offset, length] = pair else { continue };
            let end = offset.checked_add(length).ok_or("the map of a sparse file overflows")?;
            if offset < end_before || end > size {
                return Err("the map of a sparse file is out of order or beyond its end");
            }
            total += length;
            end_before = end;
            if length > 0 {
                runs.push((offset, end));
            }
        }
        if total != stored {
            return Err("the map of a sparse file does not fit the bytes that are stored");
        }
        Ok(Self { runs, next: 0, position: 0, size })
    }

    /// Bytes of the file with its holes.
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn run(&self) -> Run {
        match self.runs.get(self.next) {
            Some((offset, _)) if self.position < *offset => Run::Hole(offset - self.position),
            Some((_, end)) => Run::Stored(end - self.position),
            None if self.position < self.size => Run::Hole(self.size - self.position),
            None => Run::End,
        }
    }

    pub(super) fn advance(&mut self, bytes: u64) {
        self.position += bytes;
        if self.runs.get(self.next).is_some_and(|(_, end)| self.position >= *end) {
            self.next += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_holes_alternate_to_the_size() {
        let mut sparse = Sparse::new(&[2, 3, 5, 1, 8, 0], 10, 4).unwrap();
        let mut seen = Vec::new();
        loop {
            let run = sparse.run();
            match run {
                Run::Stored(bytes) | Run::Hole(bytes) => sparse.advance(bytes),
                Run::End => break,
            }
            seen.push(run);
        }
        assert_eq!(seen, [Run::Hole(2), Run::Stored(3), Run::Stored(1), Run::Hole(4)]);
    }

    #[test]
    fn a_map_that_lies_is_refused() {
        assert!(Sparse::new(&[0, 4], 10, 3).is_err(), "more than is stored");
        assert!(Sparse::new(&[0, 4], 3, 4).is_err(), "beyond the end");
        assert!(Sparse::new(&[4, 2, 0, 2], 10, 4).is_err(), "out of order");
        assert!(Sparse::new(&[u64::MAX, 2], u64::MAX, 2).is_err(), "overflow");
    }
}
