//! Extended headers (POSIX.1-2001, "pax Header"): records of `LENGTH KEY=VALUE\n`.

/// The records of an extended header that change what a member is. Others (times, owners, attributes) do not matter
/// to what a layer holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pax {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link_path: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    /// GNU's sparse files in the forms 0.0, 0.1 and 1.0.
    pub(super) sparse: PaxSparse,
}

/// GNU's records for sparse files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PaxSparse {
    pub(super) version: (Option<u64>, Option<u64>),
    pub(super) name: Option<Vec<u8>>,
    pub(super) real_size: Option<u64>,
    /// Offsets and lengths in turn (0.0 and 0.1).
    pub(super) map: Vec<u64>,
}

impl Pax {
    /// Parses the content of an `x` header; the error says what is wrong.
    pub(super) fn parse(mut records: &[u8]) -> Result<Self, &'static str> {
        let mut pax = Self::default();
        while !records.is_empty() {
            let (key, value, rest) = next_record(records)?;
            records = rest;
            pax.take(key, value)?;
        }
        if !pax.sparse.map.len().is_multiple_of(2) {
            return Err("the map of a sparse file has an offset without a length");
        }
        Ok(pax)
    }

    fn take(&mut self, key: &[u8], value: &[u8]) -> Result<(), &'static str> {
        // An empty value takes the record back; the header's own field then holds.
        let text = || Some(value.to_vec()).filter(|text| !text.is_empty());
        match key {
            b"path" | b"linkpath" | b"GNU.sparse.name" if value.contains(&0) => {
                return Err("a name in an extended header has a NUL byte");
            }
            b"path" => self.path = text(),
            b"linkpath" => self.link_path = text(),
            b"size" => self.size = Some(value).filter(|value| !value.is_empty()).map(decimal).transpose()?,
            b"GNU.sparse.major" => self.sparse.version.0 = Some(decimal(value)?),
            b"GNU.sparse.minor" => self.sparse.version.1 = Some(decimal(value)?),
            b"GNU.sparse.name" => self.sparse.name = text(),
            b"GNU.sparse.size" | b"GNU.sparse.realsize" => self.sparse.real_size = Some(decimal(value)?),
            b"GNU.sparse.map" => {
                self.sparse.map = value.split(|byte| *byte == b',').map(decimal).collect::<Result<_, _>>()?;
            }
            b"GNU.sparse.offset" if self.sparse.map.len().is_multiple_of(2) => self.sparse.map.push(decimal(value)?),
            b"GNU.sparse.numbytes" if !self.sparse.map.len().is_multiple_of(2) => {
                self.sparse.map.push(decimal(value)?);
            }
            b"GNU.sparse.offset" | b"GNU.sparse.numbytes" => return Err("the map of a sparse file is out of order"),
            _ => {}
        }
        Ok(())
    }
}

type Record<'a> = (&'a [u8], &'a [u8], &'a [u8]);

/// Key and value of the first record, and the rest.
fn next_record(records: &[u8]) -> Result<Record<'_>, &'static str> {
    let malformed = "a record of an extended header is malformed";
    let space = memchr::memchr(b' ', records).ok_or(malformed)?;
    let length = decimal(records.get(..space).ok_or(malformed)?)?;
    let length = usize::try_from(length).map_err(|_| malformed)?;
    let record = records.get(space + 1..length).ok_or(malformed)?;
    let rest = records.get(length..).ok_or(malformed)?;
    let record = record.strip_suffix(b"\n").ok_or(malformed)?;
    let equals = memchr::memchr(b'=', record).ok_or(malformed)?;
    let (key, value) = record.split_at_checked(equals).ok_or(malformed)?;
    Ok((key, value.get(1..).unwrap_or_default(), rest))
}

/// Decimal digits and nothing else.
pub(super) fn decimal(digits: &[u8]) -> Result<u64, &'static str> {
    let malformed = "a number in an extended header is malformed";
    if digits.is_empty() {
        return Err(malformed);
    }
    digits
        .iter()
        .try_fold(0u64, |value, digit| match digit {
            b'0'..=b'9' => value.checked_mul(10)?.checked_add(u64::from(digit - b'0')),
            _ => None,
        })
        .ok_or(malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_that_matter_are_taken_and_others_left() {
        let pax = Pax::parse(b"30 mtime=1350244992.023960108\n12 path=a/b\n14 linkpath=c\n12 size=300\n").unwrap();
        assert_eq!(pax.path.as_deref(), Some(&b"a/b"[..]));
        assert_eq!(pax.link_path.as_deref(), Some(&b"c"[..]));
        assert_eq!(pax.size, Some(300));
    }

    #[test]
    fn records_with_a_lying_length_are_refused() {
        for records in [
            &b"11 path=a/b\n"[..],
            b"13 path=a/b\n",
            b"99999999999999999999999 path=a\n",
            b"0 path=a\n",
            b"2 path=a\n",
            b"9 path=a",
            b"path=a\n",
            b"8 patha\n",
            b"11 path=a\0\n",
            b"10 size=-1\n",
        ] {
            assert!(Pax::parse(records).is_err(), "{}", String::from_utf8_lossy(records));
        }
    }

    #[test]
    fn a_map_of_a_sparse_file_comes_in_pairs() {
        let split = b"24 GNU.sparse.offset=10\n25 GNU.sparse.numbytes=5\n";
        assert_eq!(Pax::parse(split).unwrap().sparse.map, [10, 5]);
        assert_eq!(Pax::parse(b"27 GNU.sparse.map=0,5,10,5\n").unwrap().sparse.map, [0, 5, 10, 5]);
        assert!(Pax::parse(b"25 GNU.sparse.map=0,5,10\n").is_err());
        assert!(Pax::parse(b"25 GNU.sparse.numbytes=5\n").is_err());
    }
}
