//! Names are read as docker reads them. The names are those of distribution/reference's own tests.

use image::Reference;

fn parse(text: &str) -> Reference {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn refusal(text: &str) -> String {
    text.parse::<Reference>().expect_err(text).to_string()
}

#[test]
fn a_name_is_made_whole_and_shown_short_as_docker_does() {
    let digest = "@sha256:1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5d7c9b1a3f5e7d9c1b3a";
    for (text, whole, familiar) in [
        ("debian", "docker.io/library/debian:latest", "debian:latest"),
        ("debian:12", "docker.io/library/debian:12", "debian:12"),
        ("library/debian", "docker.io/library/debian:latest", "debian:latest"),
        ("docker/docker", "docker.io/docker/docker:latest", "docker/docker:latest"),
        ("docker.io/debian", "docker.io/library/debian:latest", "debian:latest"),
        ("docker.io/library/debian", "docker.io/library/debian:latest", "debian:latest"),
        ("docker.io/docker/docker", "docker.io/docker/docker:latest", "docker/docker:latest"),
        ("index.docker.io/debian", "docker.io/library/debian:latest", "debian:latest"),
        ("index.docker.io/docker/docker", "docker.io/docker/docker:latest", "docker/docker:latest"),
        ("127.0.0.1:5000/docker/docker", "127.0.0.1:5000/docker/docker:latest", "127.0.0.1:5000/docker/docker:latest"),
        ("127.0.0.1:5000/debian", "127.0.0.1:5000/debian:latest", "127.0.0.1:5000/debian:latest"),
        ("192.168.0.1", "docker.io/library/192.168.0.1:latest", "192.168.0.1:latest"),
        ("192.168.0.1:80", "docker.io/library/192.168.0.1:80", "192.168.0.1:80"),
        ("192.168.0.1:8/debian", "192.168.0.1:8/debian:latest", "192.168.0.1:8/debian:latest"),
        ("[fc00::1]:5000/docker", "[fc00::1]:5000/docker:latest", "[fc00::1]:5000/docker:latest"),
        ("[FC00:0:0::0001]:5000/docker", "[fc00::1]:5000/docker:latest", "[fc00::1]:5000/docker:latest"),
        ("[fc00::1]/docker", "[fc00::1]/docker:latest", "[fc00::1]/docker:latest"),
        ("localhost/foo", "localhost/foo:latest", "localhost/foo:latest"),
        ("localhost:5000/foo:v1.0", "localhost:5000/foo:v1.0", "localhost:5000/foo:v1.0"),
        ("localhost:5000", "docker.io/library/localhost:5000", "localhost:5000"),
        ("test.com:8080/a/b/c:T_a-g.1", "test.com:8080/a/b/c:T_a-g.1", "test.com:8080/a/b/c:T_a-g.1"),
        ("foo/foo_bar.com:8080", "docker.io/foo/foo_bar.com:8080", "foo/foo_bar.com:8080"),
        ("a__b/c--d/e.f", "docker.io/a__b/c--d/e.f:latest", "a__b/c--d/e.f:latest"),
        ("xn--n3h.com/myimage", "xn--n3h.com/myimage:latest", "xn--n3h.com/myimage:latest"),
        (
            "Registry.Example.COM/team/app",
            "registry.example.com/team/app:latest",
            "registry.example.com/team/app:latest",
        ),
    ] {
        let reference = parse(text);
        assert_eq!(reference.to_string(), whole, "{text}");
        assert_eq!(reference.familiar(), familiar, "{text}");
        assert_eq!(parse(&reference.familiar()), reference, "{text}");
        assert_eq!(parse(&reference.to_string()), reference, "{text}");
    }
    assert_eq!(parse(&format!("debian{digest}")).to_string(), format!("docker.io/library/debian{digest}"));
    let both = parse(&format!("debian:12{digest}"));
    assert_eq!(both.familiar(), format!("debian:12{digest}"));
    assert_eq!(both.tag_or_digest(), &digest[1..], "the digest decides");
}

#[test]
fn names_that_docker_refuses_are_refused() {
    for text in [
        "",
        ":justtag",
        "@sha256:1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5d7c9b1a3f5e7d9c1b3a",
        "repo@sha256:ffff",
        "validname@invaliddigest:1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5d7c9b1a3f5e7d9c1b3a",
        "https://github.com/docker/docker",
        "docker/Docker",
        "-docker",
        "-docker/docker",
        "-docker.io/docker/docker",
        "docker///docker",
        "docker.io/docker/Docker",
        "docker.io/docker///docker",
        "[fc00::1]",
        "[fc00::1]:5000",
        "fc00::1:5000/debian",
        "[fe80::1%eth0]:5000/debian",
        "[2001:db8:3:4::192.0.2.33]:5000/debian",
        "1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5d7c9b1a3f5e7d9c1b3a",
        "a//b",
        "a/-b",
        "a-/b",
        "a/b/",
        "/a",
        "test..com/x/y",
        "-test.com/foo",
        "test-.com/foo",
        "foo_bar.com/x",
        "test:5000/repo:tag with space",
        "debian: 12",
        "debian:",
        "debian:.12",
        "debian:-12",
        "debian:12:13",
        "a___b",
        "a..b",
        "a._b",
        "caf\u{e9}",
        "a/b\n",
        "host:port/x",
        "host:99999/x",
        "a@b@c",
    ] {
        let error = refusal(text);
        assert!(error.contains("is not an image reference"), "{text:?}: {error}");
    }
}

/// Each of these reaches 127.0.0.1 and is another name to a policy's pattern. Docker takes some of them.
#[test]
fn an_address_has_one_spelling() {
    for host in
        ["127.1", "127.0.1", "2130706433", "0x7f000001", "0x7F.0.0.1", "0177.0.0.1", "127.0.0.01", "127.0.0.1.2"]
    {
        let error = refusal(&format!("{host}:5000/app"));
        assert!(error.contains("four numbers"), "{host}: {error}");
    }
    assert!(refusal("[::ffff:7f00:1]:5000/app").contains("write that"));
    for host in ["127.0.0.1", "1.example.com", "0x7f.example.com", "a1.b2"] {
        parse(&format!("{host}:5000/app"));
    }
}

#[test]
fn lengths_are_bounded_as_in_docker() {
    let longest = format!("{}a", "a/".repeat(127));
    assert_eq!(longest.len(), 255);
    assert!(longest.parse::<Reference>().is_ok());
    assert!(refusal(&format!("a/{longest}")).contains("longer than 255"));
    let word = "a".repeat(247);
    assert!(word.parse::<Reference>().is_ok());
    assert!(refusal(&"a".repeat(248)).contains("longer than 255"), "library/ counts");
    assert!(format!("debian:{}", "t".repeat(128)).parse::<Reference>().is_ok());
    assert!(refusal(&format!("debian:{}", "t".repeat(129))).contains("128"));
    assert!(refusal(&"x:".repeat(100_000)).len() < 1000, "a long text is not repeated whole");
}

#[test]
fn a_digest_alone_is_no_image() {
    let digest = format!("sha256:{}", "1a3f5e7d".repeat(8));
    assert!(refusal(&digest).contains(&format!("NAME@{digest}")));
    // Names that only look so.
    assert!("sha256:latest".parse::<Reference>().is_ok() && "python3.9:3".parse::<Reference>().is_ok());
}

#[test]
fn a_refusal_says_what_to_write_instead() {
    insta::assert_snapshot!(
        ["Debian:12", "docker/Docker", "https://ghcr.io/a/b", "MyTeam/app", "debian:", "a//b", "host:port/x", "_x",
         "1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5d7c9b1a3f5e7d9c1b3a"].map(refusal).join("\n"),
        @r#"
        "Debian:12" is not an image reference: a repository's name must be lower case; write "debian"
        "docker/Docker" is not an image reference: a repository's name must be lower case; write "docker/docker"
        "https://ghcr.io/a/b" is not an image reference: a reference has no "https" before it; write "ghcr.io/a/b"
        "MyTeam/app" is not an image reference: a repository's name must be lower case; write "myteam/app"
        "debian:" is not an image reference: "" is not a tag; a tag has 1 to 128 letters, digits, '_', '.' or '-' and begins with neither '.' nor '-'
        "a//b" is not an image reference: the repository's name has an empty part; parts are separated by a single slash
        "host:port/x" is not an image reference: "host:port" is not a registry; a registry is HOST or HOST:PORT
        "_x" is not an image reference: "_x" is no part of a repository's name: it must begin and end with a letter or digit, with one '.', one or two '_' or any number of '-' between them
        "1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5d7c9b1a3f5e7d9c1b3a" is not an image reference: 64 hex digits are an image id, not a name; to name it by digest, write NAME@sha256:1a3f5e7d9c1b3a5f7e9d1c3b5a7f9e1d3c5b7a9f1e3d5d7c9b1a3f5e7d9c1b3a
        "#
    );
}

#[test]
fn a_repository_that_looks_like_a_registry_keeps_its_long_form() {
    let reference = parse("docker.io/example.com/app");
    assert_eq!(reference.registry, "docker.io");
    assert_eq!(reference.familiar(), "docker.io/example.com/app:latest");
    assert_eq!(parse(&reference.familiar()), reference);
}

#[test]
fn a_policy_sees_registry_and_repository_and_a_client_the_host_that_answers() {
    let reference = parse("debian:12");
    assert_eq!(reference.repository_name(), "docker.io/library/debian");
    assert_eq!(reference.registry_host(), "registry-1.docker.io");
    assert_eq!(parse("ghcr.io/a/b").registry_host(), "ghcr.io");
    let digest = image::Digest::sha256(b"x");
    let at = reference.at(digest.clone());
    assert_eq!((at.tag.as_ref(), at.digest.as_ref()), (None, Some(&digest)));
}

proptest::proptest! {
    #[test]
    fn whatever_is_taken_is_taken_again_in_both_forms(text in "[a-zA-Z0-9./:@_\\[\\]-]{0,40}") {
        if let Ok(reference) = text.parse::<Reference>() {
            proptest::prop_assert_eq!(&parse(&reference.to_string()), &reference);
            proptest::prop_assert_eq!(&parse(&reference.familiar()), &reference);
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,80}") {
        drop(text.parse::<Reference>());
        drop(text.parse::<image::Target>());
    }
}
