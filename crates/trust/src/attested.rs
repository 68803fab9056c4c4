//! A key's attestation, as it lies beside what the key signed: a referrer of its own.

/// What it is called, as an artifact and as a layer.
pub const MEDIA_TYPE: &str = "application/vnd.dev.plimsoll.attestation.v1+pem";

/// Most bytes that are read. A YubiKey's two certificates have some 1,500.
pub const LIMIT: u64 = 64 << 10;
