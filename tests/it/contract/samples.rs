//! A message for every variant of the contract, each field filled, each secret one that [`SECRET`]
//! finds.

use keyfob_core::agent::api::{
    AccessKeyStatus, AgedKey, Answer, AssignedRoles, Audit, AuditCaller, AuditEvent, AuditLine,
    AuditOutcome, AuditPlace, Audited, BrowserUse, Caller, Check, Cleanup, Configure, Configured,
    ConsoleLink, Control, Credentials, Damage, DamageKind, DatabaseChoice, DatabaseStatus,
    DatabaseToken, DatabaseTokenRequest, Depth, Event, Finding, HeadState, Health, HeldSession,
    IdentityStatus, LastCaller, ListedProvider, Login, Logout, LongLivedKeys, Look, Maintain,
    MfaArn, Mode, Note, OldKey, OpenPrompt, OpenedWith, OtherSession, OtherUser, OtherUserBy,
    PassphraseUse, PasteKind, Person, Prompt, PromptKind, PromptState, ProxyStatus, Reach, Recover,
    Refresh, RemovalStep, Renewal, Replaces, Reply, Report, Request, Rotate, Rotated,
    RotationStage, RotationUnderWay, Running, Secret, SessionDuration, SessionRequest,
    SignInStatus, SignedIn, Snapshot, State, StepResult, Subject, Target, TypedKeys, Variable,
    Variables, VariablesForm, Verdict, What, Whoami, WhyKeys,
};
use keyfob_core::config::{
    Change, EntryList, NewIdentity, NewIdentityCenter, NewKind, NewWebIdentity, WrittenEntry,
};
use keyfob_core::error::{Code, Error};
use std::time::{Duration, SystemTime};

/// What every secret here begins with, and nothing else.
pub const SECRET: &str = "hidden-";

pub fn requests() -> Vec<Request> {
    let mut requests = vec![
        Request::Session(SessionRequest::Login(Login {
            identity: name(),
            duration: Some(duration()),
            renewal: Renewal::Always,
            mfa_code: Some("123456".to_owned()),
            assertion: Some(secret("assertion")),
            held: HeldSession::Kept,
            browser: BrowserUse::Here,
        })),
        Request::Session(SessionRequest::Credentials {
            identity: name(),
            wait_seconds: 18,
        }),
        Request::Session(SessionRequest::Variables {
            identity: name(),
            form: VariablesForm::Static,
        }),
        Request::Look(Look::Whoami {
            identity: name(),
            reach: Reach::Offline,
        }),
        Request::Look(Look::List),
        Request::Look(Look::Audit {
            since: Some(moment()),
        }),
        Request::Look(Look::AuditVerify),
        Request::Maintain(Maintain::Configure(Configure {
            identity: name(),
            keys: Some(typed_keys()),
            check: Check::Skip,
            other_user: OtherUser::Accepted,
            replaces: Replaces::Own,
        })),
        Request::Maintain(Maintain::Rotate(Rotate {
            identity: name(),
            keep_old: Some(duration()),
        })),
        Request::Maintain(Maintain::Cleanup(Cleanup {
            long_lived_keys: LongLivedKeys::Remove,
            mode: Mode::DryRun,
        })),
        Request::Maintain(Maintain::Repair {
            identity: Some(name()),
            recover: Recover::Nothing,
        }),
        Request::Maintain(Maintain::Edit { changes: changes() }),
        Request::Maintain(Maintain::Import {
            profiles: vec![name()],
        }),
        Request::Maintain(Maintain::ListRoles {
            provider: name(),
            browser: BrowserUse::NotWanted,
        }),
        Request::Session(SessionRequest::Console {
            identity: name(),
            destination: Some("s3".to_owned()),
            duration: "2h".parse().ok(),
        }),
        Request::Look(Look::Status),
        Request::Control(Control::Refresh(Refresh::Paused)),
        Request::Control(Control::Stop),
        Request::Control(Control::Cancel { prompt: 4 }),
        Request::Control(Control::LookAt { prompt: 4 }),
        Request::Control(Control::Follow { prompt: 4 }),
    ];
    let targets = [
        Target::Identity {
            name: name(),
            depth: Depth::Own,
        },
        Target::Provider("org".to_owned()),
        Target::All,
    ];
    requests.extend(targets.map(|target| {
        Request::Maintain(Maintain::Logout(Logout {
            target,
            long_lived_keys: LongLivedKeys::Keep,
            mode: Mode::Run,
        }))
    }));
    let written = DatabaseChoice::Written {
        identity: name(),
        host: "orders.example.com".to_owned(),
        port: 5432,
        user: "kim".to_owned(),
        region: Some("eu-central-1".to_owned()),
    };
    requests.extend(
        [DatabaseChoice::Named("orders".to_owned()), written].map(|database| {
            Request::Session(SessionRequest::DatabaseToken(DatabaseTokenRequest {
                database,
                renewal: Renewal::WhenDue,
                with: OpenedWith::Token,
            }))
        }),
    );
    requests
        .extend(answers().map(|answer| Request::Control(Control::Answer { prompt: 4, answer })));
    requests
}

fn answers() -> [Answer; 5] {
    [
        Answer::Keys(typed_keys()),
        Answer::MfaCode("123456".to_owned()),
        Answer::Passphrase(secret("passphrase")),
        Answer::Pasted(secret("code")),
        Answer::Confirmed,
    ]
}

pub fn replies() -> Vec<Reply> {
    let mut replies = vec![
        Reply::SignedIn(SignedIn {
            identity: name(),
            provider: "org".to_owned(),
            chain: vec!["org".to_owned(), name()],
            account: Some(account()),
            region: "eu-central-1".to_owned(),
            expires_at: moment(),
            source: "keyring".to_owned(),
            kept: true,
            hands_out_keys: true,
        }),
        Reply::Credentials(Credentials {
            access_key_id: "ASIAIOSFODNN7EXAMPLE".to_owned(),
            secret_access_key: secret("key"),
            session_token: Some(secret("token")),
            expires_at: moment(),
            account: Some(account()),
        }),
        Reply::Variables(Variables {
            set: vec![Variable {
                name: "AWS_PROFILE".to_owned(),
                value: secret("value"),
            }],
            remove: vec!["AWS_SESSION_TOKEN".to_owned()],
            withheld: vec!["FOB_KEYRING_PASSWORD".to_owned()],
            expires_at: Some(moment()),
        }),
        Reply::Whoami(whoami()),
        Reply::Configured(Configured {
            identity: name(),
            access_key_id: "AKIA…MPLE".to_owned(),
            account: Some(account()),
            principal: Some("arn:aws:iam::410000000017:user/kim".into()),
            checked: true,
        }),
        Reply::Audit(audit()),
        Reply::Removed(report()),
        Reply::Repaired(vec![Finding {
            name: name(),
            status: Health::Broken,
            detail: "a keyring entry cannot be used".to_owned(),
            remedy: Some("sign in again".to_owned()),
        }]),
        Reply::DatabaseToken(DatabaseToken {
            token: secret("token"),
            expires_at: moment(),
            identity: name(),
            host: "orders.abc.eu-central-1.rds.amazonaws.com".to_owned(),
            port: 5432,
            user: "app".to_owned(),
            region: "eu-central-1".to_owned(),
        }),
        Reply::Console(ConsoleLink {
            url: secret("url"),
            expires_at: moment(),
            identity: name(),
        }),
        Reply::Snapshot(Box::new(snapshot())),
        Reply::Edited {
            problem: Some(error(Code::ConfigInvalid)),
        },
        Reply::Imported {
            identities: vec![name()],
        },
        Reply::RolesListed(AssignedRoles {
            provider: name(),
            accounts: 3,
            roles: 4,
        }),
        Reply::Stopping,
        Reply::Prompt(PromptState::Answered),
        Reply::RunInProcess,
    ];
    let old_keys = [
        OldKey::Deleted,
        OldKey::Kept { until: moment() },
        OldKey::Left {
            error: error(Code::AccessDenied),
        },
    ];
    replies.extend(old_keys.map(|it| Reply::Rotated(rotated(it))));
    let heads = [
        HeadState::Known,
        HeadState::Behind { lines: 2 },
        HeadState::Unknown {
            why: "locked".to_owned(),
        },
    ];
    replies.extend(heads.map(|head| Reply::AuditVerified(verdict(head))));
    replies.extend(prompt_kinds().map(|kind| Reply::Needs(Box::new(prompt(kind)))));
    replies.extend(Code::ALL.iter().map(|code| Reply::Failed(error(*code))));
    replies
}

pub fn events() -> Vec<Event> {
    let mut events = vec![
        Event::SignedIn {
            identity: name(),
            expires_at: moment(),
        },
        Event::SignedOut { identity: name() },
        Event::Renewed {
            identity: name(),
            expires_at: moment(),
        },
        Event::NotRenewed {
            identity: name(),
            cause: error(Code::Network),
        },
        Event::RenewalFailing {
            identity: name(),
            expires_at: moment(),
            cause: error(Code::Network),
        },
        Event::KeysRevoked {
            identity: name(),
            error: error(Code::AwsCredentialsInvalid),
        },
        Event::RenewalRefused {
            identity: name(),
            error: error(Code::AccessDenied),
        },
        Event::ExpiresSoon {
            identity: name(),
            expires_at: moment(),
        },
        Event::SignInEndsSoon {
            provider: "corp".to_owned(),
            identity: name(),
            expires_at: moment(),
        },
        Event::Expired { identity: name() },
        Event::KeyIsOld(AgedKey {
            identity: name(),
            access_key_id: "AKIA…MPLE".to_owned(),
            since: moment(),
        }),
        Event::KeysStored { identity: name() },
        Event::PromptNotWaitedFor {
            prompt: 4,
            identity: name(),
        },
        Event::PromptClosed {
            prompt: 4,
            identity: name(),
        },
        Event::Rotating(rotation()),
        Event::DatabaseConnections {
            database: "orders".to_owned(),
            connections: 3,
        },
        Event::ConfigurationChanged,
        Event::WaitsForHolder {
            identity: name(),
            holder: "process 812, for terraform, has waited".to_owned(),
        },
        Event::ConfigurationBroken {
            error: error(Code::ConfigInvalid),
        },
    ];
    events.extend(prompt_kinds().map(|kind| Event::PromptOpened(Box::new(prompt(kind)))));
    events
}

pub fn notes() -> Vec<Note> {
    vec![
        Note::Info("Credentials saved to keyring: dev".to_owned()),
        Note::Warning("the clock is off".to_owned()),
    ]
}

pub fn caller() -> Caller {
    Caller {
        program: "terraform".into(),
        pid: 4711,
        person: Person::Present,
        trail: None,
    }
}

fn changes() -> Vec<Change> {
    let text = |text: &str| Some(text.to_owned());
    let kinds = [
        NewKind::User {
            region: text("eu-central-1"),
            mfa_arn: text("arn:aws:iam::410000000017:mfa/kim"),
        },
        NewKind::AssumeRole {
            via: "org".to_owned(),
            role_arn: "arn:aws:iam::410000000017:role/deploy".to_owned(),
            external_id: text("4711"),
            session_name: text("kim"),
            region: text("eu-central-1"),
            duration: text("45m"),
        },
        NewKind::Process {
            command: "print-keys".to_owned(),
            region: text("eu-central-1"),
        },
        NewKind::Ambient {
            region: text("eu-central-1"),
        },
        NewKind::Login {
            region: text("eu-central-1"),
        },
        NewKind::PermissionSet {
            provider: name(),
            role_name: "View".to_owned(),
            account: account(),
            region: text("eu-central-1"),
        },
        NewKind::AssumeRoleWithToken {
            provider: name(),
            role_arn: "arn:aws:iam::410000000017:role/deploy".to_owned(),
            session_name: text("kim"),
            region: text("eu-central-1"),
            duration: text("45m"),
        },
    ];
    let added = kinds.map(|kind| {
        Change::AddIdentity(NewIdentity {
            name: name(),
            is_default: true,
            kind,
            settings: Box::default(),
        })
    });
    let others = [
        Change::AddIdentityCenter(NewIdentityCenter {
            name: name(),
            start_url: "https://corp.awsapps.com/start".to_owned(),
            region: "eu-central-1".to_owned(),
            only_written: false,
        }),
        Change::AddIdentityCenter(NewIdentityCenter {
            name: name(),
            start_url: "https://corp.awsapps.com/start".to_owned(),
            region: "eu-central-1".to_owned(),
            only_written: true,
        }),
        Change::AddWebIdentity(NewWebIdentity {
            name: name(),
            token_file: "/var/run/token".to_owned(),
            region: text("eu-central-1"),
        }),
        Change::AddEntry(WrittenEntry {
            of: EntryList::Providers,
            name: name(),
            text: "kind: github/oidc".to_owned(),
        }),
        Change::MakeDefault(name()),
        Change::NotifyBefore("30m".to_owned()),
        Change::KeyAge("60d".to_owned()),
    ];
    added.into_iter().chain(others).collect()
}

fn name() -> String {
    "dev".to_owned()
}

fn account() -> String {
    "410000000017".to_owned()
}

/// With every digit a point in time can have.
fn moment() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::new(1_798_113_481, 123_456_700)
}

fn secret(what: &str) -> Secret {
    Secret::new(format!("{SECRET}{what}"))
}

fn duration() -> SessionDuration {
    "36h".parse().expect("a duration")
}

fn device() -> MfaArn {
    "arn:aws:iam::410000000017:mfa/kim"
        .parse()
        .expect("an MFA ARN")
}

fn rotated(old_key: OldKey) -> Rotated {
    Rotated {
        identity: name(),
        access_key_id: "AKIA…MPLE".to_owned(),
        old_access_key_id: Some("AKIA…WXYZ".to_owned()),
        old_key,
        stale_file: Some("/home/kim/accessKeys.csv".to_owned()),
        resumed: true,
    }
}

fn rotation() -> RotationUnderWay {
    RotationUnderWay {
        identity: name(),
        stage: RotationStage::Checking,
    }
}

fn typed_keys() -> TypedKeys {
    TypedKeys {
        access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret_access_key: secret("key"),
        mfa_arn: Some(device().as_str().to_owned()),
        session_duration: Some("36h".to_owned()),
        file: Some("/home/kim/accessKeys.csv".to_owned()),
    }
}

fn error(code: Code) -> Error {
    let error = Error::new(code, code.meaning())
        .hint("try again")
        .identity("dev")
        .step("org → dev")
        .aws_code("Throttled");
    error.for_want_of_a_person()
}

fn prompt_kinds() -> [PromptKind; 7] {
    [
        PromptKind::Keys {
            why: WhyKeys::Revoked,
            mfa_arn: Some(device()),
            session_duration: Some(duration()),
        },
        PromptKind::Mfa {
            device: device(),
            refused: Some("AWS refused it".to_owned()),
        },
        PromptKind::KeyringPassphrase {
            path: "/home/kim/.local/share/keyfob/keyring".to_owned(),
            purpose: PassphraseUse::Existing,
            refused: Some("it does not fit".to_owned()),
        },
        PromptKind::OtherUser {
            stored: "arn:aws:iam::123456789012:user/kim".to_owned(),
            given: "arn:aws:iam::123456789012:user/pat".to_owned(),
            by: OtherUserBy::SignIn,
        },
        PromptKind::Paste {
            what: PasteKind::SignInCode,
            address: "https://eu-central-1.signin.aws.amazon.com/v1/authorize".to_owned(),
            why: Some("there is no display here".to_owned()),
            in_a_window: true,
            refused: Some("copy all of it".to_owned()),
            expires_at: moment(),
        },
        PromptKind::Program {
            program: "ykman".to_owned(),
            says: "Touch your YubiKey...".into(),
        },
        PromptKind::Browser {
            address: "https://device.sso.eu-central-1.amazonaws.com/".to_owned(),
            code: "ABCD-EFGH".to_owned(),
            why_code: None,
            unopened: Some("fob (pid 4711) shows it already".to_owned()),
            expires_at: moment(),
        },
    ]
}

fn prompt(kind: PromptKind) -> Prompt {
    Prompt {
        id: 4,
        identity: name(),
        wanted: Some(name()),
        kind,
        attempt: 2,
        caller: caller(),
        unanswered: error(Code::PersonNeeded),
    }
}

fn sign_in() -> SignInStatus {
    SignInStatus {
        expires_at: moment(),
        renews_itself: true,
    }
}

fn whoami() -> Whoami {
    Whoami {
        identity: name(),
        provider: "org".to_owned(),
        kind: "aws-iam-user".to_owned(),
        principal: Some("arn:aws:iam::410000000017:user/kim".into()),
        account: Some(account()),
        region: "eu-central-1".to_owned(),
        state: State::Expiring,
        expires_at: Some(moment()),
        expires_in_seconds: Some(59),
        source: Some("keyring".to_owned()),
        realm: "aws".to_owned(),
        hands_out_keys: true,
        sign_in: Some(sign_in()),
    }
}

fn audit() -> Audit {
    let line = |number, outcome| AuditLine {
        number,
        time: moment().try_into().expect("a year of four digits"),
        event: AuditEvent::SignIn,
        identity: name().into(),
        what: "signed in".into(),
        outcome,
        caller: AuditCaller {
            program: "terraform".into(),
            pid: 4711,
            user: "kim".into(),
            trail: None,
        },
        previous: "0".repeat(64),
        is_forged: false,
    };
    Audit {
        identities: vec![Audited {
            identity: name(),
            sign_ins: 1,
            refreshes: 2,
            revocations: 3,
            keys_stored: 4,
            removals: 5,
            rotations: 6,
            failures: 7,
            last_use: Some(moment().try_into().expect("a year of four digits")),
            callers: ["terraform".to_owned()].into(),
        }],
        lines: vec![
            line(1, AuditOutcome::Ok),
            line(
                2,
                AuditOutcome::Failed {
                    error: Code::MfaRefused,
                },
            ),
        ],
        left_out: 8,
    }
}

fn verdict(head: HeadState) -> Verdict {
    let place = |line| AuditPlace {
        file: "audit.jsonl".to_owned(),
        line,
    };
    let damage = Damage {
        place: place(3),
        what: DamageKind::Cut,
        detail: "two lines are missing".to_owned(),
    };
    Verdict {
        lines: 3,
        damage: vec![damage],
        torn: vec![place(2)],
        head,
    }
}

fn report() -> Report {
    Report {
        subject: Subject::Identity,
        target: name(),
        mode: Mode::Run,
        chain: vec!["org".to_owned(), name()],
        identities: vec![name()],
        steps: vec![RemovalStep {
            what: What::ProviderSession,
            name: name(),
            path: "session:dev".to_owned(),
            result: StepResult::WouldRemove,
            detail: Some("its session".to_owned()),
            flag: Some("--keychain".to_owned()),
            code: None,
        }],
        others: vec![OtherSession {
            identity: "ops".to_owned(),
            expires_at: moment(),
        }],
        notes: vec!["open shells keep what they have".to_owned()],
    }
}

fn snapshot() -> Snapshot {
    Snapshot {
        agent: Some(Running {
            pid: 4711,
            version: "0.1.0".to_owned(),
            since: moment(),
            configuration: "/home/kim/.config/keyfob/config.yaml".to_owned(),
            configuration_problem: Some(error(Code::ConfigInvalid)),
            refresh: Refresh::Paused,
            surroundings: "a-b-c".to_owned(),
        }),
        providers: vec![ListedProvider {
            name: "org".to_owned(),
            kind: "aws-user".to_owned(),
            sign_in: Some(sign_in()),
        }],
        keyring: Some(error(Code::KeyringLocked)),
        identities: vec![IdentityStatus {
            name: name(),
            kind: "aws-iam-user".to_owned(),
            provider: Some("org".to_owned()),
            chain: vec!["org".to_owned(), name()],
            role: Some("arn:aws:iam::410000000017:role/deploy".to_owned()),
            account: Some(account()),
            source: Some("the keyring".to_owned()),
            state: State::NeedsSignIn,
            hands_out_keys: true,
            issued_at: Some(moment()),
            expires_at: Some(moment()),
            expires_in_seconds: Some(59),
            sign_in: Some(sign_in()),
            access_key: Some(AccessKeyStatus {
                id: "AKIA…MPLE".to_owned(),
                since: Some(moment()),
                is_old: true,
            }),
            default: true,
            next_refresh: Some(moment()),
            failing: Some(error(Code::Network)),
            last_caller: Some(LastCaller {
                program: "terraform".into(),
                pid: 4711,
                at: moment(),
            }),
        }],
        prompts: prompt_kinds()
            .map(|kind| OpenPrompt {
                prompt: prompt(kind),
                is_waited_for: true,
                since: moment(),
            })
            .into(),
        rotations: vec![rotation()],
        databases: vec![DatabaseStatus {
            name: "orders".to_owned(),
            engine: "postgres".to_owned(),
            host: "orders.abc.eu-central-1.rds.amazonaws.com".to_owned(),
            port: 5432,
            user: "app".to_owned(),
            identity: name(),
            with: OpenedWith::Token,
            expires_at: Some(moment()),
            proxy: Some(ProxyStatus {
                port: 15432,
                connections: 3,
                problem: Some(error(Code::FilesUnwritable)),
            }),
        }],
    }
}
