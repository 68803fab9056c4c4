//! Only the privileged binary links what runs containers.

use std::process::Command;

/// This test program links the library and nothing of the binary, as `plimsoll` does.
#[test]
fn the_library_links_no_container_runtime() {
    let libraries = |program: &std::path::Path| {
        let output = Command::new("ldd").arg(program).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let own = libraries(&std::env::current_exe().unwrap());
    assert!(own.contains("libc.so") && !own.contains("libseccomp"), "{own}");
    // The control: the binary does.
    let binary = libraries(std::path::Path::new(crate::house::program()));
    assert!(binary.contains("libseccomp"), "{binary}");
}
