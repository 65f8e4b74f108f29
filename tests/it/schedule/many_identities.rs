//! A thousand identities that expire together.

use super::*;
use crate::home::wait_for;
#[cfg(target_os = "linux")]
use crate::opens::Opens;
use keyfob_core::sandbox::{FaultSwitch, SandboxFault};

const MANY: usize = 1_000;
const AT_ONCE: usize = 8;

fn name(number: usize) -> String {
    format!("role-{number}")
}

fn config() -> String {
    let role = |number| {
        let name = name(number);
        format!(
            "    {name}: {{ kind: aws/assume-role, via: {{ identity: dev }}, principal: {{ assume_role: \
             \"arn:aws:iam::420000000025:role/deploy\" }} }}\n"
        )
    };
    (0..MANY)
        .map(role)
        .fold(DEV.to_owned(), |config, role| config + &role)
}

#[test]
fn a_thousand_that_expire_together_are_renewed_in_time_a_few_at_once_while_others_are_answered() {
    wait_for(async {
        let mut stage = Stage::set(&config()).await;
        stage.log_in("dev").await;
        for first in (0..MANY).step_by(50) {
            let waiting: Vec<_> = (first..first + 50)
                .map(|number| program_waits(&stage.agent, &name(number), 0))
                .collect();
            for program in waiting {
                program.await.expect("no panic").expect("a session");
            }
        }
        stage.quiet();
        // Each has jitter of its own: by now all of them are due.
        let calls = u32::try_from(MANY).expect("not that many");
        stage
            .sandbox
            .inject(FaultSwitch::on(SandboxFault::Delay { milliseconds: 2 }).times(calls))
            .expect("a fault");
        stage.pass(45 * MINUTE).await;
        let (mut most, mut answered) = (0, 0);
        loop {
            let made = stage.sandbox.journal().len();
            let begun = stage
                .sandbox
                .state()
                .faults
                .first()
                .map_or(calls, |switch| calls - switch.times.unwrap_or(0));
            let under_way = usize::try_from(begun)
                .expect("not that many")
                .saturating_sub(made);
            most = most.max(under_way);
            if made >= MANY {
                break;
            }
            for _ in 0..10 {
                assert!(stage.credentials(&name(answered % MANY)).await.is_ok());
                answered += 1;
                Clock::nap(Duration::from_millis(4)).await;
            }
        }
        assert!(
            answered > 10 && (2..=AT_ONCE).contains(&most),
            "{answered} answered, {most} at once"
        );
        stage
            .until("all are renewed", async |stage| {
                let (now, status) = (stage.clock.now(), stage.status().await);
                let of_a_role = status
                    .identities
                    .iter()
                    .filter(|it| it.name.starts_with("role-"));
                of_a_role
                    .filter(|it| it.next_refresh.is_some_and(|at| at > now))
                    .count()
                    == MANY
            })
            .await;
        assert_eq!(stage.calls(), vec!["AssumeRole"; MANY]);
        assert!(stage.clock.now() < start() + HOUR);
        // More than the agent keeps for those who read late.
        let mut seen = 0;
        while let Ok(event) = stage.events.try_recv() {
            assert!(matches!(event, Event::Renewed { .. }), "{event:?}");
            seen += 1;
        }
        assert!(seen <= MANY);
    });
}

/// Each cost three opened files, every half minute.
#[cfg(target_os = "linux")]
#[test]
fn what_nobody_wrote_is_not_read_again_and_what_others_wrote_is() {
    wait_for(async {
        let names = ["dev", "role-1", "role-2"];
        let stage = Stage::set_with(&config(), Keyring::File, None).await;
        for name in names {
            stage.log_in(name).await;
        }
        stage.settled(&names).await;
        stage.pass(LOOK).await;
        stage.settled(&names).await;
        Clock::nap(Duration::from_millis(500)).await;
        let opens = Opens::below(&stage.folder.path().join(".local/state/keyfob/default"));
        opens.count();
        for _ in 0..4 {
            stage.pass(LOOK).await;
            Clock::nap(Duration::from_millis(100)).await;
        }
        assert_eq!(opens.count(), 0);
        let other = stage.another(Role::InProcess);
        let reply = as_a_person(&other.client(), login("role-3", None)).await;
        assert!(matches!(reply, Reply::SignedIn(_)), "{reply:?}");
        opens.count();
        stage.pass(LOOK).await;
        let mut looked_at = 0;
        while looked_at < MANY {
            Clock::nap(Duration::from_millis(20)).await;
            looked_at += opens.count();
        }
    });
}
