//! What a real Keystone, Placement and Nova make of `nodewarden placement`.

mod harness;
mod stories;
