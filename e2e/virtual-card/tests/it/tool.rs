//! Yubico's own tool.

use virtual_card::pcscd::Pcscd;
use virtual_card::{Card, Firmware};

#[test]
fn each_firmware_tells_its_version_and_serial() {
    let Some(pcscd) = Pcscd::start_for_test() else { return };
    let mut slot = pcscd.slot(0);
    for firmware in Firmware::ALL {
        slot.insert(Card::new(firmware, 12_345_678)).unwrap();
        let output = pcscd.command("yubico-piv-tool").args(["-a", "status"]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}");
        assert!(said.contains(&format!("Version:\t{firmware}")), "{said}");
        assert!(said.contains("Serial Number:\t12345678"), "{said}");
        slot.eject().unwrap();
    }
}
