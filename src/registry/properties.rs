//! What holds for every answer of a registry, as far as it stands in headers, and for every address that an image name
//! leads to.

use std::time::Duration;

use http::HeaderMap;
use http::HeaderName;
use http::HeaderValue;
use http::StatusCode;
use http::header::DATE;
use http::header::LINK;
use http::header::RETRY_AFTER;
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use reqwest::Url;

use crate::model::hostile;
use crate::model::image::Digest;
use crate::model::image::Repository;
use crate::registry::challenge;
use crate::registry::endpoint::Endpoint;
use crate::registry::error::RegistryErrorKind;
use crate::registry::error::one_line;
use crate::registry::guard;
use crate::registry::helper;
use crate::registry::links;
use crate::registry::links::Next;
use crate::registry::pace;
use crate::registry::refusal;
use crate::registry::requests;
use crate::registry::transport::Answer;

const CHALLENGES: [&str; 6] = [
    r#"Bearer realm="https://auth.example.com/token",service="registry.example.com",scope="repository:a/b:pull""#,
    r#"Basic realm="b", Bearer realm="https://a/t",service=s"#,
    "Negotiate dG9rZW4=, Basic realm=b",
    r#"Bearer realm="he\"l\lo", x=y"#,
    "Basic",
    ",, Digest a = b ,c=\"\"",
];

const CHALLENGE_PIECES: [&str; 20] = [
    "Bearer",
    "Basic",
    " ",
    " ",
    "=",
    "=",
    "\"",
    "\"",
    "\\",
    ",",
    "realm",
    "service",
    "scope",
    "https://a/t",
    "\t",
    "==",
    "é",
    "repository:a/b:pull",
    "~",
    "@",
];

const LINKS: [&str; 6] = [
    "</v2/a/tags/list?n=2&last=b>; rel=\"next\"",
    "<https://r.example.com/v2/a/tags/list?last=b>; rel=next",
    "</x>; title=\"a, b\"; rel=\"prev\", </y?c=1,2>; REL=\"NEXT\"",
    "<?last=b>;rel=\"prev next\"",
    "<//evil.example.com/x>; rel=next",
    "<https://u:p@r.example.com/x>",
];

const LINK_PIECES: [&str; 28] = [
    "<",
    ">",
    ";",
    ",",
    "\"",
    "rel=next",
    "rel=\"next\"",
    "rel",
    "=",
    "/v2/a/tags/list",
    "?last=",
    "#",
    "https://",
    "http://",
    "r.example.com",
    "evil.example.com",
    ":8443",
    ":443",
    "@",
    "u:p@",
    "\\",
    "//",
    "..",
    "%2e%2e",
    " ",
    "javascript:",
    "data:,",
    "[::1]",
];

const SERVED: [&str; 5] = [
    "https://r.example.com/v2/a/tags/list?n=2",
    "http://localhost:5000/v2/a/tags/list",
    "https://a.example.com/artifactory/api/docker/virtual/v2/web/tags/list?n=2",
    "http://reg.corp/v2/a/manifests/1",
    "https://[::1]:5000/v2/a/b/tags/list?n=1000",
];

const LOCATIONS: [&str; 7] = [
    "/b",
    "https://cdn.example.com/b?sig=1",
    "http://localhost/b",
    "http://r.example.com/a",
    "//cdn/b",
    "https://u@r/a",
    "ftp://r/a",
];

const REGISTRIES: [&str; 12] = [
    "docker.io",
    "ghcr.io",
    "reg.corp:8443",
    "dev.azurecr.io",
    "localhost:5000",
    "127.0.0.1:443",
    "[::1]:5000",
    "300.1.1.1",
    "0x7f.1",
    "xn--a",
    "a_b",
    "256",
];

const HOST_PIECES: [&str; 16] =
    ["a", "xn--", "localhost", "127.0.0.1", "0x", "1", ".", ".", "-", "_", ":", "443", "80", "[", "]", "::"];

/// An answer's headers, as far as the texts can stand in any.
fn headers(name: &HeaderName, values: &[String]) -> HeaderMap {
    let legal = values.iter().filter_map(|value| HeaderValue::from_bytes(value.as_bytes()).ok());
    legal.map(|value| (name.clone(), value)).collect()
}

fn url(text: &str) -> Url {
    Url::parse(text).expect("a URL")
}

proptest! {
    #![proptest_config(hostile::cases(128))]

    #[test]
    fn challenges_are_read_from_what_is_there(header in hostile::hostile(&CHALLENGES, &CHALLENGE_PIECES, 16)) {
        let offers = challenge::parse(&header);
        let bytes: usize = offers.iter().flat_map(|offer| {
            offer.parameters.iter().map(|(name, value)| name.len() + value.len()).chain([offer.scheme.len()])
        }).sum();
        prop_assert!(bytes <= header.len(), "{:?}", offers);
        for offer in &offers {
            prop_assert!(!offer.scheme.is_empty() && offer.scheme == offer.scheme.to_ascii_lowercase());
            prop_assert!(offer.parameters.keys().all(|name| !name.is_empty() && *name == name.to_ascii_lowercase()));
        }
    }

    #[test]
    fn challenges_are_read_as_they_were_written(
        offers in vec(("[a-z]{1,6}", vec(("[a-z]{1,5}[0-9]", hostile::text(8)), 1..4)), 1..4),
        gap in select(vec![",", ", ", " ,\t"]),
    ) {
        let quoted = |value: &str| value.chars().flat_map(|c| matches!(c, '"' | '\\').then_some('\\').into_iter().chain([c])).collect::<String>();
        let written = offers.iter().map(|(scheme, parameters)| {
            let parameters: Vec<_> = parameters.iter().map(|(name, value)| format!("{name}=\"{}\"", quoted(value))).collect();
            format!("{} {}", scheme.to_ascii_uppercase(), parameters.join(gap))
        });
        let read = challenge::parse(&written.collect::<Vec<_>>().join(gap));
        prop_assert_eq!(read.len(), offers.len());
        for (read, (scheme, parameters)) in read.iter().zip(&offers) {
            prop_assert_eq!(&read.scheme, scheme);
            for (name, _) in parameters {
                let first = parameters.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str());
                prop_assert_eq!(read.get(name), first);
            }
        }
    }

    #[test]
    fn the_next_page_is_at_the_same_origin(
        values in vec(hostile::hostile(&LINKS, &LINK_PIECES, 12), 1..3),
        served in select(&SERVED[..]),
    ) {
        let served = url(served);
        let all = values.concat();
        match links::next_tags(&headers(&LINK, &values), &served) {
            Next::Page(next) => {
                prop_assert!(requests::same_origin(&next, &served) && requests::has_no_login(&next), "{}", next);
                prop_assert_eq!(next.scheme(), served.scheme());
            }
            Next::Refused(target) => prop_assert!(all.contains(&target)),
            Next::None => {}
        }
    }

    #[test]
    fn a_redirect_keeps_encryption_and_names_no_login(
        location in prop_oneof![hostile::hostile(&LOCATIONS, &LINK_PIECES, 8)],
        from in select(&SERVED[..]),
    ) {
        let from = url(from);
        match requests::redirect(&from, &location) {
            Ok(to) => {
                prop_assert!(to.scheme() == "https" || from.scheme() == "http" && to.scheme() == "http");
                prop_assert!(to.scheme() == "https" || requests::is_loopback(&to) || requests::same_origin(&from, &to));
                prop_assert!(requests::has_no_login(&to) && to.has_host());
            }
            Err(why) => prop_assert!(hostile::is_one_plain_line(&why) && why.len() < 300, "{}", why),
        }
    }

    #[test]
    fn what_is_logged_of_an_address_holds_no_signature(
        secret in "[a-zA-Z0-9]{12,20}",
        name in "(X-Amz-Signature|sig|token|password|N|Last|lastt)",
        served in select(&SERVED[..]),
    ) {
        let mut url = url(served);
        url.query_pairs_mut().append_pair(&name, &secret);
        url.set_password(Some(&secret)).expect("a host");
        url.set_fragment(Some(&secret));
        prop_assert!(!requests::shown(&url).contains(&secret));
    }

    #[test]
    fn waiting_is_asked_for_in_seconds_or_until_a_date(
        retry in hostile::hostile(&["7", "0", "Sun, 06 Nov 1994 08:50:37 GMT"], &["1", "9", "-", "+", " ", "Nov", "1994", ":", "GMT", "(", ")", ",", "."], 24),
        date in of(hostile::damaged(&["Sun, 06 Nov 1994 08:49:37 GMT"], &["1994", "+0100", "31", "(x)", "Feb"])),
        left in hostile::hostile(&["76;w=21600", "0"], &["1", ";", "w=", "-", "99999999999999999999"], 6),
    ) {
        let mut all = headers(&RETRY_AFTER, std::slice::from_ref(&retry));
        all.extend(headers(&DATE, &date.into_iter().collect::<Vec<_>>()));
        let asked = pace::retry_after(&all);
        if let Some(wait) = pace::wait(1, asked) {
            prop_assert!(wait <= Duration::from_secs(60), "{:?}", wait);
            prop_assert!(wait > Duration::ZERO && asked.is_none_or(|asked| wait >= asked));
        }
        if let Some(seconds) = retry.trim().parse::<u64>().ok().filter(|_| retry.trim().bytes().all(|b| b.is_ascii_digit()) && retry.is_ascii()) {
            prop_assert!(all.get(RETRY_AFTER).is_none() || asked == Some(Duration::from_secs(seconds)));
        }
        let name = HeaderName::from_static("ratelimit-remaining");
        let left = pace::requests_left(&headers(&name, std::slice::from_ref(&left))).map(|found| left.contains(&found.to_string()));
        prop_assert_ne!(left, Some(false));
    }

    #[test]
    fn an_image_name_leads_to_its_registry_and_nowhere_else(
        registry in hostile::hostile(&REGISTRIES, &HOST_PIECES, 7),
        path in "[a-z0-9]{1,5}([._-][a-z0-9]{1,3}){0,2}(/[a-z]{1,3}){0,2}",
        tag in "[A-Za-z0-9_][A-Za-z0-9._-]{0,12}",
        last in hostile::text(10),
        realm in hostile::hostile(&["https://auth.docker.io/token", "https://ghcr.io.evil.com/t", "http://127.0.0.1/t"], &LINK_PIECES, 6),
    ) {
        let Ok(repository) = Repository::new(Some(&registry), &path) else { return Ok(()) };
        let endpoint = match Endpoint::of(&repository) {
            Ok(endpoint) => endpoint,
            Err(failure) => {
                prop_assert!(hostile::is_one_plain_line(&failure.message), "{}", failure.message);
                return Ok(());
            }
        };
        prop_assert!(endpoint.base.scheme() == "https" || requests::is_loopback(&endpoint.base));
        prop_assert_eq!(endpoint.base.scheme() == "http", endpoint.in_clear);
        prop_assert!(requests::has_no_login(&endpoint.base) && endpoint.base.path() == "/");
        let scope = endpoint.scope();
        prop_assert_eq!(scope.split(':').nth(1), Some(repository.path()));
        let digest = Digest::new(&format!("sha256:{}", "a".repeat(64))).expect("a digest");
        let page = requests::tags(&endpoint.base, &endpoint.path, 7);
        let v2 = |rest: &str| format!("/v2/{}/{rest}", repository.path());
        for (url, path) in [
            (&page, v2("tags/list")),
            (&requests::tags_after(&page, &last), v2("tags/list")),
            (&requests::manifest(&endpoint.base, &endpoint.path, &tag), v2(&format!("manifests/{tag}"))),
            (&requests::blob(&endpoint.base, &endpoint.path, &digest), v2(&format!("blobs/{digest}"))),
        ] {
            prop_assert!(requests::same_origin(url, &endpoint.base));
            prop_assert_eq!(url.path(), path);
        }
        let after = requests::tags_after(&page, &last);
        prop_assert!(after.query_pairs().any(|(name, value)| name == "last" && value == *last));
        // A login leaves its host for the same registrable domain, or one that is known, and for no other.
        if let Ok(realm) = Url::parse(&realm)
            && guard::may_receive_login(&endpoint, &realm, &[])
        {
            let (host, own) = (realm.host_str().unwrap_or(""), endpoint.base.host_str().unwrap_or(""));
            let known = endpoint.quirk.realm_hosts.contains(&host);
            let ending = |host: &str| psl::domain_str(host).map(str::to_owned);
            prop_assert!(host == own || known || ending(host).is_some() && ending(host) == ending(own), "{} for {}", host, own);
        }
    }

    #[test]
    fn the_answer_of_a_credential_helper_is_never_quoted(
        answer in hostile::damaged(&[r#"{"ServerURL":"x","Username":"u","Secret":"hunter2hunter2"}"#], &["{", "}", "\"", ",", "hunter2hunter2", "null", "5"]),
    ) {
        if let Err(why) = helper::read(true, answer.as_bytes()) {
            prop_assert!(hostile::is_one_plain_line(&why) && !why.contains("hunter2"), "{}", why);
        }
        match helper::read(false, answer.as_bytes()) {
            Ok(login) => prop_assert!(login.is_none()),
            Err(why) => prop_assert!(hostile::is_one_plain_line(&why) && why.len() < 300),
        }
    }
}

proptest! {
    // The texts are long.
    #![proptest_config(hostile::cases(24))]

    #[test]
    fn a_refusal_is_one_plain_line(
        status in prop_oneof![select(vec![301_u16, 400, 401, 403, 404, 429, 500, 503]), 100..1000_u16],
        body in hostile::bytes(600),
        retry in of(prop_oneof![any::<u64>(), 0..100_000_u64]),
    ) {
        let retry = retry.map(|seconds| seconds.to_string());
        let headers = headers(&RETRY_AFTER, &retry.clone().into_iter().collect::<Vec<_>>());
        let status = StatusCode::from_u16(status).expect("a status");
        let failure = refusal::of(&Answer { status, headers, body, url: url("https://r.io/v2/") }, RegistryErrorKind::TagNotFound);
        prop_assert!(hostile::is_one_plain_line(&failure.message) && failure.message.len() < 400, "{}", failure.message);
        if let (Some(hint), Some(retry)) = (failure.hint, retry) {
            prop_assert!(hostile::is_one_plain_line(&hint));
            prop_assert!(!hint.contains(" 0s") || retry == "0", "{} for {}", hint, retry);
        }
    }

    #[test]
    fn words_of_others_become_one_short_line(text in hostile::text(400)) {
        let line = one_line(&text);
        prop_assert!(hostile::is_one_plain_line(&line) && line.len() <= 244, "{}", line);
        prop_assert_eq!(line.trim(), &line);
        prop_assert!(!line.contains("  "));
        prop_assert_eq!(one_line(&line), line);
    }
}
