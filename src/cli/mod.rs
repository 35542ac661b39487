//! The commands.

mod import_csv;
pub mod import_file;
mod import_json;
mod import_node;
