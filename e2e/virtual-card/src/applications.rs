//! The other applications of the device, as far as programs that look for PIV ask them.

use crate::apdu::{Answer, Command, Status};
use crate::firmware::Firmware;
use crate::tlv;

/// OTP: where firmware 4 tells its serial number.
pub(crate) const OTP: [u8; 8] = [0xa0, 0, 0, 5, 0x27, 0x20, 1, 1];
/// Management: version as text, and what the device is.
pub(crate) const MANAGEMENT: [u8; 8] = [0xa0, 0, 0, 5, 0x27, 0x47, 0x11, 0x17];

/// What OTP answers to being selected: version, programming sequence and touch level of its two slots, both empty.
pub(crate) fn otp_status(firmware: Firmware) -> Vec<u8> {
    [&firmware.version()[..], &[0, 0, 0]].concat()
}

/// OTP's API REQUEST, slot 10: the serial number.
pub(crate) fn otp(command: &Command, serial: u32) -> Answer {
    match (command.instruction, command.p1) {
        (0x01, 0x10) => Ok(serial.to_be_bytes().to_vec()),
        _ => Err(Status::UNKNOWN_INSTRUCTION),
    }
}

/// What management answers to being selected. `Virtual mgr` is Yubico's own word for it.
pub(crate) fn management_version(firmware: Firmware) -> Vec<u8> {
    format!("Virtual mgr - FW version {firmware}").into_bytes()
}

/// Management's READ CONFIG: a length, then fields.
pub(crate) fn management(command: &Command, firmware: Firmware, serial: u32) -> Answer {
    /// PIV and OTP are all that this device has.
    const CAPABILITIES: [u8; 2] = [0x00, 0x11];
    if (command.instruction, command.p1) != (0x1d, 0) {
        return Err(Status::UNKNOWN_INSTRUCTION);
    }
    let mut fields = Vec::new();
    tlv::put(&mut fields, &[0x01], &CAPABILITIES);
    tlv::put(&mut fields, &[0x02], &serial.to_be_bytes());
    tlv::put(&mut fields, &[0x03], &CAPABILITIES);
    tlv::put(&mut fields, &[0x04], &[1]);
    tlv::put(&mut fields, &[0x05], &firmware.version());
    fields.insert(0, fields.len() as u8);
    Ok(fields)
}
