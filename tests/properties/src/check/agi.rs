use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use aikagi_agi::{Ending, Played, Session, Sound};

/// The maximum number of keys in an entry.
const MOST: usize = 8;

/// The bytes that arrive at the FastAGI port: an environment, then replies to commands.
pub fn agi(bytes: &[u8]) {
    let mut context = Context::from_waker(Waker::noop());
    // The input and the output never block, so the future is ready at the first poll.
    assert!(matches!(
        pin!(talk(bytes)).poll(&mut context),
        Poll::Ready(())
    ));
}

async fn talk(bytes: &[u8]) {
    let Ok((mut session, environment)) = Session::open(bytes, tokio::io::sink()).await else {
        return;
    };
    if let Some(caller) = environment.caller() {
        assert!(!caller.is_empty() && !caller.contains(['\n', '\r', '\0']));
    }
    let sound = Sound::try_from("/sounds/x".to_owned()).expect("the path of the sound is valid");
    loop {
        let Ok(entry) = session
            .collect(Some(&sound), Duration::from_secs(1), MOST)
            .await
        else {
            return;
        };
        assert!(entry.keys.len() <= MOST && entry.keys.is_ascii());
        assert!(entry.ending != Ending::Full || entry.keys.len() == MOST);
        match session.play_until_key(&sound).await {
            Ok(Played::Key(key)) => assert!("0123456789*#".contains(key)),
            Ok(Played::Completed) => {}
            Err(_) => return,
        }
        if session.set_variable("X", "y").await.is_err() {
            return;
        }
    }
}
