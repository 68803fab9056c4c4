//! One module a package format.

/// Version of all cataloguers together: raise it whenever any of them, or the shape of a layer's record, would
/// answer differently for the same bytes; records of other versions are made anew.
pub const VERSION: u32 = 1;
