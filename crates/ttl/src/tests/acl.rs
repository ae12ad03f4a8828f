use aikagi_devkit::installation::redis_users::RedisUser;
use redis::aio::MultiplexedConnection;
use redis::{RedisResult, ServerErrorKind, Value};

use super::Server;

/// A key of each kind, and a key that no user may access.
const KEYS: [&str; 5] = [
    "call:c",
    "temp:0312345678",
    "sess:d",
    "rate:192.0.2.1",
    "other",
];

/// True if the architecture's table gives a user this access to a key.
fn allowed(user: RedisUser, key: &str, writes: bool) -> bool {
    match user {
        RedisUser::Issuance => ["call:c", "temp:0312345678"].contains(&key),
        RedisUser::Authentication => key == "sess:d" || (key == "temp:0312345678" && !writes),
        RedisUser::Gateway => key == "rate:192.0.2.1",
    }
}

async fn run(connection: &mut MultiplexedConnection, words: &[&str]) -> RedisResult<Value> {
    let mut command = redis::cmd(words[0]);
    for word in &words[1..] {
        command.arg(*word);
    }
    command.query_async(connection).await
}

fn refused(response: &RedisResult<Value>) -> bool {
    response
        .as_ref()
        .is_err_and(|error| error.kind() == ServerErrorKind::NoPerm.into())
}

/// The commands that the modules send, with this key. The second value is true if the command writes.
fn module_commands(key: &str) -> Vec<(Vec<&str>, bool)> {
    vec![
        (vec!["HMGET", key, "a"], false),
        (vec!["HGET", key, "a"], false),
        (vec!["HSET", key, "a", "b"], true),
        (vec!["PEXPIRE", key, "1000"], true),
        (vec!["DEL", key], true),
        (vec!["GET", key], false),
        (vec!["SET", key, "x"], true),
    ]
}

/// True if the service of this user sends the command.
fn sends(user: RedisUser, command: &str) -> bool {
    match user {
        RedisUser::Issuance => ["HMGET", "HGET", "HSET", "PEXPIRE", "DEL"].contains(&command),
        RedisUser::Authentication => ["HMGET", "HSET", "PEXPIRE", "DEL"].contains(&command),
        RedisUser::Gateway => ["GET", "SET"].contains(&command),
    }
}

/// INV-3, INV-9: Redis refuses a user every key that the table in docs/architecture.md does not give it, and every
/// command that its service does not send. It does so for a direct command and for a command in a script.
#[tokio::test]
async fn each_user_reaches_its_own_keys_with_its_own_commands() {
    let server = Server::start();
    let mut administrator = server.administrator().await;
    for user in RedisUser::ALL {
        let mut connection = server.raw(server.url(user)).await;
        for key in KEYS {
            for (words, writes) in module_commands(key) {
                run(&mut administrator, &["FLUSHALL"]).await.unwrap();
                let expected = sends(user, words[0]) && allowed(user, key, writes);
                let response = run(&mut connection, &words).await;
                assert_eq!(
                    !refused(&response),
                    expected,
                    "{user:?}: {words:?}: {response:?}"
                );
            }
            // Redis checks the declared keys of a script, and then each of its commands.
            let script = redis::Script::new("return redis.call('GETRANGE', KEYS[1], 0, 1)");
            let read: RedisResult<Value> = script.key(key).invoke_async(&mut connection).await;
            assert!(read.is_err(), "{user:?}: {key}");
            let script = redis::Script::new("return redis.call('HMGET', 'other', 'a')");
            let read: RedisResult<Value> = script.key(key).invoke_async(&mut connection).await;
            assert!(read.is_err(), "{user:?}: {key}");
        }
    }
}

/// INV-3: no user can list, copy or watch keys, delete all keys, or administer or reconfigure
/// Redis.
#[tokio::test]
async fn no_user_administers() {
    let server = Server::start();
    let forbidden: [&[&str]; 35] = [
        &["FLUSHALL"],
        &["FLUSHDB"],
        &["KEYS", "*"],
        &["SCAN", "0"],
        &["RANDOMKEY"],
        &["DBSIZE"],
        &["INFO"],
        &["CONFIG", "GET", "*"],
        &["CONFIG", "SET", "maxmemory", "1"],
        &["ACL", "LIST"],
        &["ACL", "WHOAMI"],
        &["ACL", "SETUSER", "default", "on"],
        &["CLIENT", "LIST"],
        &["CLIENT", "KILL", "TYPE", "normal"],
        &["CLUSTER", "NODES"],
        &["EVAL", "return 1", "0"],
        &["FUNCTION", "LIST"],
        &["SCRIPT", "FLUSH"],
        &["SCRIPT", "KILL"],
        &["MONITOR"],
        &["SUBSCRIBE", "c"],
        &["PSUBSCRIBE", "*"],
        &["PUBLISH", "c", "m"],
        &["SAVE"],
        &["BGSAVE"],
        &["SHUTDOWN"],
        &["REPLICAOF", "NO", "ONE"],
        &["MODULE", "LIST"],
        &["SLOWLOG", "GET"],
        &["SWAPDB", "0", "1"],
        &["SELECT", "1"],
        &["HGETALL", "temp:0312345678"],
        &["DUMP", "temp:0312345678"],
        &["RENAME", "temp:0312345678", "temp:0312345679"],
        &["PERSIST", "sess:d"],
    ];
    for user in RedisUser::ALL {
        let mut connection = server.raw(server.url(user)).await;
        for words in forbidden {
            let response = run(&mut connection, words).await;
            assert!(refused(&response), "{user:?}: {words:?}: {response:?}");
        }
        run(&mut connection, &["PING"]).await.unwrap();
    }
}

/// INV-3: the default user and a wrong password are refused.
#[tokio::test]
async fn a_user_name_and_its_password_are_needed() {
    let server = Server::start();
    let socket = server.redis.socket().display();
    for url in [
        format!("unix://{socket}"),
        format!("unix://{socket}?user=default"),
        format!("unix://{socket}?user=gateway&pass=wrong"),
        format!("unix://{socket}?user=password&pass=x"),
        format!("unix://{socket}?user=units&pass=x"),
    ] {
        let client = redis::Client::open(url).unwrap();
        let response = match client.get_multiplexed_async_connection().await {
            Ok(mut connection) => run(&mut connection, &["PING"]).await,
            Err(error) => Err(error),
        };
        assert!(response.is_err());
    }
}
