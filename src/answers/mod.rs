//! What HTTP and the commands answer alike: sentences (`explain`) and JSON (`shapes`).

pub mod explain;
pub mod shapes;
pub mod whatif;
