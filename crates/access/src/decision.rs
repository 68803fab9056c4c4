//! The answer, and the one function that gives it.

use crate::{Action, Caller, Resource};

/// The answer, with its reason.
#[must_use = "a handler that does not look at the answer has not asked"]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Yes.
    Allow,
    /// No, because: a sentence for the caller, with what would mend it.
    Deny(String),
}

impl Decision {
    /// Whether the answer is yes.
    pub fn allowed(&self) -> bool {
        *self == Self::Allow
    }
}

/// May `caller` do `action` to `resource`?
///
/// | caller | pull, view | push, delete | run |
/// |---|---|---|---|
/// | on this machine | yes | yes | yes |
/// | guest of an opened server | yes | yes | no |
/// | from elsewhere, server not opened | no | no | no |
///
/// A guest cannot run containers: opening a registry to a network is not handing out its machine.
pub fn may(caller: &Caller, action: Action, resource: &Resource) -> Decision {
    match (caller, action) {
        (Caller::Loopback | Caller::LocalUser(_), _)
        | (Caller::Guest, Action::Pull | Action::Push | Action::Delete | Action::View) => Decision::Allow,
        (Caller::Guest, Action::Run) => Decision::Deny(format!(
            "{caller} may not {action} {resource}: containers are run from the machine itself, with `plimsoll run`"
        )),
        (Caller::Anonymous, _) => Decision::Deny(format!(
            "{caller} may not {action} {resource}: this server answers its own machine only; call it from there, or \
             start it with `plimsoll up --insecure-open` on a network whose every member may read and write all of it"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACTIONS: [Action; 5] = [Action::Pull, Action::Push, Action::Delete, Action::View, Action::Run];

    fn payments() -> Resource {
        Resource::Repository("payments/api".into())
    }

    #[test]
    fn everything_is_allowed_on_the_own_machine() {
        for caller in [Caller::Loopback, Caller::LocalUser(0), Caller::LocalUser(1000)] {
            for action in ACTIONS {
                assert!(may(&caller, action, &payments()).allowed(), "{caller} {action}");
                assert!(may(&caller, action, &Resource::Everything).allowed(), "{caller} {action}");
            }
        }
    }

    #[test]
    fn a_guest_of_an_opened_server_may_all_but_run() {
        for action in ACTIONS {
            assert_eq!(may(&Caller::Guest, action, &payments()).allowed(), action != Action::Run, "{action}");
        }
    }

    #[test]
    fn nothing_is_allowed_from_elsewhere_where_the_server_was_not_opened() {
        for action in ACTIONS {
            assert!(!may(&Caller::Anonymous, action, &payments()).allowed(), "{action}");
            assert!(!may(&Caller::Anonymous, action, &Resource::Everything).allowed(), "{action}");
        }
    }

    #[test]
    fn a_refusal_says_who_what_and_what_would_mend_it() {
        let Decision::Deny(reason) = may(&Caller::Anonymous, Action::Push, &payments()) else { panic!("allowed") };
        assert!(
            reason.starts_with("an unnamed caller from another machine may not push to repository \"payments/api\"")
        );
        assert!(reason.contains("plimsoll up --insecure-open"));
    }

    #[test]
    fn a_repository_name_cannot_forge_a_line_in_a_refusal() {
        let hostile = Resource::Repository("a\nallowed: yes\u{1b}[2J".into());
        let Decision::Deny(reason) = may(&Caller::Anonymous, Action::Pull, &hostile) else { panic!("allowed") };
        assert!(!reason.contains(['\n', '\u{1b}']), "{reason}");
    }
}
