//! One module a package format.
//!
//! A [`Cataloguer`] says which files it wants ([`Wanted`]) and reads one of them at a time, inside the sealed worker,
//! from bytes that somebody else chose: it has bounds on everything that it keeps, never panics, and a record that it
//! cannot read costs that record and a warning, not the file.
//!
//! # Adding a format
//!
//! 1. A new file here with a unit struct that implements [`Cataloguer`], with its tests and hostile input beside it.
//! 2. One line in [`ALL`], at its end: a layer's record names cataloguers by [`Cataloguer::id`], the worker's
//!    protocol by their place in that table.
//!
//! A format whose versions no [`PackageKind`](crate::PackageKind) orders yet needs its variant there, and the
//! compiler then asks for its line in `purl.rs`. Raise [`VERSION`]; the kept records are then made anew.

mod alpm;
mod apk;
mod composer;
mod conda;
mod content_manifest;
mod copyright;
mod deb822;
mod dotnet;
mod dpkg;
mod executable;
mod gem;
mod java;
mod lines;
mod member;
mod npm;
mod os_release;
mod python;
mod release_files;
mod rpm;
mod rpm_manifest;
mod third_parties;
mod told;
mod wanted;
mod zip;

pub(crate) use member::sought;
pub use member::{Content, Member};
pub use told::Told;
pub(crate) use told::clip;
pub use wanted::Wanted;

/// Version of all cataloguers together: raise it whenever any of them, or the shape of a layer's record, would
/// answer differently for the same bytes; records of other versions are made anew.
pub const VERSION: u32 = 7;

/// All cataloguers. A file that several want is read by each.
pub static ALL: &[&dyn Cataloguer] = &[
    &dpkg::Dpkg,
    &apk::Apk,
    &python::Python,
    &npm::Npm,
    &os_release::OsRelease,
    &rpm::Rpm,
    &alpm::Alpm,
    &rpm_manifest::RpmManifest,
    &dotnet::Dotnet,
    &java::Java,
    &gem::Gem,
    &composer::Composer,
    &conda::Conda,
    &executable::Executable,
    &copyright::Copyright,
    &content_manifest::ContentManifest,
];

/// Reads one package format.
pub trait Cataloguer: Sync {
    /// Its name in records and messages (`dpkg`). Never changed: records of other machines hold it.
    fn id(&self) -> &'static str;

    /// The files that it reads. Where several tell the same thing (`os-release`), the first that is there counts.
    fn wanted(&self) -> &'static [Wanted];

    /// Reads one file and says what it told.
    fn catalogue(&self, member: &mut Member<'_>, told: &mut Told);
}

/// The places in [`ALL`] of the cataloguers that want to read the file at `path` (relative to the image's root).
pub fn readers_of(path: &str) -> impl Iterator<Item = u8> + '_ {
    let indices = (0u8..).zip(ALL);
    indices
        .filter(|(_, cataloguer)| cataloguer.wanted().iter().any(|wanted| wanted.reads(path)))
        .map(|(index, _)| index)
}

/// The places in [`ALL`] of the cataloguers that want to read executables, wherever they are.
pub(crate) fn readers_of_executables() -> impl Iterator<Item = u8> {
    let indices = (0u8..).zip(ALL);
    indices.filter(|(_, cataloguer)| cataloguer.wanted().contains(&Wanted::Executable)).map(|(index, _)| index)
}

/// The cataloguer of that id; none where a later version of this program made the record.
pub fn by_id(id: &str) -> Option<&'static dyn Cataloguer> {
    ALL.iter().copied().find(|cataloguer| cataloguer.id() == id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique() {
        for (index, cataloguer) in ALL.iter().enumerate() {
            assert!(ALL[index + 1..].iter().all(|other| other.id() != cataloguer.id()), "{}", cataloguer.id());
        }
    }

    #[test]
    fn a_file_is_read_by_those_who_want_it_and_by_nobody_else() {
        let ids = |path| readers_of(path).map(|index| ALL[usize::from(index)].id()).collect::<Vec<_>>();
        assert_eq!(ids("var/lib/dpkg/status"), ["dpkg"]);
        assert_eq!(ids("data/dpkg/status"), ["dpkg"], "a link may lead there");
        assert_eq!(ids("var/lib/dpkg/status.d/tzdata"), ["dpkg"]);
        assert_eq!(ids("usr/lib/apk/db/installed"), ["apk"]);
        assert_eq!(ids("app/node_modules/@babel/core/package.json"), ["npm"]);
        assert_eq!(ids("venv/lib/python3.11/site-packages/idna-3.4.dist-info/METADATA"), ["python"]);
        assert_eq!(ids("venv/lib/python3.11/site-packages/idna-3.4-py3.11.egg"), ["python"]);
        assert_eq!(ids("usr/share/nodejs/@babel/core/package.json"), ["npm"]);
        assert_eq!(ids("app/app.deps.json"), ["dotnet"]);
        assert_eq!(ids("opt/tomcat/webapps/a.war"), ["java"]);
        assert_eq!(ids("usr/lib/ruby/gems/3.1.0/specifications/default/json-2.6.1.gemspec"), ["gem"]);
        assert_eq!(ids("var/www/vendor/composer/installed.json"), ["composer"]);
        assert_eq!(ids("opt/conda/conda-meta/zlib-1.2.13-h5eee18b_0.json"), ["conda"]);
        assert_eq!(ids("usr/lib/os-release"), ["os-release"]);
        assert_eq!(ids("usr/share/doc/libc6/copyright"), ["copyright"]);
        assert_eq!(ids("root/buildinfo/content_manifests/ubi8.json"), ["content-manifest"]);
        assert!(ids("app/package.json").is_empty());
        assert!(ids("usr/bin/python3").is_empty());
    }
}
