//! The worker's side: seal, then read members and answer, until the pipe ends.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use super::Bounds;
use super::protocol::{
    Answer, Carried, IN_MEMORY, PROTOCOL, REQUEST_BYTES, Ready, Reply, Request, ToldTo, frame, read_frame,
};
use super::seal::{self, Opened};
use crate::cataloguers::{self, Content, Member, Told, sought};

/// Runs a worker over standard input and output and never returns to other work: the process can do nothing else
/// afterwards. To be called first thing in a process that has one thread and has opened nothing that it needs.
pub fn serve() -> ExitCode {
    // A panic is answered, not printed: its text would quote the file, and a backtrace opens files.
    std::panic::set_hook(Box::new(|_| {}));
    let opened = match seal::seal() {
        Ok(opened) => opened,
        Err(error) => {
            let mut output = io::stdout();
            let _ = frame(&Reply::Refused(error.to_string())).and_then(|bytes| output.write_all(&bytes));
            let _ = output.flush();
            return ExitCode::from(2);
        }
    };
    match answer_all(opened) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::from(2),
    }
}

fn answer_all(opened: Opened) -> io::Result<()> {
    let Opened { input, mut output, file, seal } = opened;
    let mut input = BufReader::with_capacity(64 << 10, input);
    output.write_all(&frame(&Reply::Ready(Ready { protocol: PROTOCOL, cataloguers: cataloguers::VERSION, seal }))?)?;
    let mut buffer = Vec::new();
    let mut content = Vec::new();
    while let Some(request) = read_frame::<Request>(&mut input, &mut buffer, REQUEST_BYTES)? {
        let answer = match request.carried {
            Carried::InPipe if request.size <= IN_MEMORY => {
                content.clear();
                if (&mut input).take(request.size).read_to_end(&mut content)? as u64 != request.size {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                answer(&request, &mut Cursor::new(&content))
            }
            Carried::InPipe => return Err(io::Error::other("a member too large for the pipe")),
            Carried::InFile { offset } => match &file {
                Some(file) => answer(&request, &mut InFile { file, offset, size: request.size, position: 0 }),
                None => refuse(&request, "the file for large members cannot be opened"),
            },
        };
        let mut bytes = frame(&Reply::Answer(answer))?;
        if bytes.len() > Bounds::default().answer_bytes {
            bytes = frame(&Reply::Answer(refuse(&request, "it tells more than an answer can hold")))?;
        }
        output.write_all(&bytes)?;
    }
    Ok(())
}

/// What a member tells to each of the cataloguers that were asked for. A panic of one is a warning.
pub fn answer(request: &Request, content: &mut dyn Content) -> Answer {
    let read = |reader: u8| {
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let mut told = Told::default();
            match (cataloguers::ALL.get(usize::from(reader)), content.seek(SeekFrom::Start(0))) {
                (None, _) => told.warn("this worker has no such cataloguer"),
                (_, Err(error)) => told.warn(format!("reading it: {error}")),
                (Some(cataloguer), Ok(_)) => {
                    cataloguer.catalogue(&mut Member::new(&request.path, request.size, content), &mut told);
                }
            }
            told
        }));
        let told = outcome.unwrap_or_else(|_| {
            let mut told = Told::default();
            told.warn("a bug in Plimsoll: the cataloguer panicked; please report it with this file");
            told
        });
        let (facts, warnings) = told.into_parts();
        ToldTo { reader, facts, warnings }
    };
    Answer { ticket: request.ticket, told: request.readers.iter().copied().map(read).collect() }
}

fn refuse(request: &Request, reason: &str) -> Answer {
    let told = |reader: &u8| ToldTo { reader: *reader, facts: vec![], warnings: vec![reason.to_owned()] };
    Answer { ticket: request.ticket, told: request.readers.iter().map(told).collect() }
}

/// A member in the file, read by position: `std`'s own reading of files asks for their size by system calls that the
/// seal does not allow.
struct InFile<'a> {
    file: &'a File,
    offset: u64,
    size: u64,
    position: u64,
}

impl Read for InFile<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        use std::os::unix::fs::FileExt;
        let left = self.size.saturating_sub(self.position).min(buffer.len() as u64) as usize;
        let read = self.file.read_at(&mut buffer[..left], self.offset.saturating_add(self.position))?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for InFile<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.position = sought(to, self.size, self.position)?;
        Ok(self.position)
    }
}
