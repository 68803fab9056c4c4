//! `hold = true`: a tag is kept back until its image is signed.

use std::fs;

use image::client::{Client, ClientError, Credentials, Settings};
use image::{Digest, Reference};

use crate::plimsoll::Home;
use crate::sample::push_image;
use crate::serving::Up;

const SECRET: (&str, &str) = ("PLIMSOLL_PASSPHRASE", "correct horse battery");

#[test]
fn a_tag_that_is_kept_back_is_signed_by_its_name_and_given_then() {
    let home = Home::new();
    home.run_with(&["key", "generate", "release"], &[SECRET]).with(0);
    let folder = tempfile::tempdir().unwrap();
    fs::copy(home.path("work/release.pub"), folder.path().join("release.pub")).unwrap();
    let policy = folder.path().join("policy.toml");
    let rule = "[[rule]]\nimages = \"**\"\nmode = \"enforce\"\nhold = true\n\
                signers = { keys = [\"release.pub\"], bind = \"tag\" }\n";
    fs::write(&policy, rule).unwrap();
    // The server's user has to be able to read it.
    crate::serving::open_to_all(folder.path());
    let up = Up::with(&["--policy", policy.to_str().unwrap()], &[]);
    let client = Client::new(Credentials::none(), Settings::default());
    let sign = |place: &Reference| home.run_with(&["sign", "--key", "release.key", &place.to_string()], &[SECRET]);
    for (tag, by_digest) in [("v1", false), ("v2", true)] {
        let place: Reference = format!("{}/team/app:{tag}", up.address).parse().unwrap();
        let image: Digest = push_image(&client, &place, &[vec![tag.len() as u8; 100], vec![u8::from(by_digest); 10]]);
        let Err(held) = client.tagged(&place, tag) else { panic!("{tag} was given unsigned") };
        assert!(held.to_string().contains("is pending") && held.to_string().contains("plimsoll sign"), "{held}");
        assert!(matches!(&held, ClientError::Denied { points_to: Some(digest), .. } if *digest == image), "{held}");
        client.manifest(&place, &image).unwrap();
        let named = if by_digest { Reference { digest: Some(image.clone()), ..place.clone() } } else { place.clone() };
        let verify = ["verify", "--key", "release.pub", &place.to_string()];
        let unsigned = home.run(&verify).with(1).stderr;
        assert!(unsigned.contains("is pending") && unsigned.contains(image.as_str()), "{unsigned}");
        let test = ["policy", "test", "--policy", policy.to_str().unwrap(), &place.to_string()];
        let asked = home.run(&test).with(1);
        assert!(asked.stderr.contains("is held back by its registry"), "{}", asked.stderr);
        let command = format!("plimsoll sign {place}@{image}");
        assert!(asked.stdout.contains(&command) || asked.stderr.contains(&command), "{}{}", asked.stdout, asked.stderr);
        let tree = home.run(&["trust", "tree", &place.to_string()]).with(0);
        assert!(tree.stderr.contains("is pending") && tree.stdout.contains(image.as_str()), "{}", tree.stderr);
        sign(&named).with(0);
        home.run(&verify).with(0);
        assert_eq!(*client.tagged(&place, tag).unwrap().bytes.digest(), image);
    }
    // Another image under a signed tag is kept back anew.
    let place: Reference = format!("{}/team/app:v1", up.address).parse().unwrap();
    push_image(&client, &place, &[vec![9; 100], vec![9; 10]]);
    client.tagged(&place, "v1").unwrap_err();
}
