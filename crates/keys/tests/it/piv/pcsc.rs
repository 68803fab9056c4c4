//! The same through the real PC/SC daemon and the virtual reader.
