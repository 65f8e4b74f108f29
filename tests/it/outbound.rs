//! Which hosts `fob` calls where no setting names one: those of AWS alone.

use crate::home::{DEV, Home, code, text, typed};
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A proxy that lets nothing through and remembers each host, until its process ends.
struct Recorder {
    address: String,
    asked: Arc<Mutex<BTreeSet<String>>>,
}

impl Recorder {
    fn start() -> Recorder {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("bound").to_string();
        let asked = Arc::default();
        let heard = Arc::clone(&asked);
        thread::spawn(move || {
            for client in listener.incoming() {
                refuse(&client.expect("a client"), &heard);
            }
        });
        Recorder { address, asked }
    }

    fn asked(&self) -> BTreeSet<String> {
        std::mem::take(&mut self.asked.lock().expect("one at a time"))
    }
}

/// `CONNECT host:port`, or a whole address.
fn refuse(mut client: &TcpStream, asked: &Mutex<BTreeSet<String>>) {
    let mut lines = BufReader::new(client).lines().map_while(Result::ok);
    let Some(first) = lines.next() else { return };
    // To the end of its head, so that the answer is not lost.
    lines.find(String::is_empty);
    let host = first.split(' ').nth(1).unwrap_or(&first).to_owned();
    asked.lock().expect("one at a time").insert(host);
    // It may be gone.
    let _ = client.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
}

#[test]
fn nothing_is_sent_to_any_host_but_those_of_aws() {
    let home = Home::with(DEV);
    let recorder = Recorder::start();
    let run = |words: &[&str]| {
        let mut fob = home.fob(words);
        fob.env_remove("AWS_ENDPOINT_URL");
        for scheme in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            fob.env(scheme, format!("http://{}", recorder.address));
        }
        fob
    };
    let unseen = ["user", "configure", "dev", "--stdin", "--no-check"];
    let stored = crate::home::with_input(run(&unseen), &typed(&home.key()));
    assert_eq!(code(&stored), 0, "{}", text(&stored.stderr));
    assert_eq!(recorder.asked(), BTreeSet::new());
    for with_agent in [false, true] {
        let _agent = with_agent.then(|| home.agent(run(&["agent", "run"])));
        for words in [
            &["list"][..],
            &["status"],
            &["validate"],
            &["audit"],
            &["cleanup", "--dry-run"],
            &["repair", "dev"],
            &["whoami", "dev"],
            &["doctor"],
            &["login", "dev"],
            &["credential-process", "dev"],
            &["logout", "dev"],
        ] {
            run(words).output().expect("fob starts");
        }
        let asked = recorder.asked();
        assert!(
            asked.iter().any(|it| it.starts_with("sts.")) && of_aws(&asked),
            "with an agent {with_agent}: {asked:?}"
        );
    }
}

fn of_aws(asked: &BTreeSet<String>) -> bool {
    asked.iter().all(|it| it.ends_with(".amazonaws.com:443"))
}
