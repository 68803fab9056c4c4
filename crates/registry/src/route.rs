//! Paths under `/v2/` (distribution-spec, "Endpoints"), parsed into types.
//!
//! A repository's name has slashes of its own, so that a path is read from its end.

use image::Digest;
use percent_encoding::percent_decode_str;

use crate::error::{Code, Refusal};
use crate::names::{ManifestReference, RepositoryName, parse_digest};
use crate::uploads::UploadId;

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/v2/`: is this a registry?
    Base,
    /// `/v2/_catalog`
    Catalog,
    /// `/v2/NAME/tags/list`
    Tags(RepositoryName),
    /// `/v2/NAME/manifests/REFERENCE`
    Manifest(RepositoryName, ManifestReference),
    /// `/v2/NAME/blobs/DIGEST`
    Blob(RepositoryName, Digest),
    /// `/v2/NAME/blobs/uploads/`
    Uploads(RepositoryName),
    /// `/v2/NAME/blobs/uploads/ID`
    Upload(RepositoryName, UploadId),
    /// `/v2/NAME/referrers/DIGEST`
    Referrers(RepositoryName, Digest),
}

impl Route {
    /// Reads a path as it came, still percent-encoded.
    pub fn parse(path: &str) -> Result<Self, Refusal> {
        let unknown = || Refusal::new(Code::NameUnknown, "there is nothing at this path");
        let rest = match path {
            "/v2" | "/v2/" => return Ok(Self::Base),
            "/v2/_catalog" => return Ok(Self::Catalog),
            _ => path.strip_prefix("/v2/").ok_or_else(unknown)?,
        };
        // Only the last part may hold what clients escape (the colon of a digest). A name holds nothing of the kind, and
        // an escaped slash or dot in it is refused rather than understood.
        let (front, last) = rest.rsplit_once('/').ok_or_else(unknown)?;
        let last = percent_decode_str(last).decode_utf8().map_err(|_| unknown())?;
        let (name, kind) = front.rsplit_once('/').ok_or_else(unknown)?;
        match (kind, last.as_ref()) {
            ("tags", "list") => Ok(Self::Tags(name.parse()?)),
            ("manifests", reference) => Ok(Self::Manifest(name.parse()?, reference.parse()?)),
            ("blobs", "uploads") => Ok(Self::Uploads(name.parse()?)),
            ("uploads", id) if name.ends_with("/blobs") => {
                let name = name.trim_end_matches("/blobs").parse()?;
                if id.is_empty() { Ok(Self::Uploads(name)) } else { Ok(Self::Upload(name, id.parse()?)) }
            }
            ("blobs", digest) => Ok(Self::Blob(name.parse()?, parse_digest(digest)?)),
            ("referrers", digest) => Ok(Self::Referrers(name.parse()?, parse_digest(digest)?)),
            _ => Err(unknown()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(text: &str) -> RepositoryName {
        text.parse().unwrap()
    }

    #[test]
    fn each_endpoint_of_the_specification_is_understood() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let parsed: Digest = digest.parse().unwrap();
        assert_eq!(Route::parse("/v2/").unwrap(), Route::Base);
        assert_eq!(Route::parse("/v2").unwrap(), Route::Base);
        assert_eq!(Route::parse("/v2/_catalog").unwrap(), Route::Catalog);
        assert_eq!(Route::parse("/v2/a/b/tags/list").unwrap(), Route::Tags(name("a/b")));
        let by_tag = Route::Manifest(name("a"), "v1".parse().unwrap());
        assert_eq!(Route::parse("/v2/a/manifests/v1").unwrap(), by_tag);
        let escaped = Route::Manifest(name("a"), ManifestReference::Digest(parsed.clone()));
        assert_eq!(Route::parse(&format!("/v2/a/manifests/{}", digest.replace(':', "%3A"))).unwrap(), escaped);
        assert_eq!(Route::parse(&format!("/v2/a/b/blobs/{digest}")).unwrap(), Route::Blob(name("a/b"), parsed.clone()));
        assert_eq!(Route::parse("/v2/a/blobs/uploads/").unwrap(), Route::Uploads(name("a")));
        assert_eq!(Route::parse("/v2/a/blobs/uploads").unwrap(), Route::Uploads(name("a")));
        let id = "0123456789abcdef0123456789abcdef";
        let upload = Route::Upload(name("a/b"), id.parse().unwrap());
        assert_eq!(Route::parse(&format!("/v2/a/b/blobs/uploads/{id}")).unwrap(), upload);
        assert_eq!(Route::parse(&format!("/v2/a/referrers/{digest}")).unwrap(), Route::Referrers(name("a"), parsed));
    }

    #[test]
    fn names_that_look_like_endpoints_are_names() {
        assert_eq!(Route::parse("/v2/manifests/tags/list").unwrap(), Route::Tags(name("manifests")));
        assert_eq!(Route::parse("/v2/a/blobs/tags/list").unwrap(), Route::Tags(name("a/blobs")));
    }

    #[test]
    fn tricks_in_paths_are_refused() {
        for path in [
            "/v1/",
            "/v2/x",
            "/v2//tags/list",
            "/v2/../tags/list",
            "/v2/a/../../etc/tags/list",
            "/v2/%2e%2e/tags/list",
            "/v2/a%2fb/tags/list",
            "/v2/a/manifests/..%2f..%2fetc",
            "/v2/a/manifests/",
            "/v2/a/blobs/sha256:..",
            "/v2/a/blobs/uploads/../x",
            "/v2/a/manifests/%ff",
            "/v2/a/blobs/uploads/..%2fx",
            "/v2/a/b/c/d",
        ] {
            assert!(Route::parse(path).is_err(), "{path}");
        }
    }

    proptest! {
        #[test]
        fn any_path_is_answered(path in "(/v2)?[ -~é]{0,40}") {
            let _ = Route::parse(&path);
        }
    }
}
