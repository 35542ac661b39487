//! What a real Keystone, Placement and Nova make of `nodewarden placement`.

mod bounds;
mod harness;
mod pairs;
mod stories;
