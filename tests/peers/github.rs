//! GitHub, as a job of its Actions asks it for a token.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// Answers whoever has the job's own token, on loopback, and notes the paths.
pub struct Github {
    pub url: String,
    paths: Arc<Mutex<Vec<String>>>,
}

impl Github {
    pub fn answering(answer: String) -> Github {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("it listens");
        let paths: Arc<Mutex<Vec<String>>> = Arc::default();
        let noted = paths.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer_a_job(stream, &answer, &noted);
            }
        });
        Github {
            url: format!("http://{address}/token?api-version=2.0"),
            paths,
        }
    }

    /// The variables of a job with this token: the right one is `job-token`.
    pub fn job<'a>(&'a self, token: &'a str) -> [(&'static str, &'a str); 3] {
        [
            ("GITHUB_ACTIONS", "true"),
            ("ACTIONS_ID_TOKEN_REQUEST_URL", &self.url),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", token),
        ]
    }

    pub fn paths(&self) -> Vec<String> {
        self.paths.lock().expect("no panic").clone()
    }
}

fn answer_a_job(mut stream: TcpStream, body: &str, paths: &Mutex<Vec<String>>) {
    let mut head = [0; 4096];
    let length = stream.read(&mut head).unwrap_or_default();
    let head = String::from_utf8_lossy(&head[..length]).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
    paths.lock().expect("no panic").push(path);
    let head = head.to_ascii_lowercase();
    let (status, body) = if head.contains("authorization: bearer job-token") {
        ("200 OK", body)
    } else {
        ("401 Unauthorized", "")
    };
    let length = body.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
    // It may have gone meanwhile.
    let _ = stream.write_all(answer.as_bytes());
}
