//! Whatever texts a scheme is given, it never panics, and it says the same both ways round.

use std::cmp::Ordering;

use advisory::versions::Scheme;
use proptest::prelude::*;

/// Those whose definition is an order. Others' own tools compare so that three versions may go in a circle (pacman: `1-1`
/// is `1` is `1-2`), and a scheme here answers as its tool does; nothing may sort by them.
const ORDERS: [Scheme; 4] = [Scheme::Dpkg, Scheme::Apk, Scheme::Semver, Scheme::Pep440];

/// Texts that look like versions more often than chance would make them.
fn version() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[0-9]{1,3}",
        "0{1,3}[0-9]?",
        Just(".".to_owned()),
        Just("-".to_owned()),
        Just("_".to_owned()),
        Just("~".to_owned()),
        Just("+".to_owned()),
        Just(":".to_owned()),
        Just("!".to_owned()),
        Just("^".to_owned()),
        Just("-r".to_owned()),
        Just("_p".to_owned()),
        Just("_rc".to_owned()),
        Just("rc".to_owned()),
        Just("dev".to_owned()),
        Just("alpha".to_owned()),
        Just("post".to_owned()),
        Just("final".to_owned()),
        Just("SNAPSHOT".to_owned()),
        "[a-zA-Z]{1,2}",
        Just("é".to_owned()),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_comparison_is_reflexive_and_antisymmetric_and_an_order_is_transitive(a in version(), b in version(), c in version()) {
        for scheme in Scheme::ALL {
            prop_assert_eq!(scheme.compare(&a, &a), scheme.orders(&a).then_some(Ordering::Equal));
            prop_assert_eq!(scheme.compare(&a, &b), scheme.compare(&b, &a).map(Ordering::reverse), "{:?}", scheme);
            let equal = a == b || scheme.compare(&a, &b) == Some(Ordering::Equal);
            prop_assert_eq!(scheme.same(&a, &b), equal, "{:?}: {:?} {:?}", scheme, a, b);
            prop_assert_eq!(scheme.compare(&a, &b).is_some(), scheme.orders(&a) && scheme.orders(&b));
            if let (Some(ab), Some(bc), Some(ac)) =
                (scheme.compare(&a, &b), scheme.compare(&b, &c), scheme.compare(&a, &c))
                && ORDERS.contains(scheme)
                && ab != Ordering::Greater && bc != Ordering::Greater
            {
                let strict = ab == Ordering::Less || bc == Ordering::Less;
                let wanted = if strict { Ordering::Less } else { Ordering::Equal };
                prop_assert_eq!(ac, wanted, "{:?}: {:?} {:?} {:?}", scheme, a, b, c);
            }
        }
    }

    #[test]
    fn any_text_is_compared_without_a_panic(a in any::<String>(), b in any::<String>()) {
        for scheme in Scheme::ALL {
            let _ = scheme.compare(&a, &b);
        }
    }
}
