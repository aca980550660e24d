//! Captures on a network interface, by the system's own program.

use std::io::{ErrorKind, Read};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use crate::connections::MQTT_PORTS;
use crate::input::{Choices, capture_from};
use crate::report::Report;
use crate::signal::Ends;
use crate::text::visible;

/// How long the program has to end by itself once the user wants it: Ctrl-C reaches it, too.
const GRACE: Duration = Duration::from_millis(500);
/// How much of what it has to say is kept.
const MOST_SAID: u64 = 16 * 1024;

/// Shows what goes over the interface until the user ends it. Returns what is to be said about it.
pub(crate) fn capture(interface: &str, choices: &Choices, report: &mut Report) -> Result<Vec<String>> {
    let (name, mut child) = start(interface, &filter(&choices.ports))?;
    let (Some(frames), Some(said)) = (child.stdout.take(), child.stderr.take()) else {
        bail!("{name}: it has no output");
    };
    let said = listen(said);
    let child = Arc::new(Mutex::new(child));
    let wanted = Arc::new(AtomicBool::new(false));
    end_on_signal(Arc::clone(&child), Arc::clone(&wanted))?;
    let read = capture_from(frames, choices, report);
    // Nothing more is taken from it, for whatever reason.
    if read.is_err() {
        let _ = locked(&child).kill();
    }
    let status = loop {
        match locked(&child).try_wait().with_context(|| name)? {
            Some(status) => break status,
            None => thread::sleep(Duration::from_millis(5)),
        }
    };
    let said = said.join().unwrap_or_default();
    if wanted.load(Ordering::Relaxed) {
        // It may not have begun yet.
        return Ok(read.unwrap_or_default());
    }
    match read {
        // It ended by itself.
        _ if !status.success() && !said.is_empty() => Err(anyhow!("{name}: {said}")),
        Ok(_) if !status.success() => Err(anyhow!("{name}: {status}")),
        read => read,
    }
}

fn locked(child: &Mutex<Child>) -> MutexGuard<'_, Child> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The program, waiting for no more than its pipe is read.
fn start(interface: &str, filter: &str) -> Result<(&'static str, Child)> {
    let options: [(&str, &[&str]); 2] = [
        ("dumpcap", &["-q", "-i", interface, "-f", filter, "-w", "-"]),
        ("tcpdump", &["-n", "-U", "-s", "0", "-i", interface, "-w", "-", filter]),
    ];
    for (name, options) in options {
        let spawned = Command::new(name)
            .args(options)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        match spawned {
            Ok(child) => return Ok((name, child)),
            // That of Wireshark may be there, and not for everybody.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) => {}
            Err(error) => return Err(error).context(name),
        }
    }
    bail!(
        "capturing on {} takes dumpcap (of Wireshark) or tcpdump, and neither is there for this user; \
         mqtt-inspect proxy takes neither",
        visible(interface)
    )
}

/// Segments of MQTT's ports, in the language of capture filters, with VLAN tags as well.
fn filter(ports: &[u16]) -> String {
    let ports: Vec<String> = MQTT_PORTS.iter().chain(ports).map(|port| format!("tcp port {port}")).collect();
    let ports = ports.join(" or ");
    format!("{ports} or (vlan and ({ports}))")
}

/// What the program says, in one line, when it says no more.
fn listen(mut said: ChildStderr) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut text = Vec::new();
        let _ = said.by_ref().take(MOST_SAID).read_to_end(&mut text);
        let _ = std::io::copy(&mut said, &mut std::io::sink());
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<String> =
            text.lines().map(str::trim).filter(|line| !line.is_empty()).map(visible).collect();
        lines.join("; ")
    })
}

/// Ends the program when the user wants it, so that what it captured is shown to its end.
fn end_on_signal(child: Arc<Mutex<Child>>, wanted: Arc<AtomicBool>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut ends = {
        let _inside = runtime.enter();
        Ends::new()?
    };
    thread::spawn(move || {
        runtime.block_on(async {
            ends.wanted().await;
            wanted.store(true, Ordering::Relaxed);
            tokio::time::sleep(GRACE).await;
            let _ = locked(&child).kill();
            // Who does not want to wait for the output says so a second time.
            ends.wanted().await;
            std::process::exit(130);
        });
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_filter_names_all_ports() {
        let ports = "tcp port 1883 or tcp port 8883 or tcp port 9001";
        assert_eq!(super::filter(&[9001]), format!("{ports} or (vlan and ({ports}))"));
    }
}
