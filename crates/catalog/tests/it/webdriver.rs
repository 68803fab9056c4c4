//! A browser that is really there: Chromium without a window, driven through chromedriver (W3C WebDriver).

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

/// What drives the browser.
const DRIVER: &str = "chromedriver";
/// Debian's Chromium; elsewhere one's own Chrome.
const BROWSERS: [&str; 2] = ["chromium", "google-chrome"];

/// A running browser; it ends with this.
pub(crate) struct Browser {
    driver: Child,
    agent: ureq::Agent,
    session: String,
    _profile: TempDir,
}

impl Browser {
    /// Starts one; `None`, and says why, where there is none.
    pub(crate) fn start() -> Option<Self> {
        let (Some(driver), Some(program)) = (find(DRIVER), BROWSERS.into_iter().find_map(find)) else {
            let reason = "no Chromium with chromedriver; apt-get install chromium chromium-driver";
            assert!(std::env::var_os("PLIMSOLL_REQUIRE").is_none(), "cannot be skipped here: {reason}");
            println!("skipped: {reason}");
            return None;
        };
        let mut driver =
            Command::new(driver).arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let port = port(&mut driver);
        let agent = ureq::Agent::new_with_config(
            ureq::Agent::config_builder()
                .proxy(None)
                .http_status_as_error(false)
                .timeout_global(Some(Duration::from_mins(2)))
                .build(),
        );
        let profile = tempfile::tempdir().unwrap();
        let folder = format!("--user-data-dir={}", profile.path().display());
        let mut browser =
            Self { driver, agent, session: format!("http://127.0.0.1:{port}/session"), _profile: profile };
        let mut arguments: Vec<String> = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
        ]
        .map(Into::into)
        .into();
        arguments.push(folder);
        let capabilities = json!({"capabilities": {"alwaysMatch": {
            "goog:chromeOptions": {"binary": program, "args": arguments},
            "goog:loggingPrefs": {"browser": "ALL"},
        }}});
        let answer = browser.post("", &capabilities);
        let id = answer["sessionId"].as_str().unwrap_or_else(|| panic!("no session: {answer}")).to_owned();
        browser.session = format!("{}/{id}", browser.session);
        Some(browser)
    }

    /// Sets the size of what is seen, as a phone or a screen has it, and the colours that its owner prefers.
    pub(crate) fn look(&self, width: u32, dark: bool) {
        let metrics = json!({"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600});
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics);
        let scheme = if dark { "dark" } else { "light" };
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.devtools("Emulation.setEmulatedMedia", &features);
    }

    /// Opens a page and waits until it is loaded.
    pub(crate) fn open(&self, address: &str) {
        self.post("/url", &json!({"url": address}));
    }

    /// What a script of ours (not the page's, which may have none) says of the page.
    pub(crate) fn evaluate(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// The same with a script that calls back when it is done.
    pub(crate) fn evaluate_later(&self, script: &str) -> Value {
        self.post("/execute/async", &json!({"script": script, "args": []}))
    }

    /// What the browser complained of since it was last asked: errors of scripts, refusals of the security policy, files
    /// that were not there.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let log = self.post("/se/log", &json!({"type": "browser"}));
        log.as_array().unwrap().iter().map(|entry| entry["message"].to_string()).collect()
    }

    /// The whole page as a picture.
    pub(crate) fn picture(&self, width: u32) -> Vec<u8> {
        let height = self.evaluate("return document.documentElement.scrollHeight").as_u64().unwrap().min(6000);
        let clip = json!({"x": 0, "y": 0, "width": width, "height": height, "scale": 1});
        let arguments = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        let picture = self.devtools("Page.captureScreenshot", &arguments);
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, picture["data"].as_str().unwrap()).unwrap()
    }

    fn devtools(&self, command: &str, arguments: &Value) -> Value {
        self.post("/goog/cdp/execute", &json!({"cmd": command, "params": arguments}))
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let address = format!("{}{path}", self.session);
        let mut response = self.agent.post(&address).send(body.to_string()).unwrap();
        let text = response.body_mut().with_config().limit(64 << 20).read_to_string().unwrap();
        let mut answer: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert!(response.status().is_success(), "{path}: {text}");
        answer["value"].take()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Ending the session ends the browser; ending the driver alone would leave it running.
        let _ = self.agent.delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// Where a program is.
fn find(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// The port that the driver chose, from what it prints.
fn port(driver: &mut Child) -> u16 {
    let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
    let port = lines
        .by_ref()
        .map_while(Result::ok)
        .find_map(|line| line.split("started successfully on port ").nth(1)?.trim_end_matches('.').parse().ok())
        .expect("chromedriver says its port");
    // What it says later must go somewhere, or it would wait for a reader.
    std::thread::spawn(move || lines.for_each(drop));
    port
}
