//! Bounds on what a key's file may make us spend before its passphrase is even tried: 256 MiB and some seconds.

const MOST_COST: u64 = 1 << 20;
const MOST_MEMORY: u64 = 256 << 20;
const MOST_PARALLEL: u64 = 32;
/// In all: memory that is written, times the lanes that are done one after the other.
const MOST_WORK: u64 = 1 << 30;
/// Of PBKDF2.
pub(crate) const MOST_ITERATIONS: u32 = 5_000_000;

/// Whether scrypt's parameters (RFC 7914 section 2: N, r, p) are right and can be paid.
pub(crate) fn scrypt_affordable(cost: u64, block_size: u64, parallelization: u64) -> bool {
    let memory = cost.saturating_mul(block_size).saturating_mul(128);
    cost.is_power_of_two()
        && (2..=MOST_COST).contains(&cost)
        && block_size > 0
        && (1..=MOST_PARALLEL).contains(&parallelization)
        && memory <= MOST_MEMORY
        && memory.saturating_mul(parallelization) <= MOST_WORK
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_programs_write_is_affordable_and_the_absurd_is_not() {
        // OpenSSL, cosign 1 and 2, cosign 3, ours.
        for (n, r, p) in [(1 << 14, 8, 1), (1 << 15, 8, 1), (1 << 16, 8, 1), (1 << 17, 8, 1), (1 << 14, 8, 5)] {
            assert!(scrypt_affordable(n, r, p), "{n} {r} {p}");
        }
        let absurd = [
            (0, 8, 1),
            (1, 8, 1),
            (3, 8, 1),
            (1 << 40, 8, 1),
            (1 << 14, 0, 1),
            (1 << 14, 1 << 20, 1),
            (1 << 14, u64::MAX, 1),
            (1 << 14, 8, 0),
            (1 << 14, 8, 1 << 20),
            (1 << 18, 8, 32),
        ];
        for (n, r, p) in absurd {
            assert!(!scrypt_affordable(n, r, p), "{n} {r} {p}");
        }
    }
}
