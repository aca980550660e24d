//! `mqtt-inspect proxy`: passes connections on to a server, shows what goes over them, and records it.

pub(crate) mod args;
mod feed;
mod relay;
mod tls;
mod wire;

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mqtt_wire::DecodeOptions;
use pcap_parser::Linktype;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use self::args::Proxy;
use self::feed::{Event, Feed, Shared, Watch, What, feed};
use self::relay::{Sides, accept};
use self::wire::Wire;
use crate::capture::{Frame, Time};
use crate::hex::bytes::Digits;
use crate::input::{Choices, Reader};
use crate::pcapng::{RAW_IP, Writer};
use crate::report::Report;
use crate::say;
use crate::signal::Ends;
use crate::text::{count, visible};

/// Runs until the user ends it, or nobody reads the output.
pub(crate) fn run(options: &Proxy, report: &mut Report) -> Result<()> {
    let sides = Arc::new(sides(options)?);
    let recording = options.write.as_deref().map(Recording::create).transpose()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (feed, watch) = feed();
    let ends = {
        let _inside = runtime.enter();
        Ends::new()?
    };
    listen(options, &sides, &feed, &runtime)?;
    runtime.spawn(stop(ends, feed));
    let began = Instant::now();
    report.begin(None)?;
    let choices = choices(options, sides.port);
    let mut reader = Reader::new(&choices, report);
    let mut observer = Observer { wire: Wire::new(options.is_tls()), recording, packets: 0 };
    let shown = observer.watch(&watch, &mut reader);
    runtime.shutdown_timeout(Duration::ZERO);
    shown?;
    reader.finish()?;
    let finished = crate::finish(&options.view, report);
    observer.finish(&watch.shared, began.elapsed())?;
    finished
}

fn sides(options: &Proxy) -> Result<Sides> {
    let (host, port) = options.server();
    Ok(Sides {
        acceptor: tls::acceptor(options)?,
        connector: tls::connector(options)?,
        host: host.to_owned(),
        port,
    })
}

fn choices(options: &Proxy, port: u16) -> Choices {
    Choices {
        options: crate::judging(&options.view, DecodeOptions::detect()),
        version: None,
        sender: None,
        ports: vec![port],
        stream: false,
        digits: Digits::Hex,
        join: false,
        progress: false,
        watch: !options.view.no_rules,
    }
}

fn listen(options: &Proxy, sides: &Arc<Sides>, feed: &Feed, runtime: &Runtime) -> Result<()> {
    let (host, port) = (options.listen.host.as_str(), options.listen.port);
    let listener = runtime
        .block_on(TcpListener::bind((host, port)))
        .with_context(|| format!("cannot listen on {host}, port {port}"))?;
    let local = listener.local_addr()?;
    if runtime.block_on(is_self(local, (&sides.host, sides.port))) {
        bail!("{}:{} is where the proxy itself listens", visible(&sides.host), sides.port);
    }
    let with_tls = |is_tls| if is_tls { " (TLS)" } else { "" };
    say(format_args!(
        "listening on {}{}, passing on to {}:{}{}; Ctrl-C ends it",
        local,
        with_tls(sides.acceptor.is_some()),
        visible(&sides.host),
        sides.port,
        with_tls(sides.connector.is_some()),
    ));
    runtime.spawn(accept(listener, Arc::clone(sides), feed.clone()));
    Ok(())
}

/// Whether a server is the proxy, which would pass each connection on to itself for ever.
async fn is_self(local: SocketAddr, server: (&str, u16)) -> bool {
    let any = local.ip().is_unspecified();
    // What cannot be found is said to each client.
    let Ok(mut addresses) = tokio::net::lookup_host(server).await else { return false };
    addresses.any(|address| {
        address.port() == local.port() && (address.ip() == local.ip() || any && address.ip().is_loopback())
    })
}

/// Waits for the user to end it. Who cannot wait for the output says so a second time.
async fn stop(mut ends: Ends, feed: Feed) {
    ends.wanted().await;
    feed.stop();
    ends.wanted().await;
    std::process::exit(130);
}

/// Decodes what was passed on, and records it.
struct Observer {
    wire: Wire,
    recording: Option<Recording>,
    packets: u64,
}

impl Observer {
    fn watch(&mut self, watch: &Watch, reader: &mut Reader<'_>) -> io::Result<()> {
        loop {
            let ready = watch.ready();
            if let (None, Some(recording)) = (&ready, &mut self.recording) {
                // The file is whole whenever nothing goes on.
                recording.flush();
            }
            let Some(event) = ready.or_else(|| watch.next()) else { return Ok(()) };
            match &event.what {
                What::Stop => return Ok(()),
                What::Remark(remark) => say(format_args!("{}", visible(remark))),
                _ => self.event(&event, reader)?,
            }
        }
    }

    /// What an event shows goes out at once, and together.
    fn event(&mut self, event: &Event, reader: &mut Reader<'_>) -> io::Result<()> {
        let Self { wire, recording, packets } = self;
        wire.packets(event, |time, packet| {
            *packets += 1;
            if let Some(recording) = recording {
                recording.packet(time, packet);
            }
            reader.frame(&Frame { time: Some(time), link: Linktype(RAW_IP.into()), data: packet })
        })?;
        reader.flush()
    }

    /// Says what there was.
    fn finish(self, shared: &Shared, elapsed: Duration) -> Result<()> {
        let of = |number: &std::sync::atomic::AtomicU64| number.load(Ordering::Relaxed);
        let mut summary = format!(
            "{} in {:.1} s, {} from clients, {} from the server",
            count(of(&shared.connections), "connection"),
            elapsed.as_secs_f64(),
            count(of(&shared.from_clients), "byte"),
            count(of(&shared.from_servers), "byte"),
        );
        if of(&shared.failed) > 0 {
            let _ = write!(summary, "; {} not passed on", count(of(&shared.failed), "connection"));
        }
        let (connections, bytes) = (of(&shared.unseen_connections), of(&shared.unseen_bytes));
        if bytes > 0 || connections > 0 {
            let (connections, bytes) = (count(connections, "connection"), count(bytes, "byte"));
            let _ = write!(summary, "; passed on too fast to be shown: {bytes}, {connections}");
        }
        let recorded = self.recording.map(Recording::finish);
        if let Some(Ok(path)) = &recorded {
            let _ = write!(summary, "; {} in {path}", count(self.packets, "frame"));
        }
        say(format_args!("{summary}"));
        match recorded {
            Some(Err(error)) => bail!(error),
            _ => Ok(()),
        }
    }
}

/// The file of all that is passed on. That it cannot be written is said once, and ends nothing.
struct Recording {
    path: String,
    writer: Writer<BufWriter<File>>,
    failure: Option<String>,
}

impl Recording {
    fn create(path: &Path) -> Result<Self> {
        let shown = visible(&path.display().to_string());
        let file = File::create(path).with_context(|| shown.clone())?;
        let writer = Writer::new(BufWriter::new(file)).with_context(|| shown.clone())?;
        Ok(Self { path: shown, writer, failure: None })
    }

    fn packet(&mut self, time: Time, packet: &[u8]) {
        if self.failure.is_none() {
            let written = self.writer.packet(time, packet);
            self.check(written);
        }
    }

    fn flush(&mut self) {
        if self.failure.is_none() {
            let written = self.writer.flush();
            self.check(written);
        }
    }

    fn check(&mut self, written: io::Result<()>) {
        if let Err(error) = written {
            let failure = format!("{}: not recorded any further: {error}", self.path);
            say(format_args!("{failure}"));
            self.failure = Some(failure);
        }
    }

    /// The file's name, or why it is not whole.
    fn finish(mut self) -> Result<String, String> {
        self.flush();
        match self.failure {
            Some(failure) => Err(failure),
            None => Ok(self.path),
        }
    }
}
