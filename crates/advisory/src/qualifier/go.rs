//! Go: ranges in versions that Go does not know, and functions that are not linked into the executable.

use inventory::package::{BuiltFor, Linked, symbol_hash};

use super::{Case, Read, Rule, Suppression};
use crate::claim::Claim;
use crate::index::{ImportRow, Segment};

/// So many symbols or packages are named in a reason.
const NAMED: usize = 3;

/// Says which of the record's own ranges do not hold the version, where they replace the range that does.
pub(crate) fn outside_custom_ranges(claim: &Claim<'_>, version: &str) -> Read<Suppression> {
    let fixes: Vec<String> =
        claim.custom_fixes()?.into_iter().take(NAMED).map(|fixed| format!("before {fixed}")).collect();
    let which = if fixes.is_empty() { String::new() } else { format!(" ({})", fixes.join(", ")) };
    Ok(Suppression {
        rule: Rule::CustomRange,
        reason: format!(
            "{version} lies outside the record's ranges of release tags{which}, which replace its range without bounds"
        ),
    })
}

/// Suppresses a record that names packages or functions where none of them is linked into the executable that the
/// module was read from. Without knowledge of what is linked the record counts.
pub(super) fn not_linked(case: &Case<'_>) -> Read<Option<Suppression>> {
    let located = case.image.located;
    let linked = &case.image.inventory.linked;
    let of_module = linked.iter().filter(|(path, linked)| *path == located.path && linked.module == case.name);
    let modules: Vec<&Linked> = of_module.map(|(_, linked)| linked).collect();
    let Some(platform) = modules.first().map(|linked| Platform::of(linked, &located.path)) else { return Ok(None) };
    let mut named = Vec::new();
    for row in case.claim.holding(case.version, case.reading)? {
        let imports = case.claim.segment.imports(row)?;
        if imports.is_empty() {
            return Ok(None);
        }
        for import in imports {
            let import = Import::read(case.claim.segment, import)?;
            if platform.may_be_one_of(&import) && modules.iter().any(|linked| import.is_linked(linked)) {
                return Ok(None);
            }
            named.push(import);
        }
    }
    if named.is_empty() {
        return Ok(None);
    }
    Ok(Some(Suppression { rule: Rule::NotLinked, reason: reason(&named, platform, &located.path) }))
}

/// What an executable was built for; what nothing tells may be anything.
#[derive(Clone, Copy)]
struct Platform<'a> {
    os: Option<&'a str>,
    architecture: Option<&'a str>,
}

impl<'a> Platform<'a> {
    /// What the executable says; where it does not, by its name: images are for Linux, and one that Go built for Windows
    /// may lie in any of them.
    fn of(linked: &'a Linked, path: &str) -> Self {
        if let Some(BuiltFor { os, architecture }) = &linked.built_for {
            return Self { os: Some(os), architecture: Some(architecture) };
        }
        let is_windows = std::path::Path::new(path).extension().is_some_and(|ending| ending == "exe");
        Self { os: (!is_windows).then_some("linux"), architecture: None }
    }

    fn may_be_one_of(self, import: &Import<'_>) -> bool {
        let may = |own: Option<&str>, of: &[&str]| of.is_empty() || own.is_none_or(|own| of.contains(&own));
        // A build for these satisfies the constraints of those (`go/build/constraint`, "Build constraints").
        let also = match self.os {
            Some("android") => Some("linux"),
            Some("illumos") => Some("solaris"),
            Some("ios") => Some("darwin"),
            _ => None,
        };
        (may(self.os, &import.goos) || also.is_some_and(|also| import.goos.contains(&also)))
            && may(self.architecture, &import.goarch)
    }
}

struct Import<'a> {
    path: &'a str,
    symbols: Vec<&'a str>,
    goos: Vec<&'a str>,
    goarch: Vec<&'a str>,
}

impl<'a> Import<'a> {
    fn read(segment: Segment<'a>, row: &ImportRow) -> Read<Self> {
        let texts = |rows| segment.list(rows)?.iter().map(|text| segment.text(*text)).collect::<Read<Vec<_>>>();
        Ok(Self {
            path: segment.text(row.path)?,
            symbols: texts(row.symbols)?,
            goos: texts(row.goos)?,
            goarch: texts(row.goarch)?,
        })
    }

    fn is_linked(&self, linked: &Linked) -> bool {
        linked.packages.iter().filter(|package| package.path == self.path).any(|package| {
            // A package without functions is one of which they are not known.
            let unknown = self.symbols.is_empty() || package.symbols.is_empty();
            unknown || self.symbols.iter().any(|symbol| package.symbols.binary_search(&symbol_hash(symbol)).is_ok())
        })
    }
}

fn reason(imports: &[Import<'_>], platform: Platform<'_>, path: &str) -> String {
    let mut names: Vec<String> = Vec::new();
    for import in imports {
        if !platform.may_be_one_of(import) {
            let both: Vec<&str> = import.goos.iter().chain(&import.goarch).copied().collect();
            names.push(format!("{} (on {} only)", import.path, both.join(", ")));
        } else if import.symbols.is_empty() {
            names.push(import.path.to_owned());
        } else {
            names.extend(import.symbols.iter().map(|symbol| format!("{}.{symbol}", import.path)));
        }
    }
    let others = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let list = names.join(", ");
    match (names.len(), others) {
        (1, 0) => format!("{list} is not linked into {path}"),
        (_, 0) => format!("none of {list} is linked into {path}"),
        _ => format!("none of {list} and {others} more is linked into {path}"),
    }
}
