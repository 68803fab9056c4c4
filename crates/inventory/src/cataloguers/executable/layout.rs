//! Where what is in an executable: its sections by name and its memory by address, of ELF, Mach-O and PE.

use std::io::{self, Read, Seek, SeekFrom};

use object::Endianness;
use object::elf::{PF_W, PF_X, PT_LOAD, SHT_DYNSYM, SHT_NOBITS};
use object::macho::{MachHeader32, MachHeader64, VM_PROT_WRITE};
use object::pe::{IMAGE_SCN_MEM_EXECUTE, IMAGE_SCN_MEM_WRITE};
use object::read::elf::{ProgramHeader as _, SectionHeader as _, Sym as _};
use object::read::macho::{MachHeader, Section as _, Segment as _};
use object::read::pe::{ImageNtHeaders, ImageOptionalHeader as _, PeFile32, PeFile64};
use object::read::{ReadCache, ReadRef};

use crate::cataloguers::Content;

/// Most bytes of headers that are read of one file.
const HEADERS: u64 = 16 << 20;
/// Most sections and segments. Each function may have a section of its own, but not in what is linked.
const ENTRIES: usize = 10_000;

/// What is known of an executable.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Layout {
    /// Sections with a name, in the file's order.
    pub(super) sections: Vec<Section>,
    /// What of the file is in memory where.
    pub(super) segments: Vec<Segment>,
    pub(super) is_big_endian: bool,
    /// Where the program begins in the file: not at 0 where a Mach-O holds one for each architecture.
    pub(super) base: u64,
    /// Addresses of a native image's symbols `sbom` and `sbom_length`.
    pub(super) bill: Option<(u64, u64)>,
}

/// A part of the file with a name.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Section {
    pub(super) name: String,
    pub(super) offset: u64,
    pub(super) size: u64,
}

/// A part of the file that is loaded.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) address: u64,
    pub(super) offset: u64,
    pub(super) size: u64,
    pub(super) is_writable: bool,
    pub(super) is_code: bool,
}

impl Layout {
    /// Reads the headers; half a sentence where they cannot be.
    pub(super) fn read(content: &mut dyn Content) -> Result<Self, String> {
        let mut magic = [0; 4];
        content.seek(SeekFrom::Start(0)).and_then(|_| content.read_exact(&mut magic)).map_err(text)?;
        let base = match magic {
            [0xca, 0xfe, 0xba, last @ (0xbe | 0xbf)] => first_of_fat(content, last == 0xbf).map_err(text)?,
            _ => 0,
        };
        let cache = ReadCache::new(Headers { content, base, left: HEADERS });
        let kind = object::FileKind::parse(&cache).map_err(text)?;
        let layout = match kind {
            object::FileKind::Elf32 => Self::of_elf::<object::elf::FileHeader32<Endianness>, _>(&cache),
            object::FileKind::Elf64 => Self::of_elf::<object::elf::FileHeader64<Endianness>, _>(&cache),
            object::FileKind::MachO32 => Self::of_macho::<MachHeader32<Endianness>, _>(&cache),
            object::FileKind::MachO64 => Self::of_macho::<MachHeader64<Endianness>, _>(&cache),
            object::FileKind::Pe32 => PeFile32::parse(&cache).map(|file| Self::of_pe(&file)),
            object::FileKind::Pe64 => PeFile64::parse(&cache).map(|file| Self::of_pe(&file)),
            _ => return Err("it is no executable of a known kind".into()),
        };
        let mut layout = layout.map_err(|error| format!("its headers cannot be read: {error}"))?;
        if layout.sections.len() > ENTRIES || layout.segments.len() > ENTRIES {
            return Err(format!("it has more than {ENTRIES} sections"));
        }
        layout.base = base;
        Ok(layout)
    }

    fn of_elf<'d, H: object::read::elf::FileHeader<Endian = Endianness>, R: ReadRef<'d>>(
        data: R,
    ) -> object::Result<Self> {
        let header = H::parse(data)?;
        let endian = header.endian()?;
        let mut layout = Self { is_big_endian: endian == Endianness::Big, ..Self::default() };
        for segment in header.program_headers(endian, data)?.iter().take(ENTRIES + 1) {
            if segment.p_type(endian) == PT_LOAD {
                let (offset, size) = segment.file_range(endian);
                let flags = segment.p_flags(endian);
                layout.segments.push(Segment {
                    address: segment.p_vaddr(endian).into(),
                    offset,
                    size,
                    is_writable: flags.contains(PF_W),
                    is_code: flags.contains(PF_X),
                });
            }
        }
        let sections = header.sections(endian, data)?;
        for section in sections.iter().take(ENTRIES + 1).filter(|section| section.sh_type(endian) != SHT_NOBITS) {
            let name = sections.section_name(endian, section).unwrap_or_default();
            if let Some((offset, size)) = section.file_range(endian).filter(|_| !name.is_empty()) {
                layout.sections.push(Section { name: String::from_utf8_lossy(name).into_owned(), offset, size });
            }
        }
        let symbols = sections.symbols(endian, data, SHT_DYNSYM)?;
        let address = |wanted: &[u8]| {
            let is_it = |symbol: &&H::Sym| symbol.name(endian, symbols.strings()).is_ok_and(|name| name == wanted);
            symbols.iter().find(is_it).map(|symbol| symbol.st_value(endian).into())
        };
        layout.bill = address(b"sbom").zip(address(b"sbom_length"));
        Ok(layout)
    }

    fn of_macho<'d, H: MachHeader<Endian = Endianness>, R: ReadRef<'d>>(data: R) -> object::Result<Self> {
        let header = H::parse(data, 0)?;
        let endian = header.endian()?;
        let mut layout = Self { is_big_endian: endian == Endianness::Big, ..Self::default() };
        let mut commands = header.load_commands(endian, data, 0)?;
        while let Some(command) = commands.next()? {
            let Some((segment, sections)) = H::Segment::from_command(command)? else { continue };
            let (offset, size) = segment.file_range(endian);
            let sections = segment.sections(endian, sections)?;
            let text = sections.iter().any(|section| section.name() == b"__text");
            layout.segments.push(Segment {
                address: segment.vmaddr(endian).into(),
                offset,
                size,
                is_writable: segment.initprot(endian).contains(VM_PROT_WRITE),
                is_code: text,
            });
            for section in sections {
                if let Some((offset, size)) = section.file_range(endian, section.offset(endian).into()) {
                    let name = String::from_utf8_lossy(section.name()).into_owned();
                    layout.sections.push(Section { name, offset, size });
                }
            }
            if layout.sections.len() > ENTRIES || layout.segments.len() > ENTRIES {
                break;
            }
        }
        Ok(layout)
    }

    fn of_pe<'d, P: ImageNtHeaders, R: ReadRef<'d>>(file: &object::read::pe::PeFile<'d, P, R>) -> Self {
        let image = file.nt_headers().optional_header().image_base();
        let mut layout = Self::default();
        for section in file.section_table().iter().take(ENTRIES + 1) {
            let (offset, size) = section.pe_file_range();
            let flags = section.characteristics.get(object::LittleEndian);
            let name = section.raw_name();
            layout.sections.push(Section {
                name: String::from_utf8_lossy(name).into_owned(),
                offset: offset.into(),
                size: size.into(),
            });
            layout.segments.push(Segment {
                address: image.wrapping_add(section.virtual_address.get(object::LittleEndian).into()),
                offset: offset.into(),
                size: size.into(),
                is_writable: flags.contains(IMAGE_SCN_MEM_WRITE),
                is_code: flags.contains(IMAGE_SCN_MEM_EXECUTE),
            });
        }
        layout
    }

    /// The first section of that name.
    pub(super) fn section(&self, name: &str) -> Option<&Section> {
        self.sections.iter().find(|section| section.name == name)
    }

    /// Where in the file the byte at an address is, and how many come after it in the same segment.
    pub(super) fn at(&self, address: u64) -> Option<(u64, u64)> {
        self.segments.iter().find_map(|segment| {
            let inside = address.checked_sub(segment.address).filter(|inside| *inside < segment.size)?;
            Some((segment.offset.checked_add(inside)?, segment.size - inside))
        })
    }

    /// Reads up to `size` bytes from an offset on: fewer only at the file's end.
    pub(super) fn bytes(&self, content: &mut dyn Content, offset: u64, size: u64) -> io::Result<Vec<u8>> {
        let offset = self.base.checked_add(offset).ok_or(io::ErrorKind::InvalidData)?;
        content.seek(SeekFrom::Start(offset))?;
        let mut bytes = Vec::new();
        content.take(size).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads exactly `size` bytes at an address, where they are in the file.
    pub(super) fn memory(&self, content: &mut dyn Content, address: u64, size: u64) -> Option<Vec<u8>> {
        let (offset, _) = self.at(address).filter(|(_, left)| size <= *left)?;
        let bytes = self.bytes(content, offset, size).ok()?;
        (bytes.len() as u64 == size).then_some(bytes)
    }
}

/// Where the first program of a Mach-O for several architectures begins. They are built of the same modules.
fn first_of_fat(content: &mut dyn Content, is_wide: bool) -> io::Result<u64> {
    let mut header = [0; 24];
    content.seek(SeekFrom::Start(0))?;
    content.read_exact(&mut header)?;
    let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    Ok(number(if is_wide { &header[16..24] } else { &header[16..20] }))
}

fn text(error: impl std::fmt::Display) -> String {
    format!("its headers cannot be read: {error}")
}

/// The headers of a file, and not more of it: what a header calls a table may be as large as the file.
struct Headers<'a> {
    content: &'a mut dyn Content,
    base: u64,
    left: u64,
}

impl Read for Headers<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(left) = self.left.checked_sub(buffer.len() as u64) else {
            self.left = 0;
            return Err(io::Error::other("its headers are too large"));
        };
        self.left = left;
        self.content.read(buffer)
    }
}

impl Seek for Headers<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(position) => {
                SeekFrom::Start(position.checked_add(self.base).ok_or(io::ErrorKind::InvalidInput)?)
            }
            other => other,
        };
        Ok(self.content.seek(to)?.saturating_sub(self.base))
    }
}
