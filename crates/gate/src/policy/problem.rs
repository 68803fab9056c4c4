//! What is wrong with a policy file.

use std::fmt;

use thiserror::Error;

/// Why a policy file is not one. All that is wrong is told at once, each thing by its line.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub struct PolicyError {
    /// The file, as the user named it or as it was found.
    pub name: String,
    /// What is wrong with it, in the order of its lines; never empty.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong, with what to write instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The line, 1 first; `None` where the whole file is meant (it cannot be read).
    pub line: Option<usize>,
    /// What is wrong and what to do.
    pub message: String,
}

impl PolicyError {
    /// One problem with the file as a whole.
    pub(crate) fn whole(name: &str, message: String) -> Self {
        Self { name: name.to_owned(), problems: vec![Problem { line: None, message }] }
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, problem) in self.problems.iter().enumerate() {
            if number > 0 {
                writeln!(formatter)?;
            }
            match problem.line {
                Some(line) => write!(formatter, "{}:{line}: {}", self.name, problem.message)?,
                None => write!(formatter, "{}: {}", self.name, problem.message)?,
            }
        }
        Ok(())
    }
}
