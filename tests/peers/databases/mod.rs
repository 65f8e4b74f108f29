//! `fob rds` with databases and clients of other makes. The databases check each token as RDS does:
//! by its signature, its age, and the end of the session that signed it.

mod server;

use crate::home::{Home, Ran};
use keyfob_core::environment::Environment;
use serde_json::Value;
use server::{Engine, Proxy, Server, home_with};
use std::time::Duration;

const FOB: &str = env!("CARGO_BIN_EXE_fob");
const APP: &str = "user: app, via: { identity: deploy }";

/// A server, a home with it as the database `orders` whose sessions last so many seconds, and the
/// proxy between them.
fn behind_a_proxy(engine: Engine, seconds: u32) -> (Server, Home, Proxy) {
    let server = Server::start(engine);
    let home = home_with(&server.entry("orders", APP), &server.sessions_of(seconds));
    let proxy = Proxy::of(&home, FOB, "orders");
    (server, home, proxy)
}

/// MariaDB's own client, at the proxy.
fn mariadb(home: &Home, port: &str, user: &str, more: &[&str]) -> Ran {
    let place = ["-h", "127.0.0.1", "-P", port, "-u", user];
    let client = [&["mariadb", "--no-defaults"], &place[..], more];
    home.run(&client.concat())
}

fn all_in(server: &Server) -> Vec<String> {
    let logins = server.logins();
    assert!(logins.iter().all(|it| it.starts_with("in ")), "{logins:?}");
    logins
}

#[test]
#[ignore = "starts PostgreSQL: only root can"]
fn psql_gets_in_with_a_token_of_its_own_and_through_the_proxy() {
    let (server, home, proxy) = behind_a_proxy(Engine::Postgres, 3600);
    let who = "SELECT current_user || '@' || current_database()";
    let ca = server.path("server.crt");
    let own = [
        FOB, "rds", "exec", "orders", "--ca", &ca, "--", "psql", "-Atc", who, "lake",
    ];
    assert_eq!(home.run(&own).ok(), "app@lake\n");
    let psql = |user: &str, sql: &str| {
        let place = format!("host=127.0.0.1 port={} user={user} dbname=lake", proxy.port);
        home.run(&["psql", "-Atc", sql, &place])
    };
    assert_eq!(psql("app", who).ok(), "app@lake\n");
    let refused = psql("root", who);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.contains("connect as app"), "{refused:?}");
    // What the server says of itself comes through, and a megabyte as well.
    let failed = psql("app", "SELECT nonsense");
    assert!(
        failed.stderr.contains("\"nonsense\" does not exist"),
        "{failed:?}"
    );
    let long = psql("app", "SELECT repeat('x', 1000000)").ok();
    assert_eq!(long.len(), 1_000_001);
    // A person who waits too long: Ctrl+C reaches the server.
    let place = format!("host=127.0.0.1 port={} user=app dbname=lake", proxy.port);
    let mut terminal = home.terminal(&["psql", "--no-psqlrc", &place]);
    terminal.read_to("lake=>");
    terminal.type_line("SELECT pg_sleep(100);");
    server.is_so(
        "SELECT 1 / count(*) FROM pg_stat_activity
         WHERE query LIKE 'SELECT pg_sleep%' AND state = 'active'",
    );
    terminal.press_control('c');
    terminal.read_to("canceling statement due to user request");
    terminal.type_line("\\q");
    assert_eq!(terminal.finish().1, 0);
    all_in(&server);
}

/// How long pools open connections, and what they see of the lives of sessions.
struct Span {
    seconds: u32,
    session: u32,
    between_rounds: &'static str,
}

impl Span {
    const SHORT: Span = Span {
        seconds: 40,
        session: 12,
        between_rounds: "0.2",
    };

    /// The seconds in KEYFOB_LONG_RUN, with sessions of a minute.
    fn of_pools() -> Span {
        let environment = Environment::capture();
        let seconds = environment.var("KEYFOB_LONG_RUN").expect("plain text");
        seconds.map_or(Span::SHORT, |text| Span {
            seconds: text.parse().expect("seconds"),
            session: 60,
            between_rounds: "3",
        })
    }

    /// In so many rounds, each of which opened a connection.
    fn took_several_tokens(&self, server: &Server, rounds: usize) {
        let mut tokens = all_in(server);
        let connections = tokens.len();
        assert!(
            rounds > 10 && connections > rounds,
            "{rounds}, {connections}"
        );
        tokens.sort_unstable();
        tokens.dedup();
        let (tokens, lives) = (tokens.len(), (self.seconds / self.session) as usize);
        println!("{rounds} rounds, {connections} connections, {tokens} tokens, none refused");
        // A token goes with its session, of which each is good for three quarters of its life.
        assert!((lives..=2 * lives + 2).contains(&tokens), "{tokens}");
    }
}

/// A pool that opens a connection every time, for so many seconds, while sessions come and go; two
/// that are kept all the time work to the end.
const POOL: &str = r#"
import sys, time, psycopg, psycopg_pool, sqlalchemy
place, seconds = f"host=127.0.0.1 port={sys.argv[1]} user=app dbname=lake", float(sys.argv[2])
kept = psycopg.connect(place)
engine = sqlalchemy.create_engine(f"postgresql+psycopg://app@127.0.0.1:{sys.argv[1]}/lake", pool_size=1)
engine.connect().close()
opened = 0
with psycopg_pool.ConnectionPool(place, min_size=1, max_size=4, max_lifetime=1, open=True) as pool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with pool.connection() as it:
            assert it.execute("SELECT current_user").fetchone() == ("app",)
        with psycopg.connect(place) as it:
            assert it.execute("SELECT 1").fetchone() == (1,)
        opened += 1
        time.sleep(float(sys.argv[3]))
assert kept.execute("SELECT 1").fetchone() == (1,)
with engine.connect() as it:
    assert it.execute(sqlalchemy.text("SELECT 1")).scalar() == 1
print(opened)
"#;

#[test]
#[ignore = "starts PostgreSQL: only root can"]
fn pools_outlive_their_tokens_without_a_failed_connection() {
    let span = Span::of_pools();
    let (server, mut home, proxy) = behind_a_proxy(Engine::Postgres, span.session);
    home.allow(span.seconds);
    let seconds = span.seconds.to_string();
    let opened = home.python(POOL, &[&proxy.port, &seconds, span.between_rounds]);
    let opened = opened.ok().trim().parse().expect("a number");
    span.took_several_tokens(&server, opened);
}

/// A pool of HikariCP, through the proxy.
fn hikari(engine: Engine, protocol: &str) {
    const POOL: &str = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/peers/databases/Pool.java"
    );
    let span = Span::of_pools();
    let (server, mut home, proxy) = behind_a_proxy(engine, span.session);
    home.allow(span.seconds);
    let address = format!("jdbc:{protocol}://127.0.0.1:{}/lake", proxy.port);
    let jars = ["HikariCP", "slf4j-api", "postgresql", "mariadb-java-client"];
    let jars = jars
        .map(|jar| format!("/usr/share/java/{jar}.jar"))
        .join(":");
    let seconds = span.seconds.to_string();
    let pool = [
        "java",
        "-cp",
        &jars,
        POOL,
        &address,
        &seconds,
        span.between_rounds,
    ];
    let rounds = home.run(&pool).ok().trim().parse().expect("a number");
    span.took_several_tokens(&server, rounds);
}

#[test]
#[ignore = "starts PostgreSQL: only root can"]
fn a_java_pool_of_postgresql_outlives_its_tokens_without_a_failed_connection() {
    hikari(Engine::Postgres, "postgresql");
}

#[test]
#[ignore = "starts MariaDB: only root can"]
fn a_java_pool_of_mariadb_outlives_its_tokens_without_a_failed_connection() {
    hikari(Engine::Mariadb, "mariadb");
}

#[test]
#[ignore = "starts MariaDB: only root can"]
fn the_mysql_client_gets_in_over_the_lives_of_several_tokens() {
    const ROUNDS: usize = 25;
    let span = Span::SHORT;
    let (server, home, proxy) = behind_a_proxy(Engine::Mariadb, span.session);
    for _ in 0..=ROUNDS {
        let one = mariadb(&home, &proxy.port, "app", &["-Ne", "SELECT 1"]);
        assert_eq!(one.ok(), "1\n");
        server::pause(Duration::from_secs(1));
    }
    span.took_several_tokens(&server, ROUNDS);
}

#[test]
#[ignore = "starts MariaDB: only root can"]
fn clients_of_mysql_get_in_through_the_proxy() {
    const PYMYSQL: &str = r#"
import sys, pymysql
it = pymysql.connect(host="127.0.0.1", port=int(sys.argv[1]), user="app", database="lake")
with it.cursor() as cursor:
    cursor.execute("SELECT REPEAT('x', 1000000)")
    print(len(cursor.fetchone()[0]))
"#;
    let (server, home, proxy) = behind_a_proxy(Engine::Mariadb, 3600);
    let mysql = |user: &str, more: &[&str]| {
        let who = "SELECT CONCAT(CURRENT_USER(), ' ', DATABASE())";
        let more = [more, &["-Ne", who, "lake"]].concat();
        mariadb(&home, &proxy.port, user, &more)
    };
    assert_eq!(mysql("app", &[]).ok(), "app@% lake\n");
    assert_eq!(mysql("app", &["--password=anything"]).ok(), "app@% lake\n");
    assert_eq!(mysql("app", &["--compress"]).ok(), "app@% lake\n");
    let refused = mysql("root", &[]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("connect as app"), "{refused:?}");
    assert_eq!(home.python(PYMYSQL, &[&proxy.port]).ok(), "1000000\n");
    all_in(&server);
}

/// Of the doctor: signed in to with a token, then refused in the server's own words.
fn examined(engine: Engine, refusal: &str) {
    let server = Server::start(engine);
    let home = home_with(&server.entry("orders", APP), &server.sessions_of(3600));
    home.run(&[FOB, "login", "deploy"]).ok();
    let orders = || {
        let ran = home.run(&[FOB, "doctor", "--json"]);
        let all: Value = serde_json::from_str(&ran.stdout).expect("JSON");
        let mut all = all["checks"].as_array().expect("a list").iter();
        let orders = all.find(|it| it["name"] == "database orders");
        orders.expect("a check").clone()
    };
    let checked = orders();
    assert_eq!(checked["status"], "ok", "{checked:#}");
    assert_eq!(all_in(&server).len(), 1);
    std::fs::write(server.path("address"), "elsewhere:1").expect("written");
    let checked = orders();
    assert_eq!(checked["status"], "broken", "{checked:#}");
    let detail = checked["detail"].as_str().expect("text");
    assert!(detail.contains(refusal), "{checked:#}");
}

#[test]
#[ignore = "starts PostgreSQL: only root can"]
fn the_doctor_signs_in_to_postgresql() {
    examined(
        Engine::Postgres,
        "PAM authentication failed for user \"app\"",
    );
}

#[test]
#[ignore = "starts MariaDB: only root can"]
fn the_doctor_signs_in_to_mariadb() {
    examined(Engine::Mariadb, "Access denied for user 'app'");
}

/// With moto's Secrets Manager and a rotation in between.
fn rotated(engine: Engine, client: &dyn Fn(&Home, &str) -> String) {
    const MAKE: &str = "import os; sm = boto3.client('secretsmanager')
print(json.dumps(sm.create_secret(Name='db', SecretString=sys.argv[1])['ARN']))";
    const CHANGE: &str = "import os; sm = boto3.client('secretsmanager')
sm.put_secret_value(SecretId='db', SecretString=sys.argv[1])";
    let server = Server::start(engine);
    let moto = crate::moto::Moto::start();
    let policy = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["sts:*", "secretsmanager:GetSecretValue"], "Resource": "*"}]}"#;
    let key = moto.new_user("kim", policy);
    let secret = |password: &str| {
        serde_json::json!({"username": "legacy", "password": password}).to_string()
    };
    let arn = moto.administer(MAKE, &[&secret(server::PASSWORD)]);
    let arn: String = serde_json::from_str(arn.trim()).expect("an ARN");
    let keys =
        serde_json::json!({"Version": 1, "AccessKeyId": key.id, "SecretAccessKey": key.secret});
    let login = format!("user: legacy, via: {{ identity: deploy }}, password_secret: \"{arn}\"");
    let printed = server.path("kim.json");
    std::fs::write(&printed, keys.to_string()).expect("written");
    let mut home = home_with(&server.entry("old", &login), &format!("cat {printed}"));
    home.set("AWS_ENDPOINT_URL", moto.endpoint());
    let proxy = Proxy::of(&home, FOB, "old");
    assert_eq!(client(&home, &proxy.port), "legacy");
    let shown = home
        .run(&[FOB, "rds", "token", "old", "--password", "--json"])
        .ok();
    let shown: Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!(shown["password"], server::PASSWORD);
    server.set_password("another one");
    moto.administer(CHANGE, &[&secret("another one")]);
    assert_eq!(client(&home, &proxy.port), "legacy");
    assert_eq!(client(&home, &proxy.port), "legacy");
}

#[test]
#[ignore = "starts PostgreSQL: only root can"]
fn a_rotated_password_of_postgresql_is_read_again() {
    rotated(Engine::Postgres, &|home, port| {
        let place = format!("host=127.0.0.1 port={port} user=legacy dbname=lake");
        home.run(&["psql", "-Atc", "SELECT current_user", &place])
            .ok()
            .trim()
            .to_owned()
    });
}

#[test]
#[ignore = "starts MariaDB: only root can"]
fn a_rotated_password_of_mariadb_is_read_again() {
    rotated(Engine::Mariadb, &|home, port| {
        let who = "SELECT SUBSTRING_INDEX(CURRENT_USER(), '@', 1)";
        let ran = mariadb(home, port, "legacy", &["-Ne", who, "lake"]);
        ran.ok().trim().to_owned()
    });
}
