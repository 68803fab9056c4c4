//! What a worker that was taken over may write into its pipe.
#![no_main]

use inventory::worker::protocol::{Reply, Request, decode, frame, read_frame};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(reply) = decode::<Reply>(bytes) {
        if let Reply::Answer(answer) = &reply {
            let readers: Vec<u8> = answer.told.iter().map(|told| told.reader).collect();
            let _ = answer.check(answer.ticket, &readers);
            answer.check(answer.ticket.wrapping_add(1), &readers).unwrap_err();
        }
        assert_eq!(decode::<Reply>(&frame(&reply).unwrap()[4..]).unwrap(), reply);
    }
    let (mut stream, mut buffer) = (bytes, Vec::new());
    while let Ok(Some(_)) = read_frame::<Request>(&mut stream, &mut buffer, 1 << 16) {}
});
