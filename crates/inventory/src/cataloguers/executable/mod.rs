//! Executables that say what they are built of: programs of Go, of Rust by cargo-auditable, .NET's single files, and
//! native images of GraalVM.
//!
//! Only such come here that bear a mark of one of these ([`Wanted::Executable`]); the machine code of large ones is
//! blanked.

mod auditable;
mod bundle;
mod go;
mod layout;
mod native_image;

use std::io::{Read, SeekFrom};

use super::{Cataloguer, Content, Member, Told, Wanted};
use layout::Layout;

/// Reads executables.
pub(super) struct Executable;

/// Bytes at a program's start in which UPX says its name.
const PACKER_WITHIN: u64 = 1024;

impl Cataloguer for Executable {
    fn id(&self) -> &'static str {
        "executable"
    }

    fn wanted(&self) -> &'static [Wanted] {
        &[Wanted::Executable]
    }

    fn catalogue(&self, member: &mut Member<'_>, told: &mut Told) {
        let content = member.content();
        if is_packed(content) {
            return told
                .warn("it is packed by UPX, and what it is built of cannot be seen; scan it before it is packed");
        }
        let layout = match Layout::read(content) {
            Ok(layout) => layout,
            Err(reason) => return told.warn(reason),
        };
        go::read(&layout, content, told);
        auditable::read(&layout, content, told);
        bundle::read(&layout, content, told);
        native_image::read(&layout, content, told);
    }
}

fn is_packed(content: &mut dyn Content) -> bool {
    let mut head = Vec::new();
    let read = content.seek(SeekFrom::Start(0)).and_then(|_| content.take(PACKER_WITHIN).read_to_end(&mut head));
    read.is_ok() && memchr::memmem::find(&head, b"UPX!").is_some()
}
