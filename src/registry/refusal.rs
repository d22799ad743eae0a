//! What an answer other than success means for the caller. Pure.

use http::StatusCode;

use crate::registry::error::Failure;
use crate::registry::error::RegistryErrorKind;
use crate::registry::error::one_line;
use crate::registry::pace;
use crate::registry::requests;
use crate::registry::transport::Answer;
use crate::registry::wire;

/// Turns an unwelcome answer into a failure; `missing` is what a 404 means where the registry does not say.
pub(super) fn of(answer: &Answer, missing: RegistryErrorKind) -> Failure {
    let complaint = wire::complaint(&answer.body);
    let said_code = |code: &str| complaint.codes.iter().any(|said| said.eq_ignore_ascii_case(code));
    let kind = match answer.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => RegistryErrorKind::Denied,
        StatusCode::NOT_FOUND if said_code("NAME_UNKNOWN") => RegistryErrorKind::RepositoryNotFound,
        StatusCode::NOT_FOUND => missing,
        StatusCode::TOO_MANY_REQUESTS => {
            RegistryErrorKind::RateLimited { retry_after: pace::retry_after(&answer.headers) }
        }
        status if status.is_server_error() => RegistryErrorKind::Unreachable,
        _ => RegistryErrorKind::Protocol,
    };
    let host = requests::authority(&answer.url);
    let reason = answer.status.canonical_reason().unwrap_or_default();
    let words = one_line(&complaint.words);
    let colon = if words.is_empty() { "" } else { ": " };
    let message = format!("{host} answered {} {reason}", answer.status.as_u16());
    let mut failure = Failure::new(kind, format!("{}{colon}{words}", message.trim_end()));
    failure.status = Some(answer.status.as_u16());
    let RegistryErrorKind::RateLimited { retry_after } = kind else { return failure };
    // More seconds than a duration takes are no answer to "when".
    match retry_after.and_then(|wait| jiff::SignedDuration::try_from(wait).ok()) {
        Some(wait) => failure.hint(format!("try again in {wait:#}")),
        None => failure.hint("try again later, or log in"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::HeaderMap;
    use http::header::RETRY_AFTER;
    use reqwest::Url;

    use super::*;

    #[test]
    fn every_status_has_a_reaction() {
        let wait = |seconds| RegistryErrorKind::RateLimited { retry_after: Some(Duration::from_secs(seconds)) };
        for (status, body, kind, message) in [
            (401, "", RegistryErrorKind::Denied, "r.io answered 401 Unauthorized"),
            (
                403,
                r#"{"errors":[{"code":"DENIED","message":"no\nway"}]}"#,
                RegistryErrorKind::Denied,
                "r.io answered 403 Forbidden: denied: no way",
            ),
            (
                404,
                r#"{"errors":[{"code":"NAME_UNKNOWN","message":"x"}]}"#,
                RegistryErrorKind::RepositoryNotFound,
                "r.io answered 404 Not Found: name_unknown: x",
            ),
            (
                404,
                r#"{"errors":[{"code":"MANIFEST_UNKNOWN"}]}"#,
                RegistryErrorKind::TagNotFound,
                "r.io answered 404 Not Found: manifest_unknown",
            ),
            (404, "<html>", RegistryErrorKind::TagNotFound, "r.io answered 404 Not Found"),
            (429, "Too Many Requests", wait(7), "r.io answered 429 Too Many Requests: Too Many Requests"),
            (500, "", RegistryErrorKind::Unreachable, "r.io answered 500 Internal Server Error"),
            (501, "", RegistryErrorKind::Unreachable, "r.io answered 501 Not Implemented"),
            (400, "", RegistryErrorKind::Protocol, "r.io answered 400 Bad Request"),
            (302, "", RegistryErrorKind::Protocol, "r.io answered 302 Found"),
            (299, "", RegistryErrorKind::Protocol, "r.io answered 299"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, "7".parse().unwrap());
            let status = StatusCode::from_u16(status).unwrap();
            let url = Url::parse("https://r.io/v2/").unwrap();
            let failure = of(&Answer { status, headers, body: body.into(), url }, RegistryErrorKind::TagNotFound);
            assert_eq!((failure.kind, failure.message.as_str()), (kind, message), "{status}");
        }
    }

    #[test]
    fn who_asks_too_often_is_told_when_to_come_back() {
        for (retry, hint) in [
            ("7", "try again in 7s"),
            ("99999", "try again in 27h 46m 39s"),
            ("9223372036854775808", "try again later, or log in"),
            ("soon", "try again later, or log in"),
        ] {
            let headers = [(RETRY_AFTER, retry.parse().unwrap())].into_iter().collect();
            let (status, url) = (StatusCode::TOO_MANY_REQUESTS, Url::parse("https://r.io/v2/").unwrap());
            let failure = of(&Answer { status, headers, body: Vec::new(), url }, RegistryErrorKind::TagNotFound);
            assert_eq!(failure.hint.as_deref(), Some(hint), "{retry}");
        }
    }
}
