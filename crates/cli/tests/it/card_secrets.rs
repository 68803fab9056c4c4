//! PIN, PUK and management key of a card, changed at a terminal: over a real PC/SC daemon and a virtual card.

use virtual_card::pcscd::Pcscd;
use virtual_card::reader::Slot;
use virtual_card::{Card, Firmware};

use crate::plimsoll::{Ended, Home};

const PIN: &str = "246810";
const OTHER_PIN: &str = "97531864";
const PUK: &str = "13579135";
const OTHER_PUK: &str = "86420864";

/// A card in its reader, and a home to call the program in.
struct Desk {
    home: Home,
    pcscd: Pcscd,
    _slot: Slot,
}

impl Desk {
    /// None where there is no daemon.
    fn with(card: Card) -> Option<Self> {
        let pcscd = Pcscd::start_for_test()?;
        let mut slot = pcscd.slot(0);
        slot.insert(card).unwrap();
        Some(Self { home: Home::new(), pcscd, _slot: slot })
    }

    /// Calls `plimsoll key VERB` at a terminal; gives what it showed.
    fn key(&self, verb: &str, typed: &[(&str, &str)]) -> Ended {
        let socket = self.pcscd.socket();
        let ended =
            self.home.type_into_with(&["key", verb], typed, &[("PCSCLITE_CSOCK_NAME", socket.to_str().unwrap())]);
        for (_, secret) in typed {
            assert!(!ended.stdout.contains(secret), "a secret is shown: {}", ended.stdout);
        }
        ended
    }
}

#[test]
fn what_is_from_the_factory_is_changed_once() {
    let Some(desk) = Desk::with(Card::new(Firmware::V5_4, 4711)) else { return };
    let typed = [("New PIN", PIN), ("again", PIN), ("New PUK", PUK), ("again", PUK)];
    let shown = desk.key("protect", &typed).with(0).stdout;
    assert!(shown.contains("changed of YubiKey 4711: PIN, PUK, management key"), "{shown}");
    let shown = desk.key("protect", &[]).with(0).stdout;
    assert!(shown.contains("nothing of YubiKey 4711 was from the factory"), "{shown}");
}

#[test]
fn pin_and_puk_change_for_who_knows_the_present_one_and_a_wrong_one_costs_a_try() {
    let Some(desk) = Desk::with(Card::new(Firmware::V5_4, 4711)) else { return };
    let shown = desk.key("change-pin", &[("3 tries left", "111222"), ("New PIN", PIN), ("again", PIN)]).with(2).stdout;
    assert!(shown.contains("2 tries are left"), "{shown}");
    let typed = [("2 tries left", "123456"), ("New PIN", PIN), ("again", PIN)];
    let shown = desk.key("change-pin", &typed).with(0).stdout;
    assert!(shown.contains("changed the PIN of YubiKey 4711"), "{shown}");
    // What differs is asked for again; what is right once has all tries.
    let typed =
        [("3 tries left", PIN), ("New PIN", OTHER_PIN), ("again", PIN), ("New PIN", OTHER_PIN), ("again", OTHER_PIN)];
    let shown = desk.key("change-pin", &typed).with(0).stdout;
    assert!(shown.contains("differ"), "{shown}");
    let typed = [("PUK", "12345678"), ("New PUK", PUK), ("again", PUK)];
    desk.key("change-puk", &typed).with(0);
    let typed = [("PUK", "12345678"), ("New PUK", OTHER_PUK), ("again", OTHER_PUK)];
    let shown = desk.key("change-puk", &typed).with(2).stdout;
    assert!(shown.contains("2 tries are left"), "{shown}");
}

#[test]
fn a_blocked_pin_is_opened_by_the_puk_and_a_blocked_puk_is_explained() {
    let Some(desk) = Desk::with(Card::new(Firmware::V5_4, 4711)) else { return };
    for left in ["3 tries left", "2 tries left", "LAST try"] {
        desk.key("change-pin", &[(left, "111222"), ("New PIN", PIN), ("again", PIN)]).with(2);
    }
    let shown = desk.key("change-pin", &[]).with(2).stdout;
    assert!(shown.contains("plimsoll key unblock-pin"), "the way out is named: {shown}");
    let typed = [("PUK", "12345678"), ("New PIN", PIN), ("again", PIN)];
    let shown = desk.key("unblock-pin", &typed).with(0).stdout;
    assert!(shown.contains("set a new PIN of YubiKey 4711"), "{shown}");
    desk.key("change-pin", &[("3 tries left", PIN), ("New PIN", OTHER_PIN), ("again", OTHER_PIN)]).with(0);
    for _ in 0..3 {
        desk.key("unblock-pin", &[("PUK", "87654321"), ("New PIN", PIN), ("again", PIN)]).with(2);
    }
    let shown = desk.key("unblock-pin", &[]).with(2).stdout;
    assert!(shown.contains("reset"), "what is left to do is said: {shown}");
}

#[test]
fn without_a_terminal_nothing_is_changed() {
    let Some(desk) = Desk::with(Card::new(Firmware::V5_4, 4711)) else { return };
    let socket = desk.pcscd.socket();
    let surroundings = [("PCSCLITE_CSOCK_NAME", socket.to_str().unwrap()), ("PLIMSOLL_PIN", "123456")];
    for verb in ["protect", "change-pin", "change-puk", "unblock-pin"] {
        let said = desk.home.run_with(&["key", verb], &surroundings).with(2).stderr;
        assert!(said.contains("terminal"), "{verb}: {said}");
    }
    desk.key("change-pin", &[("3 tries left", "123456"), ("New PIN", PIN), ("again", PIN)]).with(0);
}
