//! Descriptors and folders of the privileged side, which a container must not reach (CVE-2019-5736, CVE-2024-21626).

use crate::house::{BUSYBOX, House, can_run, diff_id};

/// Above what the shim has open while it makes a container.
const DESCRIPTORS: std::ops::Range<u32> = 3..40;

#[test]
fn a_program_is_not_found_through_a_descriptor_of_the_host() {
    if !can_run() {
        return;
    }
    let house = House::new();
    // In the folder of all layers, of which the shim has a descriptor, and out of it.
    let layer = diff_id(&BUSYBOX);
    for path in [format!("{}/bin/busybox", layer.folder()), "../../../../../../bin/busybox".into()] {
        for descriptor in DESCRIPTORS {
            let mut request = house.request(&[], "");
            request.args = vec![format!("/proc/self/fd/{descriptor}/{path}"), "true".into()];
            let outcome = house.run_request(&request);
            assert!(outcome.is_err(), "{:?}: {outcome:?}", request.args);
        }
    }
}

#[test]
fn a_process_does_not_start_in_a_folder_of_the_host() {
    if !can_run() {
        return;
    }
    let house = House::new();
    for descriptor in DESCRIPTORS {
        let mut request = house.request(&[], "ls; ls ..");
        request.cwd = format!("/proc/self/fd/{descriptor}");
        let outcome = house.run_request(&request);
        assert!(outcome.is_err(), "{}: {outcome:?}", request.cwd);
    }
}
