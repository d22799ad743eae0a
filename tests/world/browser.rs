//! A real browser, driven over `WebDriver` (W3C): Chromium without a window, which `tests/run` provides.

use std::path::Path;
use std::path::PathBuf;

use base64::Engine as _;
use serde_json::Value;
use serde_json::json;

use super::client::try_send;
use super::servers::Server;
use super::servers::free_port;
use super::servers::program;

/// The key under which `WebDriver` hands out elements.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A browser with one window and a profile of its own.
pub(crate) struct Browser {
    driver: Server,
    url: String,
    session: String,
}

impl Browser {
    /// Starts a browser whose window has this size in CSS pixels.
    pub(crate) fn start(width: u32, height: u32) -> Self {
        let port = free_port();
        let driver = Server::start("chromedriver", |folder| {
            vec![format!("--port={port}"), format!("--log-path={}", folder.join("driver.log").display())]
        });
        let url = format!("http://127.0.0.1:{port}");
        let ready = || try_send("GET", &format!("{url}/status"), &[], "").ok().filter(|reply| reply.status == 200);
        driver.wait_until("answers", ready).unwrap_or_else(|problem| panic!("{problem}"));
        let arguments = [
            "--headless".to_owned(),
            "--no-sandbox".to_owned(),
            "--disable-gpu".to_owned(),
            "--disable-quic".to_owned(),
            "--disable-dev-shm-usage".to_owned(),
            "--no-first-run".to_owned(),
            "--disable-background-networking".to_owned(),
            "--disable-component-update".to_owned(),
            "--disable-sync".to_owned(),
            "--hide-scrollbars".to_owned(),
            format!("--user-data-dir={}", driver.folder().join("profile").display()),
            format!("--window-size={width},{height}"),
        ];
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {"binary": program("chromium"), "args": arguments},
        }}});
        let mut browser = Self { driver, url, session: String::new() };
        let session = browser.call("POST", "", &wanted);
        browser.session = format!("/{}", session["sessionId"].as_str().expect("a session"));
        browser.size(width, height);
        browser
    }

    /// One `WebDriver` command of this session; its value.
    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let url = format!("{}/session{}{path}", self.url, self.session);
        let text = if method == "GET" { String::new() } else { body.to_string() };
        let reply = try_send(method, &url, &[("Content-Type", "application/json")], text)
            .unwrap_or_else(|error| panic!("{method} {path}: {error}\n{}", self.driver.log()));
        assert_eq!(reply.status, 200, "{method} {path}: {}\n{}", reply.text(), self.driver.log());
        reply.json()["value"].take()
    }

    /// Opens a file.
    pub(crate) fn open(&self, file: &Path) {
        self.call("POST", "/url", &json!({"url": format!("file://{}", file.display())}));
    }

    /// Gives the page this much room, in CSS pixels, whatever windows can be.
    pub(crate) fn size(&self, width: u32, height: u32) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.devtools("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// Has the page look as for a reader with this preference: `light` or `dark`.
    pub(crate) fn prefer(&self, scheme: &str) {
        let features = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.devtools("Emulation.setEmulatedMedia", &features);
    }

    /// Has the page look as on paper, or as on a screen again.
    pub(crate) fn on_paper(&self, paper: bool) {
        self.devtools("Emulation.setEmulatedMedia", &json!({"media": if paper { "print" } else { "" }}));
    }

    /// Loads pages from now on as for a reader without scripts, or with them.
    pub(crate) fn scripts(&self, on: bool) {
        self.devtools("Emulation.setScriptExecutionDisabled", &json!({"value": !on}));
    }

    fn devtools(&self, command: &str, parameters: &Value) -> Value {
        self.call("POST", "/goog/cdp/execute", &json!({"cmd": command, "params": parameters}))
    }

    /// What a function body returns in the page.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.call("POST", "/execute/sync", &json!({"script": script, "args": []}))
    }

    fn element(&self, css: &str) -> String {
        let found = self.call("POST", "/element", &json!({"using": "css selector", "value": css}));
        found[ELEMENT].as_str().unwrap_or_else(|| panic!("no {css}")).to_owned()
    }

    pub(crate) fn click(&self, css: &str) {
        self.call("POST", &format!("/element/{}/click", self.element(css)), &json!({}));
    }

    /// Types into an element, which gets the focus.
    pub(crate) fn type_into(&self, css: &str, text: &str) {
        self.call("POST", &format!("/element/{}/value", self.element(css)), &json!({"text": text}));
    }

    /// Presses keys, one after the other, wherever the focus is. Tab is `\u{e004}`, Enter `\u{e007}`.
    pub(crate) fn press(&self, keys: &str) {
        let strokes = keys.chars().flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": key})));
        let actions = json!({"actions": [{"type": "key", "id": "keyboard", "actions": strokes.collect::<Vec<_>>()}]});
        self.call("POST", "/actions", &actions);
    }

    /// What it says in its console: errors, refusals of the page's own policy.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let entries = self.call("POST", "/se/log", &json!({"type": "browser"}));
        let messages = entries.as_array().into_iter().flatten();
        messages.filter_map(|entry| entry["message"].as_str().map(str::to_owned)).collect()
    }

    /// The roles, names and states that a screen reader is told of, of everything that has a name.
    pub(crate) fn accessible(&self) -> Vec<(String, String)> {
        let tree = self.devtools("Accessibility.getFullAXTree", &json!({}));
        let nodes = tree["nodes"].as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value["value"].as_str().unwrap_or_default().to_owned();
        let nodes = nodes.iter().filter(|node| node["ignored"] != true);
        nodes.map(|node| (text(&node["role"]), text(&node["name"]))).collect()
    }

    /// The page as an image, whole.
    pub(crate) fn picture(&self) -> Vec<u8> {
        let shot = self.devtools("Page.captureScreenshot", &json!({"format": "png", "captureBeyondViewport": true}));
        decoded(&shot["data"])
    }

    /// The page as it is printed.
    pub(crate) fn print(&self) -> Vec<u8> {
        decoded(&self.call("POST", "/print", &json!({"background": true})))
    }
}

/// Where pictures are left for whoever wants to look at them: the folder that `PAGE_PICTURES` names, if it does.
pub(crate) fn pictures_wanted() -> Option<PathBuf> {
    std::env::var_os("PAGE_PICTURES").map(PathBuf::from)
}

fn decoded(value: &Value) -> Vec<u8> {
    base64::engine::general_purpose::STANDARD.decode(value.as_str().expect("text")).expect("Base64")
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The browser is the driver's child, and ends with the session.
        if !self.session.is_empty() {
            let _ = try_send("DELETE", &format!("{}/session{}", self.url, self.session), &[], "");
        }
    }
}
