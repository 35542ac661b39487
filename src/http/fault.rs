//! Answers that are none: a status and `{"error": "…"}`.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::store::StoreError;
use crate::telemetry::error_chain;

/// Why there is no answer.
#[derive(Debug)]
pub struct Fault(pub StatusCode, pub String);

impl Fault {
    /// The request makes no sense.
    pub fn bad_request(error: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, error.into())
    }

    /// There is no such thing.
    pub fn not_found(error: String) -> Self {
        Self(StatusCode::NOT_FOUND, error)
    }

    /// Not now.
    pub fn unavailable(error: impl Into<String>) -> Self {
        Self(StatusCode::SERVICE_UNAVAILABLE, error.into())
    }
}

impl From<StoreError> for Fault {
    fn from(fault: StoreError) -> Self {
        let chain = error_chain(&fault);
        tracing::warn!(fault = chain, "a look at the database failed");
        Self::unavailable(format!("the database cannot be read: {chain}"))
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        let Self(status, error) = self;
        (status, Json(serde_json::json!({ "error": error }))).into_response()
    }
}
