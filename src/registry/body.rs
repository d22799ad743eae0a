//! Bodies of answers: read as they come, never beyond what their kind may have.

use crate::registry::error::Failure;
use crate::registry::lost::Again;
use crate::registry::lost::Lost;

/// Most that is read of an answer that is not a success.
const ERROR_BODY: usize = 8 * 1024;

/// Reads a body up to its limit; an error's body is cut off there, any other is refused.
pub(super) async fn read(mut response: reqwest::Response, limit: usize, name: &str) -> Result<Vec<u8>, Lost> {
    let success = response.status().is_success();
    let limit = if success { limit } else { limit.min(ERROR_BODY) };
    let too_long =
        || Lost::new(Again::No, Failure::protocol(format!("the answer of {name} is longer than {limit} bytes")));
    // The length given is that of the compressed body: over the limit already, it need not be read.
    if success && response.content_length().is_some_and(|length| length > limit as u64) {
        return Err(too_long());
    }
    let mut body = Vec::new();
    loop {
        let chunk = match response.chunk().await {
            Ok(Some(chunk)) => chunk,
            Ok(None) => return Ok(body),
            // What is there of an error is better than nothing.
            Err(_) if !success => return Ok(body),
            Err(error) => return Err(Lost::of(name, error)),
        };
        let room = limit - body.len();
        if chunk.len() > room {
            if success {
                return Err(too_long());
            }
            body.extend_from_slice(&chunk[..room]);
            return Ok(body);
        }
        body.extend_from_slice(&chunk);
    }
}
