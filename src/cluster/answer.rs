//! What the API server answers: a body, or a failure by its HTTP status.

use http::StatusCode;
use kube::Client;
use kube::client::Body;
use kube::core::Status;

/// Sends a request, and returns the body of the answer.
///
/// # Errors
/// Also an answer of any HTTP status but success: its `code` is set, whatever the body says or leaves out.
pub(super) async fn text(client: &Client, request: http::Request<Vec<u8>>) -> Result<String, kube::Error> {
    let response = client.send(request.map(Body::from)).await?;
    let status = response.status();
    let body = response.into_body().collect_bytes().await;
    if !status.is_success() {
        // Of a body that breaks off, the status is what counts.
        let failure = failure(status, &String::from_utf8_lossy(&body.unwrap_or_default()));
        return Err(kube::Error::Api(Box::new(failure)));
    }
    String::from_utf8(body?.to_vec()).map_err(kube::Error::FromUtf8)
}

/// The `Status` that a failure comes with; what stands before an API server answers with other JSON, or with a text.
fn failure(status: StatusCode, body: &str) -> Status {
    let mut said: Status = serde_json::from_str(body).unwrap_or_default();
    if !(400..600).contains(&said.code) {
        said.code = status.as_u16();
    }
    if said.message.is_empty() {
        let text = body.trim();
        let says_nothing = text.chars().all(|c| matches!(c, '{' | '}'));
        let words = if says_nothing { status.canonical_reason().unwrap_or_default() } else { text };
        words.clone_into(&mut said.message);
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_always_has_a_status_and_words() {
        for (status, body, code, message) in [
            (404, r#"{"kind":"Status","message":"not found","code":404}"#, 404, "not found"),
            (409, r#"{"kind":"Status","message":"changed"}"#, 409, "changed"),
            (429, r#"{"message":"slow down"}"#, 429, "slow down"),
            (503, "{}", 503, "Service Unavailable"),
            (503, "", 503, "Service Unavailable"),
            (599, "", 599, ""),
            (500, r#"{"error":"no leader"}"#, 500, r#"{"error":"no leader"}"#),
            (422, r#"{"message":{"odd":true}}"#, 422, r#"{"message":{"odd":true}}"#),
            (502, "<html> \n", 502, "<html>"),
            (302, r#"{"code":200}"#, 302, r#"{"code":200}"#),
            (403, "[]", 403, "[]"),
            (403, "null", 403, "null"),
        ] {
            let failure = failure(StatusCode::from_u16(status).unwrap(), body);
            assert_eq!((failure.code, failure.message.as_str()), (code, message), "{status} {body}");
        }
    }
}
