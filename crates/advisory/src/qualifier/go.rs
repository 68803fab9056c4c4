//! Go: ranges in versions that Go does not know, and functions that are not linked into the executable.

use inventory::linked::{Linked, symbol_hash};

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
    let modules = || linked.iter().filter(|(path, linked)| *path == located.path && linked.module == case.name);
    let Some((_, first)) = modules().next() else { return Ok(None) };
    let built = Built::of(first, &located.path);
    let mut named = Vec::new();
    for row in case.claim.holding(case.version, case.reading)? {
        let imports = case.claim.segment.imports(row)?;
        if imports.is_empty() {
            return Ok(None);
        }
        for import in imports {
            let import = Import::read(case.claim.segment, import)?;
            if built.is_among(&import) && modules().any(|(_, linked)| import.is_linked(linked)) {
                return Ok(None);
            }
            named.push(import);
        }
    }
    if named.is_empty() {
        return Ok(None);
    }
    Ok(Some(Suppression { rule: Rule::NotLinked, reason: reason(&named, built, &located.path) }))
}

/// What an executable was built for.
#[derive(Clone, Copy)]
struct Built<'a> {
    /// None where it may be any.
    system: Option<&'a str>,
    architecture: Option<&'a str>,
}

impl<'a> Built<'a> {
    fn of(linked: &'a Linked, path: &str) -> Self {
        // Before Go 1.18 the build information does not tell. What Go built for Windows may lie in any image, too, and
        // shows by its name.
        let is_windows = std::path::Path::new(path).extension().is_some_and(|ending| ending == "exe");
        let system = linked.system.as_deref().or_else(|| (!is_windows).then_some("linux"));
        Self { system, architecture: linked.architecture.as_deref() }
    }

    fn is_among(self, import: &Import<'_>) -> bool {
        let holds = |of: &[&str], built: Option<&str>| of.is_empty() || built.is_none_or(|built| of.contains(&built));
        holds(&import.goos, self.system) && holds(&import.goarch, self.architecture)
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

fn reason(imports: &[Import<'_>], built: Built<'_>, path: &str) -> String {
    let mut names: Vec<String> = Vec::new();
    for import in imports {
        if !built.is_among(import) {
            let others: Vec<&str> = import.goos.iter().chain(&import.goarch).copied().collect();
            names.push(format!("{} (on {} only)", import.path, others.join(", ")));
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
