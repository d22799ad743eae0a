//! Logins: who is told one, how often a token is fetched, and who never hears of either.

use std::time::Duration;

use secrecy::SecretString;

use super::*;
use crate::registry::Access;
use crate::registry::Login;
use crate::registry::tests::server::Asked;
use crate::registry::tests::server::Reply;
use crate::registry::tests::server::reply;
use crate::registry::tests::server::tags;

/// `foo:bar`
const BASIC: &str = "Basic Zm9vOmJhcg==";

fn config(server: &Server) -> String {
    serde_json::json!({"auths": {server.authority(): {"auth": "Zm9vOmJhcg=="}}}).to_string()
}

/// A registry with its token service at `realm` (its own if empty) that lets in whoever brings `Bearer t`.
fn token_registry(realm: String) -> impl Fn(&Asked, usize) -> Reply {
    move |asked, _| match asked.path() {
        "/token" => reply(200, r#"{"token":"t","expires_in":300}"#),
        _ if asked.authorization() == "Bearer t" => tags(&["1"]),
        path => {
            let realm =
                if realm.is_empty() { format!("http://{}/token", asked.headers["host"]) } else { realm.clone() };
            let name = path.trim_start_matches("/v2/").trim_end_matches("/tags/list");
            let challenge = format!(r#"Bearer realm="{realm}",service="s",scope="repository:{name}:pull""#);
            reply(401, "").header("www-authenticate", challenge)
        }
    }
}

#[tokio::test]
async fn a_challenge_leads_to_a_token_and_is_needed_once() {
    let server = Server::start(token_registry(String::new())).await;
    let client = Client::new();
    for path in ["a", "b/c", "a"] {
        assert_eq!(client.tags(&server, path).await.as_deref(), Ok("1"));
    }
    assert_eq!(
        server.lines(),
        [
            "GET /v2/a/tags/list?n=1000",
            "GET /token?service=s&scope=repository%3Aa%3Apull",
            "GET /v2/a/tags/list?n=1000 +",
            "GET /token?service=s&scope=repository%3Ab%2Fc%3Apull",
            "GET /v2/b/c/tags/list?n=1000 +",
        ]
    );
}

#[tokio::test]
async fn many_at_once_cost_one_challenge() {
    let server = Server::start(token_registry(String::new())).await;
    let client = Client::new();
    let paths: Vec<String> = (0..60).map(|n| format!("team/app{n}")).collect();
    let walks = paths.iter().map(|path| client.tags(&server, path));
    assert!(futures::future::join_all(walks).await.into_iter().all(|tags| tags.as_deref() == Ok("1")));
    let lines = server.lines();
    let count = |what: &str| lines.iter().filter(|line| line.contains(what)).count();
    assert_eq!((lines.len(), count("/token"), count(" +")), (121, 60, 60));
}

#[tokio::test]
async fn a_token_is_used_until_it_expires_and_fetched_again_when_it_is_refused() {
    let server = Server::start(|asked, n| match asked.path() {
        "/token" => reply(200, format!(r#"{{"token":"t{n}","expires_in":300}}"#)),
        // The second token is revoked before its time.
        _ if asked.authorization().is_empty() || (asked.authorization() == "Bearer t4" && n > 5) => {
            let challenge = format!(r#"Bearer realm="http://{}/token""#, asked.headers["host"]);
            reply(401, "").header("www-authenticate", challenge)
        }
        _ => reply(200, "").header("docker-content-digest", format!("sha256:{}", "a".repeat(64))),
    })
    .await;
    let client = Client::new();
    let ask = async |tag: &str| client.digest(&server, tag).await.unwrap();
    ask("1").await; // 401, token 1, answer
    client.clock.advance(Duration::from_secs(260));
    ask("2").await;
    client.clock.advance(Duration::from_secs(20));
    ask("3").await; // expired, with slack: token 4
    ask("4").await; // refused: token 7
    let tokens: Vec<String> = server.log().iter().map(|a| format!("{} {}", a.path(), a.authorization())).collect();
    assert_eq!(
        tokens,
        [
            "/v2/acme/web/manifests/1 ",
            "/token ",
            "/v2/acme/web/manifests/1 Bearer t1",
            "/v2/acme/web/manifests/2 Bearer t1",
            "/token ",
            "/v2/acme/web/manifests/3 Bearer t4",
            "/v2/acme/web/manifests/4 Bearer t4",
            "/token ",
            "/v2/acme/web/manifests/4 Bearer t7",
        ]
    );
}

#[tokio::test]
async fn basic_logs_in_at_the_registry_itself() {
    let server = Server::start(|asked, _| match asked.authorization() {
        BASIC => tags(&["1"]),
        _ => reply(401, "").header("www-authenticate", "Basic realm=\"x\""),
    })
    .await;
    let client = Client::with_docker_config(&config(&server));
    assert_eq!(client.tags(&server, "a").await.as_deref(), Ok("1"));
    assert_eq!(client.tags(&server, "b").await.as_deref(), Ok("1"));
    assert_eq!(server.lines().len(), 3, "{:?}", server.lines());

    assert_eq!(
        Client::new().tags(&server, "a").await.unwrap_err(),
        "Denied: failed to list tags of HOST/a: HOST answered 401 Unauthorized \
         [the repository is private or does not exist; `docker login HOST` logs in]"
    );
}

#[tokio::test]
async fn answers_are_not_shared_between_logins() {
    let server = Server::start(|asked, _| match asked.authorization() {
        BASIC => tags(&["mine"]),
        _ => reply(401, "").header("www-authenticate", "Basic realm=\"x\""),
    })
    .await;
    let client = Client::new();
    assert!(client.tags(&server, "a").await.unwrap_err().starts_with("Denied"));
    let login = Login::of("foo", SecretString::from("bar".to_owned()));
    let remote = Remote { access: Access::Login(login), ..remote(&server, "a") };
    assert_eq!(client.registries.tags(&remote).await.unwrap().names, ["mine"]);
}

#[tokio::test]
async fn a_password_goes_to_the_registrys_own_token_service() {
    let server = Server::start(token_registry(String::new())).await;
    let client = Client::with_docker_config(&config(&server));
    assert_eq!(client.tags(&server, "a").await.as_deref(), Ok("1"));
    let log = server.log();
    assert_eq!(log[0].authorization(), "", "the first question goes without a login");
    assert_eq!(log[1].target, "/token?service=s&scope=repository%3Aa%3Apull&account=foo");
    assert_eq!(log[1].authorization(), BASIC);
}

#[tokio::test]
async fn a_realm_elsewhere_is_asked_anonymously_unless_trusted() {
    let elsewhere = Server::start(|asked, _| match asked.authorization() {
        "" => reply(200, r#"{"token":"anonymous"}"#),
        _ => reply(200, r#"{"token":"t"}"#),
    })
    .await;
    let server = Server::start(token_registry(format!("{}/token", elsewhere.other_name()))).await;
    let error = Client::with_docker_config(&config(&server)).tags(&server, "a").await.unwrap_err();
    let name = elsewhere.other_name();
    let host = name.strip_prefix("http://").unwrap();
    assert_eq!(
        error,
        format!(
            "Denied: failed to list tags of HOST/a: HOST answered 401 Unauthorized [the login was not sent to \
             {name}/token, which HOST names for tokens; `--trust-realm {host}` allows it]"
        )
    );
    assert!(elsewhere.lines().iter().all(|line| !line.ends_with('+')), "{:?}", elsewhere.lines());

    let trusting = Client::with(|settings| {
        settings.docker_config = Ok(DockerConfig::parse(&config(&server)).unwrap());
        settings.trusted_realms = vec!["localhost".to_owned()];
    });
    assert_eq!(trusting.tags(&server, "a").await.as_deref(), Ok("1"));
    assert_eq!(elsewhere.log().last().unwrap().authorization(), BASIC);
}

/// Whatever becomes of the anonymous attempt, the login that was kept back may be what it wanted.
#[tokio::test]
async fn a_realm_elsewhere_that_gives_nothing_is_named() {
    type Answer = fn() -> Reply;
    let answers: [Answer; 5] = [
        || reply(400, ""),
        || reply(500, ""),
        || reply(200, "{}"),
        || reply(200, "hello"),
        || reply(429, "").header("retry-after", "86400"),
    ];
    for answer in answers {
        let elsewhere = Server::start(move |_, _| answer()).await;
        let server = Server::start(token_registry(format!("{}/token", elsewhere.other_name()))).await;
        let error = Client::with_docker_config(&config(&server)).tags(&server, "a").await.unwrap_err();
        let hint = format!("`--trust-realm localhost:{}` allows it", elsewhere.address().port());
        assert!(error.contains(&hint), "{error}");
        let error = Client::new().tags(&server, "a").await.unwrap_err();
        assert!(!error.contains("--trust-realm"), "nothing was kept back: {error}");
    }
    // Nobody listens there.
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = Server::start(token_registry(format!("http://localhost:{}/token", gone.port()))).await;
    let error = Client::with_docker_config(&config(&server)).tags(&server, "a").await.unwrap_err();
    assert!(error.contains("--trust-realm localhost"), "{error}");
}

#[tokio::test]
async fn of_two_offers_the_one_that_keeps_the_login_at_home_is_taken() {
    let elsewhere = Server::start(|_, _| reply(200, r#"{"token":"t"}"#)).await;
    let realm = elsewhere.other_name();
    let server = Server::start(move |asked, _| match asked.authorization() {
        BASIC | "Bearer t" => tags(&["1"]),
        _ => reply(401, "").header("www-authenticate", format!("Bearer realm=\"{realm}/token\", Basic realm=\"x\"")),
    })
    .await;
    assert_eq!(Client::with_docker_config(&config(&server)).tags(&server, "a").await.as_deref(), Ok("1"));
    assert!(elsewhere.log().is_empty());
    assert_eq!(Client::new().tags(&server, "a").await.as_deref(), Ok("1"));
    assert_eq!(elsewhere.lines().len(), 1);
}

#[tokio::test]
async fn an_identity_token_is_exchanged_by_post_and_renewed() {
    let server = Server::start(|asked, _| match (asked.path(), asked.method.as_str()) {
        ("/token", "POST") => reply(200, r#"{"access_token":"t","refresh_token":"second","expires_in":300}"#),
        ("/token", _) => reply(405, ""),
        _ => token_registry(String::new())(asked, 0),
    })
    .await;
    let config = format!(r#"{{"auths":{{"{}":{{"identitytoken":"first"}}}}}}"#, server.authority());
    let client = Client::with_docker_config(&config);
    assert_eq!(client.tags(&server, "a").await.as_deref(), Ok("1"));
    assert_eq!(client.tags(&server, "b").await.as_deref(), Ok("1"));
    let posted: Vec<_> = server.log().into_iter().filter(|asked| asked.method == "POST").collect();
    let form = |token: &str, name: &str| {
        format!(
            "grant_type=refresh_token&client_id=kubectl-image-update&refresh_token={token}&service=s\
             &scope=repository%3A{name}%3Apull"
        )
    };
    assert_eq!(
        posted.iter().map(|asked| asked.body.as_str()).collect::<Vec<_>>(),
        [form("first", "a"), form("second", "b")]
    );
    assert_eq!(posted[0].headers["content-type"], "application/x-www-form-urlencoded");
}

#[tokio::test]
async fn realms_that_cannot_be_trusted_at_all_are_refused() {
    for (realm, expected) in [
        ("http://auth.example.com/token", "where a token would travel in the clear"),
        ("ftp://auth.example.com/token", "where a token would travel in the clear"),
        ("https://u:p@auth.example.com/token", "which has a login in it"),
        ("nonsense", "which is not a URL"),
    ] {
        let server = Server::start(token_registry(realm.to_owned())).await;
        let error = Client::new().tags(&server, "a").await.unwrap_err();
        assert_eq!(
            error,
            format!("Protocol: failed to list tags of HOST/a: HOST names {realm} for tokens, {expected}")
        );
    }
    let server = Server::start(|_, _| reply(401, "").header("www-authenticate", "Bearer service=\"x\"")).await;
    assert_eq!(
        Client::new().tags(&server, "a").await.unwrap_err(),
        "Protocol: failed to list tags of HOST/a: HOST wants a token and does not say from where"
    );
}

#[tokio::test]
async fn token_services_fail_in_many_ways() {
    type Answer = fn() -> Reply;
    let denied = "HOST answered 401 Unauthorized: incorrect username or password";
    let hint = "[HOST did not accept the login; `docker login` again, or `docker logout` to go on without]";
    let cases: [(Answer, String); 6] = [
        (
            || reply(401, r#"{"details":"incorrect username or password"}"#),
            format!("Denied: …: no token: {denied} {hint}"),
        ),
        (|| reply(500, ""), "Unreachable: …: no token: HOST answered 500 Internal Server Error".to_owned()),
        (|| reply(200, "hunter2"), "Protocol: …: HOST gave an answer that is not a token's".to_owned()),
        (|| reply(200, "{}"), "Protocol: …: HOST gave no token".to_owned()),
        (|| reply(200, r#"{"token":"a\nb"}"#), "Protocol: …: HOST gave a token that no header can carry".to_owned()),
        (
            || reply(302, "").header("location", "/elsewhere"),
            "Protocol: …: no token: HOST answered 302 Found".to_owned(),
        ),
    ];
    for (answer, expected) in cases {
        let server = Server::start(move |asked, n| match asked.path() {
            "/token" => answer(),
            _ => token_registry(String::new())(asked, n),
        })
        .await;
        let error = Client::with_docker_config(&config(&server)).tags(&server, "a").await.unwrap_err();
        assert_eq!(error.replace("failed to list tags of HOST/a", "…"), expected);
        assert_eq!(server.lines().len(), 2, "{:?}", server.lines());
    }
}

#[tokio::test]
async fn only_scopes_that_read_are_asked_for() {
    for (offered, expected) in [
        ("repository:mirror/a:pull", "repository%3Amirror%2Fa%3Apull"),
        ("repository:a:pull,push", "repository%3Aa%3Apull"),
        ("registry:catalog:*", "repository%3Aa%3Apull"),
        ("repository:a:pull repository:b:pull", "repository%3Aa%3Apull"),
    ] {
        let server = Server::start(move |asked, _| match asked.path() {
            "/token" => reply(200, r#"{"token":"t"}"#),
            _ if asked.authorization() == "Bearer t" => tags(&["1"]),
            _ => {
                let realm = format!(r#"Bearer realm="http://{}/token",scope="{offered}""#, asked.headers["host"]);
                reply(401, "").header("www-authenticate", realm)
            }
        })
        .await;
        assert_eq!(Client::new().tags(&server, "a").await.as_deref(), Ok("1"));
        assert_eq!(server.log()[1].target, format!("/token?scope={expected}"), "{offered}");
    }
}

#[tokio::test]
async fn a_refused_token_is_not_fetched_for_ever() {
    let server = Server::start(|asked, _| match asked.path() {
        "/token" => reply(200, r#"{"token":"useless"}"#),
        _ => token_registry(String::new())(asked, 0),
    })
    .await;
    assert!(Client::new().tags(&server, "a").await.unwrap_err().starts_with("Denied"));
    assert_eq!(server.lines().len(), 3, "{:?}", server.lines());
}

#[tokio::test]
async fn a_missing_helper_is_named_when_a_login_was_needed() {
    let server = Server::start(|asked, _| match asked.path() {
        "/v2/public/tags/list" => tags(&["1"]),
        _ => reply(401, "").header("www-authenticate", "Basic realm=\"x\""),
    })
    .await;
    let client = Client::with_docker_config(r#"{"credsStore":"desktop"}"#);
    assert_eq!(client.tags(&server, "public").await.as_deref(), Ok("1"));
    let error = client.tags(&server, "private").await.unwrap_err();
    assert!(error.ends_with("[no login: credential helper `docker-credential-desktop` is not on PATH]"), "{error}");
}

/// Where log lines go, to be searched.
#[derive(Clone, Default)]
struct Lines(Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_log_level_shows_a_secret() {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .finish();
    // While there is only one, tracing asks each thread's own subscriber which lines it wants, and the other tests have
    // none: a line that one of them reaches first would then be off here too. With two it asks both.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let _guard = tracing::subscriber::set_default(subscriber);
    let secret =
        |what: &str| what.contains("hunter2") || what.contains("Zm9vOmh1bnRlcjI") || what.contains("s3cr3t-t0k3n");

    let server = Server::start(|asked, n| match (asked.path(), asked.authorization()) {
        ("/token", _) => reply(200, r#"{"token":"s3cr3t-t0k3n","refresh_token":"hunter2"}"#),
        (_, "") if n < 8 => token_registry(String::new())(asked, n),
        ("/v2/moved/tags/list", _) => reply(302, "").header("location", "/signed?X-Signature=hunter2"),
        ("/v2/gone/tags/list", _) => reply(401, "").header("www-authenticate", "Basic realm=x"),
        _ => tags(&["1"]),
    })
    .await;
    for entry in [r#"{"username":"foo","password":"hunter2"}"#, r#"{"identitytoken":"hunter2"}"#] {
        let client = Client::with_docker_config(&format!(r#"{{"auths":{{"{}":{entry}}}}}"#, server.authority()));
        for path in ["a", "moved", "gone"] {
            let outcome = client.tags(&server, path).await;
            assert!(!secret(&format!("{outcome:?}")), "{outcome:?}");
        }
    }
    assert!(server.log().iter().any(|asked| secret(asked.authorization())), "the secrets were at work");
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    assert!(text.contains("/v2/a/tags/list") && text.contains("/token?service=s&"), "{text}");
    let found: Vec<_> = text.lines().filter(|line| secret(line)).collect();
    assert!(found.is_empty(), "{found:#?}");
}
