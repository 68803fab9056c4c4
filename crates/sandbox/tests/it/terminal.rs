//! A container with a terminal.

use std::io::{Read as _, Write as _};

use sandbox::{Exit, Stdio, TerminalSize};

use crate::house::{House, can_run};

#[test]
fn a_terminal_has_the_size_that_it_is_told_and_ends_with_the_container() {
    if !can_run() {
        return;
    }
    let house = House::new();
    let mut request =
        house.request(&[], "stty size; test -t 0 && test -t 1 && echo terminal; read line; echo got $line; stty size");
    request.terminal = Some(TerminalSize { rows: 33, columns: 101 });
    let mut container = house.broker.create(&request).unwrap();
    let controls = container.controls().unwrap();
    let Some(Stdio::Terminal(mut master)) = container.take_stdio() else { panic!("no terminal") };
    container.start().unwrap();
    let mut seen = String::new();
    read_until(&mut master, "terminal\r\n", &mut seen);
    assert!(seen.contains("33 101"), "{seen:?}");
    controls.resize(TerminalSize { rows: 40, columns: 90 }).unwrap();
    // Sizes and keys go different ways.
    while rustix::termios::tcgetwinsize(&master).unwrap().ws_row != 40 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    master.write_all(b"hello\n").unwrap();
    read_until(&mut master, "40 90", &mut seen);
    assert!(seen.contains("got hello") && seen.contains("40 90"), "{seen:?}");
    assert_eq!(container.wait().unwrap(), Exit::Code(0));
}

/// Reads until a text has come, or the terminal has ended.
fn read_until(master: &mut std::fs::File, text: &str, seen: &mut String) {
    let mut buffer = [0; 256];
    while !seen.contains(text) {
        match master.read(&mut buffer) {
            Ok(length) if length > 0 => seen.push_str(&String::from_utf8_lossy(&buffer[..length])),
            _ => break,
        }
    }
}

#[test]
fn interrupt_from_the_keyboard_reaches_the_programs() {
    if !can_run() {
        return;
    }
    let house = House::new();
    let mut request =
        house.request(&[], "trap 'echo interrupted; exit 5' INT; echo ready; while :; do sleep 0.05; done");
    request.terminal = Some(TerminalSize::default());
    let mut container = house.broker.create(&request).unwrap();
    let Some(Stdio::Terminal(mut master)) = container.take_stdio() else { panic!("no terminal") };
    container.start().unwrap();
    let mut ready = [0; 7];
    master.read_exact(&mut ready).unwrap();
    master.write_all(&[3]).unwrap();
    assert_eq!(container.wait().unwrap(), Exit::Code(5));
}
