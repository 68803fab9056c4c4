//! Kernel headers: packages that bear the kernel's source name and none of its code.
//!
//! An advisory about the kernel matches them by their source package, hundreds at a time, and there is nothing in a
//! container that could be attacked by one. They are findings all the same, and are shown as one row, after all others.

use inventory::{Package, PackageKind};

/// Whether a package holds headers, documentation or build tools of the kernel and no kernel.
pub fn is_kernel_headers(package: &Package) -> bool {
    let source = package.source.as_ref().map_or("", |source| source.name.as_str());
    let is_kernels = |name: &str| source == name || source.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'));
    let name = package.name.as_str();
    match package.kind {
        PackageKind::Deb => {
            let parts = ["linux-headers-", "linux-kbuild-", "linux-compiler-", "linux-doc", "linux-source-"];
            is_kernels("linux") && (name == "linux-libc-dev" || parts.iter().any(|part| name.starts_with(part)))
        }
        PackageKind::Rpm => {
            is_kernels("kernel")
                && (name == "kernel-headers" || name.starts_with("kernel-devel") || name.starts_with("kernel-doc"))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use inventory::package::SourcePackage;

    use super::*;

    #[test]
    fn headers_are_told_by_name_and_source_and_the_kernel_itself_is_none() {
        for (kind, name, source, expected) in [
            (PackageKind::Deb, "linux-libc-dev", "linux", true),
            (PackageKind::Deb, "linux-headers-6.1.0-18-common", "linux", true),
            (PackageKind::Deb, "linux-headers-6.8.0-31-generic", "linux-hwe-6.8", true),
            (PackageKind::Deb, "linux-image-6.1.0-18-amd64", "linux", false),
            (PackageKind::Deb, "linux-base", "linux-base", false),
            (PackageKind::Deb, "linux-libc-dev", "somebody-elses", false),
            (PackageKind::Rpm, "kernel-headers", "kernel", true),
            (PackageKind::Rpm, "kernel-core", "kernel", false),
            (PackageKind::Npm, "linux-libc-dev", "linux", false),
        ] {
            let source = Some(SourcePackage { name: source.into(), version: "1".into() });
            let package = Package { source, ..Package::new(kind, name, "1") };
            assert_eq!(is_kernel_headers(&package), expected, "{name}");
        }
    }
}
