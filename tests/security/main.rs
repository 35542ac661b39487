//! Whom nodewarden trusts, and what it may do: TLS with certificates of the test's own, the shipped
//! users of broker and database at their whole work, and servers that let nothing be written.

mod command;
mod rights;
mod tls;
