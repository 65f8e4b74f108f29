//! Where secrets lie in an agent's memory after a sign-in: in pages that are kept out of swap, or
//! nowhere any more.

/// Only root reads the memory of a process that keeps debuggers out.
mod users {
    use crate::home::{DEV, Home, code, text};
    use serde_json::Value;
    use std::fs::{self, File};
    use std::io::{Read, Seek, SeekFrom};

    /// A range of addresses, as the system lists it.
    struct Range {
        start: u64,
        end: u64,
        is_locked: bool,
        name: String,
    }

    /// Those that a program can write to: a secret is in no other.
    fn ranges(pid: u32) -> Vec<Range> {
        let text = fs::read_to_string(format!("/proc/{pid}/smaps")).expect("only for root");
        let mut found: Vec<Range> = Vec::new();
        let mut is_writable = false;
        for line in text.lines() {
            let mut fields = line.split_ascii_whitespace();
            let first = fields.next().unwrap_or_default();
            if let Some((start, end)) = first.split_once('-') {
                is_writable = fields.next().is_some_and(|it| it.starts_with("rw"));
                let address = |text| u64::from_str_radix(text, 16).expect("an address");
                if is_writable {
                    found.push(Range {
                        start: address(start),
                        end: address(end),
                        is_locked: false,
                        name: fields.nth(3).unwrap_or_default().to_owned(),
                    });
                }
            } else if first == "VmFlags:"
                && is_writable
                && let Some(last) = found.last_mut()
            {
                last.is_locked = fields.any(|flag| flag == "lo");
            }
        }
        found
    }

    /// Each copy in a page that may be swapped: what stands around it, without the secret.
    fn unlocked_copies(pid: u32, secret: &str) -> Vec<String> {
        let mut memory = File::open(format!("/proc/{pid}/mem")).expect("only for root");
        let mut found = Vec::new();
        for range in ranges(pid).iter().filter(|range| !range.is_locked) {
            let mut bytes = vec![0; usize::try_from(range.end - range.start).expect("it fits")];
            let read = memory
                .seek(SeekFrom::Start(range.start))
                .and_then(|_| memory.read_exact(&mut bytes));
            if read.is_err() {
                continue;
            }
            let mut from = 0;
            while let Some(at) = bytes[from..]
                .windows(secret.len())
                .position(|it| it == secret.as_bytes())
            {
                let at = from + at;
                let before = String::from_utf8_lossy(&bytes[at.saturating_sub(60)..at]);
                let after = &bytes[at + secret.len()..];
                let after = String::from_utf8_lossy(&after[..after.len().min(40)]);
                found.push(format!("{:?} … {:?} {}", before, after, range.name));
                from = at + secret.len();
            }
        }
        found
    }

    #[test]
    #[ignore = "only root may read the memory of another process"]
    fn after_a_sign_in_no_secret_is_left_in_pages_that_may_be_swapped() {
        let home = Home::signed_up(DEV);
        let long_lived = home.key().secret_access_key;
        let agent = home.start_agent();
        let ran = home.run(&["login", "dev"]);
        assert_eq!(code(&ran), 0, "{}", text(&ran.stderr));
        let printed = home.run(&["credential-process", "dev"]);
        let session: Value = serde_json::from_slice(&printed.stdout).expect("JSON");
        let of_session = |name: &str| session[name].as_str().expect("text").to_owned();
        let mut left = Vec::new();
        for (what, secret) in [
            ("long-lived secret", long_lived.expose().to_owned()),
            ("session's secret", of_session("SecretAccessKey")),
            ("session token", of_session("SessionToken")),
        ] {
            let copies = unlocked_copies(agent.pid(), &secret);
            left.extend(copies.iter().map(|it| format!("{what}: {it}")));
        }
        assert!(left.is_empty(), "{}: {left:#?}", left.len());
    }
}
