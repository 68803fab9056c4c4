//! Each scheme's order is one: whatever texts it is given, it never panics and a sort may rely on it.

use std::cmp::Ordering;

use advisory::versions::Scheme;
use proptest::prelude::*;

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
    fn an_order_is_reflexive_antisymmetric_and_transitive(a in version(), b in version(), c in version()) {
        for scheme in Scheme::ALL {
            prop_assert_eq!(scheme.compare(&a, &a), scheme.orders(&a).then_some(Ordering::Equal));
            prop_assert_eq!(scheme.compare(&a, &b), scheme.compare(&b, &a).map(Ordering::reverse), "{:?}", scheme);
            let equal = a == b || scheme.compare(&a, &b) == Some(Ordering::Equal);
            prop_assert_eq!(scheme.same(&a, &b), equal, "{:?}: {:?} {:?}", scheme, a, b);
            prop_assert_eq!(scheme.compare(&a, &b).is_some(), scheme.orders(&a) && scheme.orders(&b));
            if let (Some(ab), Some(bc), Some(ac)) =
                (scheme.compare(&a, &b), scheme.compare(&b, &c), scheme.compare(&a, &c))
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
