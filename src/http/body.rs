//! Reads the body of an answer up to a bound, so that no server can fill this machine's memory.
//!
//! Must not interpret what it reads, and must not cut it: half an answer is no answer.

use reqwest::Response;

use super::error::{TransportCause, TransportFault};

/// The whole body, unpacked, of at most `limit` bytes.
///
/// # Errors
/// [`TransportCause::TooLarge`] for a longer one, and every fault of a connection that fails on the way.
pub async fn read_body(response: &mut Response, limit: usize) -> Result<Vec<u8>, TransportFault> {
    let mut body = Vec::new();
    loop {
        let chunk = response.chunk().await;
        match chunk.map_err(|error| TransportFault::at(response.url(), &error))? {
            Some(chunk) if body.len().saturating_add(chunk.len()) > limit => {
                return Err(TransportFault::new(response.url(), TransportCause::TooLarge { limit }));
            }
            Some(chunk) => keep(&mut body, &chunk, limit),
            None => return Ok(body),
        }
    }
}

/// Appends the chunk, which fits into the bound. Memory is doubled as usual, but never beyond the bound.
fn keep(body: &mut Vec<u8>, chunk: &[u8], limit: usize) {
    let needed = body.len().saturating_add(chunk.len());
    if needed > body.capacity() {
        let capacity = body.capacity().saturating_mul(2).min(limit).max(needed);
        body.reserve_exact(capacity.saturating_sub(body.len()));
    }
    body.extend_from_slice(chunk);
}

#[cfg(test)]
mod tests {
    use wiremock::matchers::method;
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;
    use crate::http::test_servers::{client, serve_once};

    async fn read(limit: usize) -> Result<Vec<u8>, TransportFault> {
        let server = MockServer::start().await;
        let answer = ResponseTemplate::new(200).set_body_string("0123456789");
        Mock::given(method("GET")).respond_with(answer).mount(&server).await;
        let mut response = client().get(server.uri()).send().await.unwrap();
        read_body(&mut response, limit).await
    }

    #[tokio::test]
    async fn a_body_may_be_as_long_as_the_bound_and_no_longer() {
        assert_eq!(read(10).await.unwrap(), b"0123456789");
        let fault = read(9).await.unwrap_err();
        assert_eq!(fault.cause, TransportCause::TooLarge { limit: 9 });
        let sentence = fault.to_string();
        assert!(sentence.ends_with("answers with more than the 9 bytes that are read"), "{sentence}");
    }

    #[test]
    fn no_more_memory_is_taken_than_the_bound_allows() {
        let (mut body, limit) = (Vec::new(), 1_000_000);
        while body.len() < limit {
            let chunk = vec![b'x'; (limit - body.len()).min(8_000)];
            keep(&mut body, &chunk, limit);
            assert!(body.capacity() <= limit);
        }
    }

    #[tokio::test]
    async fn a_body_that_ends_early_is_a_fault_and_not_a_short_body() {
        let address = serve_once("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this").await;
        let mut response = client().get(format!("http://{address}/")).send().await.unwrap();
        let fault = read_body(&mut response, 1000).await.unwrap_err();
        assert!(matches!(fault.cause, TransportCause::BrokeOff { .. }), "{fault:?}");
        assert!(fault.to_string().contains(&address.to_string()), "{fault}");
    }
}
