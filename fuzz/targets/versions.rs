//! Any three texts in any scheme: no panic, and where its definition is an order, it is one.
#![no_main]

use std::cmp::Ordering;

use advisory::severity::cvss_score;
use advisory::versions::Scheme;
use libfuzzer_sys::fuzz_target;

/// Those whose definition is an order. Others' own tools compare so that three versions may go in a circle (pacman: `1-1` is
/// `1` is `1-2`), and a scheme here answers as its tool does.
const ORDERS: [Scheme; 4] = [Scheme::Dpkg, Scheme::Apk, Scheme::Semver, Scheme::Pep440];

fuzz_target!(|texts: (&str, &str, &str)| {
    let (a, b, c) = texts;
    let _ = cvss_score(a);
    for scheme in Scheme::ALL {
        let order = scheme.compare(a, b);
        assert_eq!(order, scheme.compare(b, a).map(Ordering::reverse), "{scheme:?}");
        assert_eq!(scheme.compare(a, a), scheme.orders(a).then_some(Ordering::Equal), "{scheme:?}");
        assert_eq!(scheme.same(a, b), a == b || order == Some(Ordering::Equal), "{scheme:?}");
        if let (Some(ab), Some(bc), Some(ac)) = (order, scheme.compare(b, c), scheme.compare(a, c))
            && ORDERS.contains(scheme)
            && ab.is_le()
            && bc.is_le()
        {
            let wanted = if ab.is_lt() || bc.is_lt() { Ordering::Less } else { Ordering::Equal };
            assert_eq!(ac, wanted, "{scheme:?}");
        }
    }
});
