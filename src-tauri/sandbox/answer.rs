//! An answer, before it goes onto the wire: its content, and what the journal says of it.

use super::protocol::timestamp;
use super::random;
use super::refusal::AwsRefusal;
use axum::body::Body;
use axum::http::{Response, header};
use jiff::fmt::rfc2822::DateTimePrinter;
use serde_json::Value;
use std::time::SystemTime;

const PAGE: &str = "text/html; charset=utf-8";
const XML: &str = "text/xml";

#[derive(Debug)]
pub(super) struct HttpAnswer {
    pub status: u16,
    /// `ok`, or the code of a refusal.
    pub outcome: &'static str,
    /// The caller, once verified.
    pub principal: Option<String>,
    content_type: &'static str,
    body: String,
    headers: Vec<(&'static str, String)>,
}

impl HttpAnswer {
    pub fn new(content_type: &'static str, body: String) -> HttpAnswer {
        HttpAnswer {
            status: 200,
            outcome: "ok",
            principal: None,
            content_type,
            body,
            headers: Vec::new(),
        }
    }

    pub fn json(body: &Value) -> HttpAnswer {
        HttpAnswer::new("application/json", body.to_string())
    }

    pub fn page(html: String) -> HttpAnswer {
        HttpAnswer::new(PAGE, html)
    }

    /// Of the query protocol.
    pub fn xml(body: String, request_id: &str) -> HttpAnswer {
        HttpAnswer::new(XML, body).with("x-amzn-requestid", request_id)
    }

    /// Sends a browser elsewhere, to fetch it there.
    pub fn redirect(to: &str) -> HttpAnswer {
        HttpAnswer {
            status: 303,
            ..HttpAnswer::page(String::new()).with("location", to)
        }
    }

    /// A refusal in the query protocol.
    pub fn refused(refusal: &AwsRefusal) -> HttpAnswer {
        let request_id = random::request_id();
        HttpAnswer::xml(refusal.to_xml(&request_id), &request_id).because_of(refusal)
    }

    /// Stands for none at all.
    pub fn outage() -> HttpAnswer {
        HttpAnswer {
            status: 503,
            outcome: "outage",
            ..HttpAnswer::new(XML, String::new())
        }
    }

    #[must_use]
    pub fn because_of(self, refusal: &AwsRefusal) -> HttpAnswer {
        HttpAnswer {
            status: refusal.status,
            outcome: refusal.code,
            ..self
        }
    }

    #[must_use]
    pub fn by(self, principal: Option<String>) -> HttpAnswer {
        HttpAnswer { principal, ..self }
    }

    #[must_use]
    pub fn with(mut self, header: &'static str, value: impl Into<String>) -> HttpAnswer {
        self.headers.push((header, value.into()));
        self
    }

    /// The header `Date` is the sandbox's clock, as at AWS.
    pub fn into_response(self, now: SystemTime) -> Response<Body> {
        let date = DateTimePrinter::new()
            .timestamp_to_rfc9110_string(&timestamp(now))
            .unwrap_or_default();
        let mut response = Response::builder()
            .status(self.status)
            .header(header::CONTENT_TYPE, self.content_type)
            .header(header::DATE, date)
            .header(header::CACHE_CONTROL, "no-store");
        for (name, value) in self.headers {
            response = response.header(name, value);
        }
        response
            .body(Body::from(self.body))
            .expect("a table's status and headers of plain ASCII make a response")
    }
}
