//! The Asterisk Gateway Interface over TCP (FastAGI), from its server's side: as much as a dialog of prompts and
//! keys needs, and nothing believed that the other end says.
//!
//! Asterisk connects, writes its [`Environment`], and then answers each command with one [`Reply`]. Whoever reaches
//! the port can write what it likes, and a caller can smuggle lines into the environment by its SIP headers. So
//! lines have a longest length, an environment has a most, and whatever is repeated or malformed ends the
//! connection.

mod environment;
mod line;
mod reply;
mod session;

pub use environment::{Environment, EnvironmentError};
pub use line::{LineError, Lines};
pub use reply::{Reply, ReplyError};
pub use session::{Ending, Entry, Played, Session, SessionError, Sound, SoundError};
