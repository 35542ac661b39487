//! What the schemas say of a value, once for all fields that hold one; `decode` checks the same.

// No doc comments on the types: the schemas would repeat them beside those of the fields.
#![expect(dead_code, reason = "only the schemas are made from these types")]

use schemars::JsonSchema;

use super::DRIVERS;
use super::fields::{COUNT_MAX, MS_MAX, TIMEOUT_MAX_MS, TIMEOUT_MIN_MS};

const NO_CONTROLS: &str = r"^[^\u0000-\u001f\u007f-\u009f]*$";

#[derive(JsonSchema)]
#[schemars(inline)]
pub(super) struct Name(
    #[schemars(length(min = 1, max = 255), regex(pattern = NO_CONTROLS))] String,
);

#[derive(JsonSchema)]
#[schemars(inline)]
pub(super) struct Drivers(#[schemars(length(max = DRIVERS))] Vec<Name>);

#[derive(JsonSchema)]
#[schemars(inline)]
pub(super) struct GroupName(#[schemars(length(max = 255), regex(pattern = NO_CONTROLS))] String);

#[derive(JsonSchema)]
#[schemars(inline)]
pub(super) struct Count(#[schemars(range(max = MS_MAX))] u64);

#[derive(JsonSchema)]
#[schemars(inline)]
pub(super) struct Seq(#[schemars(range(max = COUNT_MAX))] u64);

#[derive(JsonSchema)]
#[schemars(inline)]
pub(super) struct TimeoutMs(#[schemars(range(min = TIMEOUT_MIN_MS, max = TIMEOUT_MAX_MS))] u64);

#[derive(JsonSchema)]
#[schemars(inline)]
pub(super) struct IntervalMs(#[schemars(range(min = 1_u64, max = MS_MAX))] u64);
