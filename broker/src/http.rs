//! `/metrics` and `/health` over HTTP.
//!
//! `/metrics` is the text format of OpenMetrics, which Prometheus reads. `/health` is 200 with `ok`, or 503 with what is
//! wrong. Both answer GET and HEAD. There is neither TLS nor a password: the address should be one that only those reach
//! who may know.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Connections at a time; one more waits.
const CONNECTIONS: usize = 16;

/// The most bytes of a request's head.
const HEAD: usize = 16 << 10;

/// How long a connection may take from its beginning to its end.
const DEADLINE: Duration = Duration::from_secs(10);

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// What is served.
pub struct Pages {
    /// The text of `/metrics`.
    pub metrics: Box<dyn Fn() -> String + Send + Sync>,
    /// What is wrong, in a few words; `None` when nothing is.
    pub health: Box<dyn Fn() -> Option<String> + Send + Sync>,
}

/// Serves for as long as it is not dropped. Each connection has one request.
pub async fn serve(listener: TcpListener, pages: Pages) {
    let pages = Arc::new(pages);
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(place) = room.clone().acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // There are too many open files, say. It is tried again when a moment has passed.
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let pages = pages.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| {
                let answer = answer(&request, &pages);
                async move { Ok::<_, Infallible>(answer) }
            });
            let mut builder = http1::Builder::new();
            builder
                .timer(TokioTimer::new())
                .header_read_timeout(DEADLINE)
                .max_buf_size(HEAD)
                .keep_alive(false);
            let connection = builder.serve_connection(TokioIo::new(stream), service);
            // Nobody is told of a client that gives up.
            let _ = tokio::time::timeout(DEADLINE, connection).await;
            drop(place);
        });
    }
}

fn answer(request: &Request<Incoming>, pages: &Pages) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return response(StatusCode::METHOD_NOT_ALLOWED, TEXT, "GET and HEAD are answered\n".to_owned());
    }
    match (request.uri().path(), (pages.health)()) {
        ("/metrics", _) => response(StatusCode::OK, OPENMETRICS, (pages.metrics)()),
        ("/health", None) => response(StatusCode::OK, TEXT, "ok\n".to_owned()),
        ("/health", Some(what)) => response(StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("{what}\n")),
        _ => response(StatusCode::NOT_FOUND, TEXT, "there are /metrics and /health\n".to_owned()),
    }
}

fn response(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;
    use crate::metrics::Metrics;

    async fn ask(request: &[u8], wrong: Option<&str>) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let wrong = wrong.map(str::to_owned);
        let pages = Pages {
            metrics: Box::new(|| Metrics::default().to_text()),
            health: Box::new(move || wrong.clone()),
        };
        let server = tokio::spawn(serve(listener, pages));
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut answer = Vec::new();
        // What was not read when the server closes makes this an error; what came is there all the same.
        let _ = stream.read_to_end(&mut answer).await;
        server.abort();
        String::from_utf8(answer).unwrap()
    }

    #[tokio::test]
    async fn metrics_and_health_are_served() {
        let metrics = ask(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", None).await;
        assert!(metrics.starts_with("HTTP/1.1 200 OK\r\n"), "{metrics}");
        assert!(metrics.contains("content-type: application/openmetrics-text"));
        assert!(metrics.contains("\nmqtt_connections 0\n") && metrics.ends_with("# EOF\n"));
        let health = ask(b"GET /health HTTP/1.0\r\n\r\n", None).await;
        assert!(health.starts_with("HTTP/1.0 200 OK\r\n") && health.ends_with("\r\n\r\nok\n"), "{health}");
        let ill = ask(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n", Some("no room")).await;
        assert!(ill.starts_with("HTTP/1.1 503 ") && ill.ends_with("no room\n"), "{ill}");
    }

    #[tokio::test]
    async fn anything_else_is_refused() {
        let long = [&b"GET /"[..], &vec![b'a'; 20_000], b" HTTP/1.1\r\n\r\n"].concat();
        for (request, status) in [
            (&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], "404 "),
            (b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "405 "),
            (b"\x10\x0c\0\x04MQTT\x04\x02\0\x3c\0\0", "400 "),
            (&long, "431 "),
        ] {
            let answer = ask(request, None).await;
            assert!(answer.get(9..).is_some_and(|rest| rest.starts_with(status)), "{status}: {answer}");
        }
    }
}
