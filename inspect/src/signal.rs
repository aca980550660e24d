//! How a user ends a program that runs until then.

/// Returns when the user, or the system, wants an end (Ctrl-C, SIGTERM).
#[cfg(unix)]
pub(crate) async fn end_wanted() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}

/// Returns when the user wants an end (Ctrl-C).
#[cfg(not(unix))]
pub(crate) async fn end_wanted() {
    drop(tokio::signal::ctrl_c().await);
}
