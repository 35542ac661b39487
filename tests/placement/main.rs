//! `nodewarden placement`: the real binary, a real worker and broker, and an OpenStack.

mod deaf;
mod openstack;
mod pairs;
mod stories;
mod tls;
