//! Whatever is taken as a name is taken again in both of its forms, and means the same.
#![no_main]

use image::{Reference, Target};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(reference) = text.parse::<Reference>() {
        assert_eq!(reference.to_string().parse::<Reference>().unwrap(), reference);
        assert_eq!(reference.familiar().parse::<Reference>().unwrap(), reference);
        assert!(!reference.repository.split('/').any(|part| part.is_empty() || part == ".." || part == "."));
    }
    if let Ok(target) = text.parse::<Target>() {
        assert_eq!(target.to_string().parse::<Target>().unwrap(), target);
    }
});
