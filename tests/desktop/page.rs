//! The page in a window, driven from outside as a person would: finds what is visible by its role
//! and name, presses, types and reads. Speaks WebDriver to WebKit's own driver.

use crate::app::free_port;
use crate::desktop::{eventually, eventually_or};
use crate::windows;
use keyfob_core::clock::Clock;
use serde_json::{Value, json};
use std::cell::Cell;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// A change shows within two seconds; this machine may be busy.
const SOON: Duration = Duration::from_secs(5);

/// How WebDriver writes that a value is an element.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// The one visible element of these kinds with a name that begins so, in the sheet if there is one.
const FIND: &str = "
    const [kinds, name] = arguments;
    const called = (it) => (
        it.getAttribute('aria-label') ?? ([...(it.labels ?? [])].map((label) => label.innerText).join(' ') || it.innerText)
    ).replace(/\\s+/g, ' ').trim();
    const top = document.querySelector('dialog[open]') ?? document;
    const all = [...top.querySelectorAll(kinds)].filter((it) => it.getClientRects().length > 0);
    return all.find((it) => called(it) === name) ?? all.find((it) => called(it).startsWith(`${name} `)) ?? null;";
/// What a paste is to the page.
const PASTE: &str = "
    const data = new DataTransfer();
    data.setData('text/plain', arguments[1]);
    arguments[0].dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));";

pub struct Page {
    driver: Child,
    port: u16,
    session: String,
    presses: Cell<usize>,
}

impl Page {
    /// Where these words are what it shows first.
    pub fn of(inspector: u16, words: &str) -> Page {
        let port = free_port();
        let mut driver = Command::new("WebKitWebDriver");
        driver
            .arg(format!("--port={port}"))
            .arg(format!("--target=127.0.0.1:{inspector}"));
        let driver = driver
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("`./x test` installs it");
        let mut page = Page {
            driver,
            port,
            session: String::new(),
            presses: Cell::new(0),
        };
        page.session = eventually("WebDriver has a session", || {
            let begun = page
                .ask("POST", "/session", &json!({ "capabilities": {} }))
                .ok()?;
            begun["sessionId"].as_str().map(str::to_owned)
        });
        page.sees(words);
        page
    }

    pub fn presses(&self) -> usize {
        self.presses.get()
    }

    pub fn press(&self, name: &str) {
        self.press_one_of("button", name);
    }

    /// A box beside its words.
    pub fn tick(&self, name: &str) {
        self.press_one_of("input[type=checkbox]", name);
    }

    pub fn is_ticked(&self, name: &str) -> bool {
        let found = self.find("input[type=checkbox]", name);
        self.script("return arguments[0].checked", &[found]) == true
    }

    fn press_one_of(&self, kinds: &str, name: &str) {
        eventually(&format!("{name} can be pressed"), || {
            let found = self.script(FIND, &[kinds.into(), name.into()]);
            let element = found[ELEMENT].as_str()?;
            self.in_session("POST", &format!("element/{element}/click"), &json!({}))
                .ok()
        });
        self.presses.set(self.presses.get() + 1);
    }

    /// In the place of what is in the field. While the page is being drawn WebKit may refuse to
    /// type.
    pub fn fill(&self, label: &str, text: &str) {
        eventually(&format!("{label} takes text"), || {
            let field = self.find("input", label);
            let element = field[ELEMENT].as_str().expect("an element").to_owned();
            // It empties the field as a person does, with events.
            self.in_session("POST", &format!("element/{element}/clear"), &json!({}))
                .ok()?;
            self.in_session(
                "POST",
                &format!("element/{element}/value"),
                &json!({ "text": text }),
            )
            .ok()
        });
    }

    pub fn value(&self, label: &str) -> String {
        let field = self.find("input, select", label);
        self.script("return arguments[0].value", &[field])
            .as_str()
            .expect("text")
            .to_owned()
    }

    pub fn choose(&self, label: &str, option: &str) {
        let list = self.find("select", label);
        let choose = "
            arguments[0].value = arguments[1];
            arguments[0].dispatchEvent(new Event('change', { bubbles: true }));";
        self.script(choose, &[list, option.into()]);
    }

    /// Onto a field.
    pub fn paste(&self, label: &str, text: &str) {
        let field = self.find("input", label);
        self.script(PASTE, &[field, text.into()]);
    }

    fn find(&self, kinds: &str, name: &str) -> Value {
        eventually(name, || {
            Some(self.script(FIND, &[kinds.into(), name.into()])).filter(|it| !it.is_null())
        })
    }

    /// What can be read, on one line.
    pub fn text(&self) -> String {
        let text = self.script("return document.body.innerText", &[]);
        text.as_str()
            .unwrap_or_default()
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    }

    pub fn sees(&self, words: &str) {
        let look = || self.text().contains(words).then_some(());
        eventually_or(look, || {
            let (text, windows) = (self.text(), windows::titles());
            format!("the page says {words:?} instead of {text:?}, windows: {windows:?}")
        });
    }

    /// Without anything else that happens.
    pub fn sees_soon(&self, words: &str) {
        let clock = Clock::system();
        let since = clock.now();
        self.sees(words);
        let took = clock.now().duration_since(since);
        assert!(
            took.as_ref().is_ok_and(|took| *took < SOON),
            "{words:?} took {took:?}"
        );
    }

    pub fn sees_no_more(&self, words: &str) {
        eventually(&format!("the page no longer says {words:?}"), || {
            (!self.text().contains(words)).then_some(())
        });
    }

    /// The lines of the lists with this name.
    pub fn lines(&self, list: &str) -> Vec<String> {
        let lines = "
            const list = document.querySelector(`[aria-label='${arguments[0]}'], [aria-labelledby='${arguments[0]}']`);
            return [...(list?.querySelectorAll('li') ?? [])].map((it) => it.innerText.replace(/\\s+/g, ' ').trim());";
        serde_json::from_value(self.script(lines, &[list.into()])).expect("lines of text")
    }

    pub fn script(&self, script: &str, arguments: &[Value]) -> Value {
        let body = json!({ "script": script, "args": arguments });
        // A page that is just being drawn anew has no answer.
        self.in_session("POST", "execute/sync", &body)
            .unwrap_or(Value::Null)
    }

    fn in_session(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        self.ask(method, &format!("/session/{}/{path}", self.session), body)
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let port = self.port;
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let exchange = || -> std::io::Result<String> {
            let mut stream = TcpStream::connect(("127.0.0.1", port))?;
            stream.set_read_timeout(Some(Duration::from_secs(60)))?;
            let length = body.len();
            let head = format!(
                "Host: 127.0.0.1:{port}\r\nConnection: close\r\nContent-Length: {length}\r\n"
            );
            write!(
                stream,
                "{method} {path} HTTP/1.1\r\n{head}Content-Type: application/json\r\n\r\n{body}"
            )?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok(answer)
        };
        let answer = exchange().map_err(|cause| cause.to_string())?;
        let (head, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
        let mut answer: Value =
            serde_json::from_str(body).map_err(|error| format!("{error}: {answer}"))?;
        let value = answer["value"].take();
        if head.starts_with("HTTP/1.1 200") {
            Ok(value)
        } else {
            Err(value.to_string())
        }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // It ends with its driver at the latest.
        let _ = self.in_session("DELETE", "", &Value::Null);
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
