//! Commands to a card and its answers, in short APDUs (ISO 7816-4 section 5): longer commands go in a chain, longer
//! answers are fetched in parts. Every PIV card must take both (SP 800-73-4 part 2, section 2.4); extended lengths are
//! not needed.

use zeroize::Zeroizing;

use super::status::Status;
use super::tlv::Writer;

/// The largest answer that is put together: PIV's objects have at most some 3 KiB.
const ANSWER_LIMIT: usize = 64 << 10;

/// The most data that one short APDU carries.
const PART: usize = 255;

/// "This is not yet the last part" in the class byte.
const CHAINED: u8 = 0x10;

/// GET RESPONSE.
const GET_RESPONSE: u8 = 0xc0;

/// What carries one APDU to a card and its answer back.
pub type Transmit<'a, E> = dyn FnMut(&[u8]) -> Result<Zeroizing<Vec<u8>>, E> + 'a;

/// A command; its data are wiped.
#[derive(Clone)]
pub struct Command {
    instruction: u8,
    parameters: [u8; 2],
    data: Zeroizing<Vec<u8>>,
}

/// What a card answered; wiped.
#[derive(Clone)]
pub struct Response {
    /// The data, of all parts.
    pub data: Zeroizing<Vec<u8>>,
    /// The last status word.
    pub status: Status,
}

/// An answer that breaks the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApduError {
    /// Less than a status word.
    #[error("it answered with less than a status word")]
    Short,
    /// More data than any object has.
    #[error("its answer has no end")]
    Endless,
    /// It wants again and again another length.
    #[error("it does not say which length it wants")]
    Lengths,
}

impl Command {
    /// A command without data.
    pub fn new(instruction: u8, first: u8, second: u8) -> Self {
        Self { instruction, parameters: [first, second], data: Zeroizing::default() }
    }

    pub(crate) fn with(mut self, data: Writer) -> Self {
        self.data = data.finish();
        self
    }

    /// The same with these bytes.
    #[must_use]
    pub fn with_bytes(self, bytes: &[u8]) -> Self {
        self.with(Writer::new().raw(bytes))
    }

    /// Sends it by `transmit`, which carries one APDU, in as many parts as it needs, and puts the answer together.
    pub fn exchange<E: From<ApduError>>(&self, transmit: &mut Transmit<'_, E>) -> Result<Response, E> {
        let mut parts = self.data.chunks(PART).peekable();
        let mut last = self.part(0, &[]);
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                last = self.part(0, part);
                break;
            }
            let answer = split(transmit(&self.part(CHAINED, part))?)?;
            if answer.status != Status::Success {
                return Ok(answer);
            }
        }
        collect(transmit, &last)
    }

    fn part(&self, class: u8, data: &[u8]) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(5 + PART));
        bytes.extend_from_slice(&[class, self.instruction, self.parameters[0], self.parameters[1]]);
        // Without data the fifth byte is the expected length, 0 for "all"; with data it is their length.
        bytes.push(data.len() as u8);
        bytes.extend_from_slice(data);
        bytes
    }
}

fn collect<E: From<ApduError>>(transmit: &mut Transmit<'_, E>, last: &[u8]) -> Result<Response, E> {
    let mut answer = split(transmit(last)?)?;
    if let (Status::WrongLength(length), [.., 0]) = (answer.status, last)
        && last.len() == 5
    {
        let mut again = Zeroizing::new(last.to_vec());
        again[4] = length;
        answer = split(transmit(&again)?)?;
    }
    let mut data = answer.data;
    while let Status::More(count) = answer.status {
        let part = split(transmit(&[0, GET_RESPONSE, 0, 0, count])?)?;
        if part.data.is_empty() && matches!(part.status, Status::More(_)) || data.len() > ANSWER_LIMIT {
            return Err(ApduError::Endless.into());
        }
        let mut both = Zeroizing::new(Vec::with_capacity(data.len() + part.data.len()));
        both.extend_from_slice(&data);
        both.extend_from_slice(&part.data);
        data = both;
        answer.status = part.status;
    }
    if let Status::WrongLength(_) = answer.status {
        return Err(ApduError::Lengths.into());
    }
    Ok(Response { data, status: answer.status })
}

fn split(mut bytes: Zeroizing<Vec<u8>>) -> Result<Response, ApduError> {
    let end = bytes.len().checked_sub(2).ok_or(ApduError::Short)?;
    let status = Status::from([bytes[end], bytes[end + 1]]);
    bytes.truncate(end);
    Ok(Response { data: bytes, status })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays the answers one after the other, and keeps what was sent.
    fn play(command: &Command, answers: &[&[u8]]) -> (Result<Response, ApduError>, Vec<Vec<u8>>) {
        let mut sent = Vec::new();
        let mut answers = answers.iter();
        let result = command.exchange(&mut |bytes: &[u8]| {
            sent.push(bytes.to_vec());
            Ok(Zeroizing::new(answers.next().map_or_else(Vec::new, |answer| answer.to_vec())))
        });
        (result, sent)
    }

    #[test]
    fn a_long_command_goes_in_a_chain() {
        let command = Command::new(0xdb, 0x3f, 0xff).with_bytes(&[7; 300]);
        let (result, sent) = play(&command, &[&[0x90, 0], &[1, 0x90, 0]]);
        assert_eq!(*result.expect("an answer").data, [1]);
        assert_eq!(sent[0][..5], [0x10, 0xdb, 0x3f, 0xff, 255]);
        assert_eq!(sent[1][..5], [0x00, 0xdb, 0x3f, 0xff, 45]);
        assert_eq!((sent[0].len(), sent[1].len(), sent.len()), (260, 50, 2));
    }

    #[test]
    fn a_chain_ends_where_the_card_refuses_a_part() {
        let command = Command::new(0xdb, 0x3f, 0xff).with_bytes(&[7; 600]);
        let (result, sent) = play(&command, &[&[0x90, 0], &[0x6a, 0x84]]);
        assert_eq!(result.expect("an answer").status, Status::NoSpace);
        assert_eq!(sent.len(), 2);
    }

    #[test]
    fn a_long_answer_is_fetched_in_parts() {
        let (result, sent) = play(&Command::new(0xcb, 0, 0), &[&[1, 0x61, 2], &[2, 0x61, 1], &[3, 0x90, 0]]);
        let response = result.expect("an answer");
        assert_eq!((response.data.as_slice(), response.status), (&[1, 2, 3][..], Status::Success));
        assert_eq!(sent, [vec![0, 0xcb, 0, 0, 0], vec![0, 0xc0, 0, 0, 2], vec![0, 0xc0, 0, 0, 1]]);
    }

    #[test]
    fn a_card_that_wants_another_length_is_asked_once_more() {
        let (result, sent) = play(&Command::new(0xfd, 0, 0), &[&[0x6c, 3], &[5, 4, 3, 0x90, 0]]);
        assert_eq!(*result.expect("an answer").data, [5, 4, 3]);
        assert_eq!(sent[1], [0, 0xfd, 0, 0, 3]);
        let (result, _) = play(&Command::new(0xfd, 0, 0), &[&[0x6c, 3], &[0x6c, 4]]);
        assert_eq!(result.err(), Some(ApduError::Lengths));
    }

    #[test]
    fn answers_without_end_or_status_are_refused() {
        let endless = |bytes: &[u8]| -> Result<Zeroizing<Vec<u8>>, ApduError> {
            let _ = bytes;
            Ok(Zeroizing::new([vec![0; 256], vec![0x61, 0]].concat()))
        };
        let result = Command::new(0xcb, 0, 0).exchange(&mut { endless });
        assert_eq!(result.err(), Some(ApduError::Endless));
        let (result, _) = play(&Command::new(0xcb, 0, 0), &[&[0x61, 0], &[0x61, 0]]);
        assert_eq!(result.err(), Some(ApduError::Endless));
        let (result, _) = play(&Command::new(0xcb, 0, 0), &[&[0x90]]);
        assert_eq!(result.err(), Some(ApduError::Short));
    }
}
