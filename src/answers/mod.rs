//! What is answered, over HTTP and on the command line alike: sentences (`explain`) and JSON (`shapes`). HTTP and the commands
//! both read it, so that they say the same.

pub mod explain;
pub mod shapes;
pub mod whatif;
