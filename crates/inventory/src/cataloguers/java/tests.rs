//! Archives as builds make them, and archives that are made to harm.

use std::io::{Cursor, Write};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;
use crate::record::Fact;

fn zipped(files: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        writer.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn jar(files: &[(&str, &str)]) -> Vec<u8> {
    let files: Vec<_> = files.iter().map(|(name, content)| (*name, content.as_bytes())).collect();
    zipped(&files, CompressionMethod::Deflated)
}

fn properties(group: &str, artifact: &str, version: &str) -> String {
    format!("version={version}\ngroupId={group}\nartifactId={artifact}\n")
}

/// `name@version`, and where inside the file behind it.
fn read_at(path: &str, bytes: &[u8]) -> (Vec<String>, Vec<String>) {
    let mut told = Told::default();
    let mut content = Cursor::new(bytes);
    Java.catalogue(&mut Member::new(path, bytes.len() as u64, &mut content), &mut told);
    let (facts, warnings) = told.into_parts();
    let named = |fact| match fact {
        Fact::Package(package) => {
            let inside = package.inside.map(|inside| format!(" in {inside}")).unwrap_or_default();
            format!("{}@{}{inside}", package.name, package.version)
        }
        other => panic!("{other:?}"),
    };
    (facts.into_iter().map(named).collect(), warnings)
}

fn packages(path: &str, bytes: &[u8]) -> Vec<String> {
    let (packages, warnings) = read_at(path, bytes);
    assert_eq!(warnings, [""; 0]);
    packages
}

#[test]
fn each_project_that_is_shaded_into_an_archive_is_a_package() {
    let shaded = jar(&[
        ("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\nImplementation-Version: 9.9\n"),
        ("META-INF/maven/org.example/tool/pom.properties", &properties("org.example", "tool", "2.0")),
        ("META-INF/maven/com.google.guava/guava/pom.properties", &properties("com.google.guava", "guava", "19.0")),
        ("META-INF/maven/com.google.guava/guava/pom.xml", "<project><version>18.0</version></project>"),
        ("org/example/Main.class", ""),
    ]);
    let both = ["com.google.guava:guava@19.0", "org.example:tool@2.0"];
    assert_eq!(packages("app/tool-2.0.jar", &shaded), both);
    assert_eq!(packages("app/renamed.jar", &shaded), both, "its name says nothing else");
}

#[test]
fn an_archive_that_shades_others_and_was_not_built_by_maven_is_there_too() {
    let shaded = jar(&[
        ("META-INF/MANIFEST.MF", "Implementation-Title: org.elasticsearch#server;7.10.0\n"),
        ("META-INF/maven/com.google.guava/guava/pom.properties", &properties("com.google.guava", "guava", "19.0")),
    ]);
    let both = ["com.google.guava:guava@19.0", "org.elasticsearch:elasticsearch@7.10.0"];
    assert_eq!(packages("lib/elasticsearch-7.10.0.jar", &shaded), both);
}

#[test]
fn the_libraries_of_an_application_say_where_they_lie() {
    let log4j = jar(&[(
        "META-INF/maven/o/log4j-core/pom.properties",
        &properties("org.apache.logging.log4j", "log4j-core", "2.14.1"),
    )]);
    let spring = jar(&[("META-INF/MANIFEST.MF", "Implementation-Title: spring-core\n")]);
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        let war = zipped(
            &[("WEB-INF/lib/log4j-core-2.14.1.jar", &log4j), ("WEB-INF/lib/spring-core-5.3.20.jar", &spring)],
            method,
        );
        let ear = zipped(&[("shop.war", &war), ("APP-INF/lib/log4j-core-2.14.1.jar", &log4j)], method);
        assert_eq!(
            packages("opt/shop.ear", &ear),
            [
                "org.apache.logging.log4j:log4j-core@2.14.1 in shop.war!/WEB-INF/lib/log4j-core-2.14.1.jar",
                "org.springframework:spring-core@5.3.20 in shop.war!/WEB-INF/lib/spring-core-5.3.20.jar",
                "org.apache.logging.log4j:log4j-core@2.14.1 in APP-INF/lib/log4j-core-2.14.1.jar",
            ]
        );
    }
}

#[test]
fn the_manifest_and_the_file_name_tell_where_maven_does_not() {
    for (path, manifest, expected) in [
        (
            "a/zstd-jni-1.5.0-1.jar",
            "Bundle-SymbolicName: com.github.luben.zstd-jni",
            "com.github.luben:zstd-jni@1.5.0-1",
        ),
        ("a/cats-core_2.13-2.6.1.jar", "Implementation-Vendor-Id: org.typelevel", "org.typelevel:cats-core_2.13@2.6.1"),
        ("a/poi-scratchpad-5.2.0.jar", "", "org.apache.poi:poi-scratchpad@5.2.0"),
        (
            "tomcat/lib/catalina.jar",
            "Implementation-Title: Apache Tomcat\nImplementation-Version: 9.0.65",
            "org.apache.tomcat:tomcat-catalina@9.0.65",
        ),
        (
            "usr/share/java/tomcat9-tribes-9.0.70.jar",
            "Implementation-Title: Apache Tomcat\nBundle-SymbolicName: org.apache.tomcat-tribes",
            "org.apache.tomcat:tomcat-tribes@9.0.70",
        ),
        (
            "tomcat/lib/jasper-el.jar",
            "Implementation-Title: Apache Tomcat\nImplementation-Version: 9.0.65",
            "org.apache.tomcat:tomcat-jasper-el@9.0.65",
        ),
        ("a/spring-core.jar", "Implementation-Version: 5.3.20", "org.springframework:spring-core@5.3.20"),
        ("a/thing-1.0.jar", "Implementation-Vendor-Id: The Thing Company", "thing@1.0"),
    ] {
        let bytes = jar(&[("META-INF/MANIFEST.MF", &format!("{manifest}\n"))]);
        assert_eq!(packages(path, &bytes), [expected]);
    }
    let classes = jar(&[("io/example/A.class", ""), ("io/example/b/B.class", ""), ("other/C.class", "")]);
    assert_eq!(packages("a/thing-1.0.jar", &classes), ["io.example:thing@1.0"]);
}

#[test]
fn what_has_no_version_or_is_the_java_runtime_is_no_package() {
    let runtime = jar(&[(
        "META-INF/MANIFEST.MF",
        "Implementation-Title: Java Runtime Environment\nImplementation-Version: 1.8.0_292\nImplementation-Vendor-Id: com.sun\n",
    )]);
    assert!(packages("usr/lib/jvm/java-8/jre/lib/rt.jar", &runtime).is_empty());
    assert!(packages("app/app.jar", &jar(&[("com/example/Main.class", "")])).is_empty());
    let unresolved = properties("${project.groupId}", "x", "${project.version}");
    assert!(packages("app/x.jar", &jar(&[("META-INF/maven/g/x/pom.properties", &unresolved)])).is_empty());
}

#[test]
fn a_pom_alone_tells_with_the_folder_that_it_lies_in() {
    let pom = "<project><parent><version>7</version></parent><licenses><license><name>MIT</name></license></licenses></project>";
    assert_eq!(
        packages("a/x.jar", &jar(&[("META-INF/maven/org.example/thing/pom.xml", pom)])),
        ["org.example:thing@7"]
    );
    let fitting = jar(&[("META-INF/maven/org.example/thing/pom.xml", "<project/>")]);
    assert_eq!(packages("a/thing-1.2.jar", &fitting), ["org.example:thing@1.2"]);
}

#[test]
fn a_file_of_another_kind_with_the_same_ending_is_none_of_ours() {
    assert_eq!(read_at("a/backup.rar", b"Rar!\x1a\x07\x00"), (vec![], vec![]));
    assert_eq!(read_at("a/empty.jar", b""), (vec![], vec![]));
    let (_, warnings) = read_at("a/broken.jar", b"this is no archive at all");
    assert_eq!(warnings, ["it is no zip archive, or its end is missing"]);
}

#[test]
fn a_broken_library_costs_itself_and_says_where_it_lies() {
    let good = jar(&[("META-INF/maven/g/a/pom.properties", &properties("g", "a", "1"))]);
    let war =
        zipped(&[("WEB-INF/lib/bad.jar", b"nonsense"), ("WEB-INF/lib/good.jar", &good)], CompressionMethod::Deflated);
    let (packages, warnings) = read_at("x.war", &war);
    assert_eq!(packages, ["g:a@1 in WEB-INF/lib/good.jar"]);
    assert_eq!(warnings, ["WEB-INF/lib/bad.jar: it is no zip archive, or its end is missing"]);
}

#[test]
fn archives_without_end_in_archives_are_left_out() {
    let mut bytes = jar(&[("META-INF/maven/g/a/pom.properties", &properties("g", "a", "1"))]);
    for _ in 0..8 {
        bytes = zipped(&[("a.jar", &bytes)], CompressionMethod::Stored);
    }
    let (packages, warnings) = read_at("x.war", &bytes);
    assert!(packages.is_empty());
    let place = "a.jar!/".repeat(DEEPEST);
    assert_eq!(warnings, [format!("{place}a.jar: not read, it lies 5 archives deep")]);
}

/// Each level holds the one below it several times: the budget ends it, and what was found before counts.
#[test]
fn archives_that_multiply_end_with_the_budget() {
    let mut bytes = jar(&[
        ("META-INF/maven/g/a/pom.properties", &properties("g", "a", "1")),
        ("META-INF/MANIFEST.MF", &" ".repeat(1 << 20)),
    ]);
    for _ in 0..4 {
        let names = ["1.jar", "2.jar", "3.jar", "4.jar", "5.jar", "6.jar", "7.jar", "8.jar"];
        let files: Vec<_> = names.iter().map(|name| (*name, &bytes[..])).collect();
        bytes = zipped(&files, CompressionMethod::Stored);
    }
    let mut told = Told::default();
    let budget = Budget::new(8 << 20, 100_000);
    let mut content = Cursor::new(&bytes);
    Reading { budget: &budget, told: &mut told }.archive(&mut content, bytes.len() as u64, "x.jar", &[]).unwrap_err();
    let (facts, warnings) = told.into_parts();
    assert!(!facts.is_empty() && facts.len() < 100, "{}", facts.len());
    assert!(warnings[0].ends_with("it inflates to more than may be read of one file"), "{warnings:?}");
}
