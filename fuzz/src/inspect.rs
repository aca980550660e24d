// `mqtt-inspect` on any bytes that pretend to be a capture, a stream or hex: no panic in any of its outputs,
// and its JSON is JSON. The program is not a library, so its modules are taken in as they are, into the root
// of whatever includes this file.

#[path = "../../inspect/src"]
mod program {
    pub(crate) mod args;
    pub(crate) mod capture;
    pub(crate) mod connections;
    pub(crate) mod dissect;
    pub(crate) mod framer;
    pub(crate) mod handshake;
    pub(crate) mod hex;
    pub(crate) mod input;
    pub(crate) mod link;
    pub(crate) mod note;
    pub(crate) mod pool;
    pub(crate) mod record;
    pub(crate) mod render;
    pub(crate) mod report;
    pub(crate) mod session;
    pub(crate) mod standard;
    pub(crate) mod stream;
    pub(crate) mod tcp;
    pub(crate) mod text;
    pub(crate) mod websocket;
}

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use mqtt_wire::DecodeOptions;

// By these paths the modules know each other.
use program::{
    args, capture, connections, dissect, framer, handshake, hex, input, link, note, pool, record, render, report,
    session, standard, stream, tcp, text, websocket,
};

use args::{Source, TimeStyle};
use input::Choices;
use record::Output;
use render::explain::Explain;
use render::json::Json;
use render::paint::Painter;
use render::stats::Stats;
use render::timeline::Timeline;
use report::Report;

/// The oracle.
fn run(bytes: &[u8]) {
    let file = file_of(bytes);
    let printed = Printed::default();
    let painter = Painter { colour: false };
    let (time, full, begin) = (TimeStyle::Relative, true, None);
    let out = printed.clone();
    // One kind of output for an input: its length decides.
    let output: Box<dyn Output> = match bytes.len() % 4 {
        0 => Box::new(Timeline { out, painter, time, full, begin }),
        1 => Box::new(Explain { out, painter, time, full, begin }),
        2 => Box::new(Stats::new(out, painter, true)),
        _ => Box::new(Json::new(out, false)),
    };
    let mut report = Report::new(output, None);
    let choices = Choices {
        options: DecodeOptions::detect(),
        version: None,
        sender: None,
        ports: Vec::new(),
        stream: false,
        progress: false,
    };
    report.begin(None).expect("a buffer takes anything");
    // What cannot be read is an error with a message; what can is shown as far as it goes.
    let read = input::capture(&Source::File(file.clone()), &choices, &mut report).map(drop);
    let raw = input::raw(&Source::File(file), &choices, &mut report);
    for result in [read, raw] {
        if let Err(error) = result {
            assert!(!format!("{error:#}").is_empty());
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        let hex = Source::Argument(text.to_owned());
        input::hex(&hex, &choices, &mut report, &mut 0).expect("a bad line is shown, not an error");
    }
    report.finish().expect("a buffer takes anything");
    drop(report);
    let printed = printed.0.lock().expect("no panic before");
    let text = std::str::from_utf8(&printed).expect("text is printed");
    if matches!(bytes.len() % 4, 2 | 3) {
        for json in serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>() {
            json.expect("JSON");
        }
    }
}

/// A file of this process with these bytes.
fn file_of(bytes: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("mqtt-wire-fuzz-{}", std::process::id()));
    fs::write(&path, bytes).expect("a file that can be written");
    path
}

/// What was printed.
#[derive(Debug, Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no panic before").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
