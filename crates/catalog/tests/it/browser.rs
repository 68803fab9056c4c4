//! The pages in a real browser: no complaints, nothing too wide for a phone, dark where dark is wanted, and what
//! axe-core finds (where `PLIMSOLL_AXE` names its `axe.min.js`).
//!
//! `PLIMSOLL_PICTURES=DIR` keeps a picture of each page, narrow and wide, light and dark.

use std::net::SocketAddr;
use std::path::PathBuf;

use access::Caller;
use axum::Extension;
use catalog::Catalog;
use gate::Policy;
use serde_json::Value;

use super::material::{Shelf, busy_shelf, hostile_shelf, hostile_telling, policy, telling};
use super::webdriver::Browser;

/// A small phone, a tablet, a wide screen.
const WIDTHS: [u32; 3] = [360, 820, 1440];

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_has_no_complaint_at_any_width_in_light_and_dark() {
    let (shelf, digest) = busy_shelf().await;
    let image = format!("/r/payments/api/-/images/{digest}");
    let pages = [
        ("overview", "/".to_owned()),
        ("repository", "/r/payments/api".to_owned()),
        ("platforms", "/r/web/storefront".to_owned()),
        ("image", image.clone()),
        ("filtered", format!("{image}?severity=high&fixable=1")),
        ("packages", format!("{image}/packages")),
        ("vulnerability", "/cve/CVE-2019-10906".to_owned()),
        ("pending", "/r/lab/new/-/tags/latest".to_owned()),
        ("missing", "/cve/CVE-1".to_owned()),
    ];
    look_at(shelf.catalog(telling(), policy()), &pages).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_runs_nothing_of_what_an_enemy_wrote() {
    let (shelf, digest) = hostile_shelf().await;
    let image = format!("/r/evil/app/-/images/{digest}");
    let pages = [
        ("hostile-overview", "/".to_owned()),
        ("hostile-image", image.clone()),
        ("hostile-packages", format!("{image}/packages")),
        ("hostile-vulnerability", "/cve/EVIL-1".to_owned()),
    ];
    look_at(shelf.catalog(hostile_telling(), Policy::default()), &pages).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_server_looks_right_too() {
    look_at(Shelf::new().await.catalog(vec![], Policy::default()), &[("empty", "/".to_owned())]).await;
}

async fn look_at(catalog: Catalog, pages: &[(&str, String)]) {
    let server = serve(catalog).await;
    let pages: Vec<(String, String)> =
        pages.iter().map(|(name, path)| ((*name).to_owned(), format!("http://{server}{path}"))).collect();
    tokio::task::spawn_blocking(move || {
        let Some(browser) = Browser::start() else { return };
        for (name, address) in &pages {
            for width in WIDTHS {
                for dark in [false, true] {
                    look(&browser, name, address, width, dark);
                }
            }
        }
    })
    .await
    .unwrap();
}

fn look(browser: &Browser, name: &str, address: &str, width: u32, dark: bool) {
    let what = format!("{name} at {width}{}", if dark { " in the dark" } else { "" });
    browser.look(width, dark);
    browser.open(address);
    // A page that is not there is told by the browser as well; that is what it should do.
    let complaints: Vec<String> =
        browser.complaints().into_iter().filter(|complaint| name != "missing" || !complaint.contains("404")).collect();
    assert!(complaints.is_empty(), "{what}: {complaints:?}");

    let widest = browser.evaluate("return document.documentElement.scrollWidth").as_u64().unwrap();
    assert!(widest <= u64::from(width), "{what} is {widest} wide: {}", browser.evaluate(TOO_WIDE));
    let styled = browser.evaluate("return getComputedStyle(document.querySelector('.top')).borderBottomStyle");
    assert_eq!(styled, "solid", "{what}: the stylesheet is not there");
    let ground = brightness(&browser.evaluate("return getComputedStyle(document.body).backgroundColor"));
    let letters = brightness(&browser.evaluate("return getComputedStyle(document.body).color"));
    assert_eq!(ground < letters, dark, "{what}: ground {ground}, letters {letters}");
    assert_eq!(browser.evaluate("return document.scripts.length"), 0, "{what}");
    assert_eq!(browser.evaluate("return document.querySelectorAll('img[src=x]').length"), 0, "{what}");

    if let Some(folder) = std::env::var_os("PLIMSOLL_PICTURES").map(PathBuf::from) {
        let scheme = if dark { "dark" } else { "light" };
        std::fs::write(folder.join(format!("{name}-{width}-{scheme}.png")), browser.picture(width)).unwrap();
    }
    if let Some(axe) = std::env::var_os("PLIMSOLL_AXE") {
        let found = violations(browser, &std::fs::read_to_string(axe).unwrap());
        assert!(found.is_empty(), "{what}: {found:#?}");
    }
}

/// The elements that reach beyond the right edge, for the message.
const TOO_WIDE: &str = "return [...document.querySelectorAll('body *')]
    .filter(element => element.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
    .slice(0, 5).map(element => element.outerHTML.slice(0, 200)).join('\\n')";

/// What axe-core finds wrong for people who cannot see, or not well.
fn violations(browser: &Browser, axe: &str) -> Vec<String> {
    browser.evaluate(axe);
    let found = browser.evaluate_later(
        "const done = arguments[arguments.length - 1];
         axe.run().then(results => done(results.passes.length < 10 ? ['axe looked at nothing'] : results.violations.map(violation =>
             violation.id + ': ' + violation.help + ': '
                 + violation.nodes.slice(0, 3).map(node => node.html.slice(0, 200) + ' ' + node.failureSummary).join(' | '))),
             error => done(['axe failed: ' + error]))",
    );
    found.as_array().unwrap().iter().map(ToString::to_string).collect()
}

fn brightness(colour: &Value) -> u32 {
    let numbers =
        colour.as_str().unwrap().split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse::<u32>().ok());
    numbers.take(3).sum()
}

/// The pages on a port of their own, as somebody on this machine sees them.
async fn serve(catalog: Catalog) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = catalog::router(catalog).layer(Extension(Caller::Loopback));
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}
