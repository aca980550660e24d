//! `mqtt-session-bench SLOTS KIND MESSAGES` does so many messages and tells the time; `run` counts the instructions of the
//! difference between two numbers.

use std::time::Instant;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, slots, kind, messages] = &arguments[..] else { panic!("SLOTS KIND MESSAGES") };
    let messages = messages.parse().expect("a number");
    let start = Instant::now();
    mqtt_session_bench::messages(slots, kind, messages);
    println!("{:.1}", start.elapsed().as_secs_f64() * 1e9 / f64::from(messages));
}
