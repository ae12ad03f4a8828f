//! The server side of the Asterisk Gateway Interface over TCP (FastAGI). It has only the commands that a
//! dialog of recordings and keys needs.
//!
//! Asterisk connects, writes its [`Environment`], and then sends one [`Reply`] to each command.
//!
//! None of this input is trusted. Anyone who reaches the port can write anything, and a caller can inject
//! lines into the environment through SIP headers. So the length of a line and the number of lines are
//! limited, and a repeated or malformed line ends the connection.

mod environment;
mod line;
mod reply;
mod session;

pub use environment::{Environment, EnvironmentError};
pub use line::{LineError, Lines};
pub use reply::{Reply, ReplyError};
pub use session::{Ending, Entry, Played, Session, SessionError, Sound, SoundError};
