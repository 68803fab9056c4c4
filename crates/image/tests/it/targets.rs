//! What a target means is told by its text alone.

use image::{Reference, Target};

fn reference(text: &str) -> Reference {
    text.parse().unwrap()
}

#[test]
fn a_prefix_says_where_to_look() {
    for (text, target) in [
        ("debian:12", Target::Reference(reference("debian:12"))),
        ("localhost:5000/a", Target::Reference(reference("localhost:5000/a"))),
        ("docker", Target::Reference(reference("docker"))),
        ("podman:localhost/app:1", Target::Podman("localhost/app:1".parse().unwrap())),
        ("podman:46b7b9085da3", Target::Podman("46b7b9085da3".parse().unwrap())),
        ("containers-storage:app", Target::Podman("app".parse().unwrap())),
        ("containerd:debian:12", Target::Containerd { name: "debian:12".parse().unwrap(), namespace: None }),
        (
            "containerd:debian:12@k8s.io",
            Target::Containerd { name: "debian:12".parse().unwrap(), namespace: Some("k8s.io".into()) },
        ),
        (
            "containerd:a@sha256:1111111111111111111111111111111111111111111111111111111111111111",
            Target::Containerd {
                name: "a@sha256:1111111111111111111111111111111111111111111111111111111111111111".parse().unwrap(),
                namespace: None,
            },
        ),
        ("Docker:debian:12", Target::Engine(reference("debian:12"))),
        ("docker:debian:12", Target::Engine(reference("debian:12"))),
        ("registry:ghcr.io/a/b", Target::Registry(reference("ghcr.io/a/b"))),
        ("oci:./layout", Target::OciLayout { folder: "./layout".into(), tag: None }),
        ("oci:/srv/l:v1", Target::OciLayout { folder: "/srv/l".into(), tag: Some("v1".into()) }),
        (
            "oci:l:docker.io/library/a:1",
            Target::OciLayout { folder: "l".into(), tag: Some("docker.io/library/a:1".into()) },
        ),
        ("docker-archive:a.tar", Target::DockerArchive { file: Some("a.tar".into()), image: None }),
        (
            "docker-archive:a.tar:app:1",
            Target::DockerArchive { file: Some("a.tar".into()), image: Some("app:1".into()) },
        ),
        ("docker-archive:-", Target::DockerArchive { file: None, image: None }),
        ("oci-archive:a.tar:v1", Target::DockerArchive { file: Some("a.tar".into()), image: Some("v1".into()) }),
        ("dir:/", Target::Folder("/".into())),
        ("dir:a:b", Target::Folder("a:b".into())),
        ("sbom:./bom.json", Target::PackageList(Some("./bom.json".into()))),
        ("SBOM:-", Target::PackageList(None)),
    ] {
        assert_eq!(text.parse::<Target>().unwrap(), target, "{text}");
        assert_eq!(target.to_string().parse::<Target>().unwrap(), target, "{text}");
    }
}

#[test]
fn what_is_no_target_is_refused_with_what_to_write() {
    let refusal = |text: &str| text.parse::<Target>().unwrap_err().to_string();
    insta::assert_snapshot!(
        ["", "oci:", "docker:", "docker-archive:", "docker-archive::x", "./image.tar", "/srv/layout",
         "docker://debian", "docker-daemon:debian:12", "oci-archive::x", "dir:", "sbom:", "podman:", "nerdctl:a/b", "containerd:A"].map(refusal).join("\n"),
        @r#"
        "" is not an image reference: it is empty; write a name such as debian:12
        oci: needs a folder behind the colon, for example oci:./layout:latest
        docker: needs a name behind the colon, for example docker:debian:12
        docker-archive: needs a file behind the colon, for example docker-archive:image.tar
        docker-archive: needs a file behind the colon, for example docker-archive:image.tar
        "./image.tar" is a path; write docker-archive:./image.tar or sbom:./image.tar for a file, oci:./image.tar for an image layout, dir:./image.tar for any other folder
        "/srv/layout" is a path; write docker-archive:/srv/layout or sbom:/srv/layout for a file, oci:/srv/layout for an image layout, dir:/srv/layout for any other folder
        "//debian" is not an image reference: the repository's name has an empty part; parts are separated by a single slash
        docker-daemon: is not read here; write docker:NAME for the local engine
        oci-archive: needs a file behind the colon, for example oci-archive:image.tar
        dir: needs a folder behind the colon, for example dir:/srv/app
        sbom: needs a file behind the colon, for example sbom:bom.json
        podman: needs a name or an id behind the colon, for example podman:localhost/app:1
        nerdctl: is not read here; write containerd:NAME@default, or another namespace of nerdctl's behind the @
        "A" is not an image reference: a repository's name must be lower case; write "a"
        "#
    );
}

#[test]
fn an_image_that_is_called_like_a_prefix_can_be_hinted_at() {
    assert_eq!(Target::other_reading("registry:2"), Some(reference("docker.io/library/registry:2")));
    assert_eq!(Target::other_reading("podman:5"), Some(reference("docker.io/library/podman:5")));
    assert_eq!(Target::other_reading("docker:debian:12"), None);
    assert_eq!(Target::other_reading("debian:12"), None);
}
