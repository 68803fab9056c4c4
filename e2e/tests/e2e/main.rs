//! The programs as their users run them.
