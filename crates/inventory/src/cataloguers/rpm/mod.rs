//! rpm: its database in each of the three forms that it had over the years (rpm.org, "Database"), told apart by what
//! the files begin with:
//!
//! | file | form | written by |
//! |---|---|---|
//! | `Packages` | [Berkeley DB](bdb) | Red Hat 8 and older, SUSE 12, Amazon Linux 2, Photon 4 |
//! | `Packages.db` | [NDB](ndb) | SUSE 15 |
//! | `rpmdb.sqlite` | [SQLite](sqlite) with its [log](wal) | all others today |
//!
//! Each form yields the same [headers](header), one a package. No library of any of them parses here.

mod bdb;
mod blocks;
mod header;
mod ndb;
mod row;
mod sqlite;
#[cfg(test)]
mod tests;
mod wal;

use std::io;

use super::{Cataloguer, Member, Told, Wanted};
use crate::record::PackageTable;
use blocks::Blocks;
use header::Header;
pub(super) use header::{full_version, source_package};

/// Reads rpm's database.
pub(super) struct Rpm;

/// Takes one package's header with the number of its row (0 where a form has none), or why it could not be read.
type Each<'a> = dyn FnMut(u64, Result<&[u8], &io::Error>) + 'a;

impl Cataloguer for Rpm {
    fn id(&self) -> &'static str {
        "rpm"
    }

    fn wanted(&self) -> &'static [Wanted] {
        &[
            Wanted::At("usr/lib/sysimage/rpm/rpmdb.sqlite"),
            Wanted::At("usr/lib/sysimage/rpm/rpmdb.sqlite-wal"),
            Wanted::At("usr/lib/sysimage/rpm/Packages.db"),
            Wanted::At("usr/lib/sysimage/rpm/Packages"),
            Wanted::At("usr/share/rpm/rpmdb.sqlite"),
            Wanted::At("usr/share/rpm/rpmdb.sqlite-wal"),
            Wanted::At("usr/share/rpm/Packages.db"),
            Wanted::At("usr/share/rpm/Packages"),
            Wanted::At("var/lib/rpm/rpmdb.sqlite"),
            Wanted::At("var/lib/rpm/rpmdb.sqlite-wal"),
            Wanted::At("var/lib/rpm/Packages.db"),
            Wanted::At("var/lib/rpm/Packages"),
        ]
    }

    fn catalogue(&self, member: &mut Member<'_>, told: &mut Told) {
        // A log that was emptied, or a database that was never written to.
        if member.size == 0 {
            return;
        }
        let size = member.size;
        let mut blocks = Blocks::new(member.content(), size);
        if let Err(error) = read(&mut blocks, told) {
            told.warn(format!("reading stopped: {error}"));
        }
    }
}

fn read(blocks: &mut Blocks<'_>, told: &mut Told) -> io::Result<()> {
    let start = blocks.at(0, bdb::START)?;
    let mut rows = Vec::new();
    let mut each = |row, header: Result<&[u8], &io::Error>| match header {
        Ok(header) if tell(header, told) => rows.push(row),
        Ok(_) => {}
        Err(error) => told.warn(format!("a package could not be read: {error}")),
    };
    if start == sqlite::MAGIC {
        let table = sqlite::headers(blocks, &mut each)?;
        told.package_table(PackageTable { rows, ..table });
        Ok(())
    } else if start.starts_with(ndb::MAGIC) {
        ndb::headers(blocks, &mut each)
    } else if bdb::is_it(&start) {
        bdb::headers(blocks, &mut each)
    } else if wal::is_it(&start) {
        if let Some(table) = wal::headers(blocks, &mut each)? {
            told.package_table(PackageTable { rows, ..table });
        }
        Ok(())
    } else {
        Err(blocks::corrupt("it is no database of rpm's in a form that is known"))
    }
}

/// Whether it is a package that counts.
fn tell(header: &[u8], told: &mut Told) -> bool {
    let header = match Header::parse(header) {
        Ok(header) => header,
        Err(reason) => {
            told.warn(reason);
            return false;
        }
    };
    let Some(package) = header.package() else {
        told.warn("a package has no name or no version");
        return false;
    };
    // How rpm keeps the keys that it trusts.
    if package.name == "gpg-pubkey" {
        return false;
    }
    let owns = header.owns(&package);
    let is_told = package.check().is_ok();
    told.package(package);
    told.owns(owns);
    is_told
}
