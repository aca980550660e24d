//! The bounds: what hostile input may cost, in instructions, and tables of what it does cost.

use crate::attacks::{ATTACKS, HEAD_BYTE_BY_BYTE, TOPICS, Way, payload_ways};
use crate::workloads::Workload;

/// Instructions a byte.
const A_BYTE: f64 = 40.0;
/// Instructions a call, besides: what a packet costs however small it is, and what it costs to find out that it is not
/// complete.
const A_CALL: f64 = 144.0;
/// How much more work twice the input may be.
const TWICE: f64 = 2.05;
/// How much more work a thousand times the payload may be: its length is a byte longer.
const A_THOUSAND: f64 = 1.1;

/// What takes more instructions a byte than that, by the start of its name.
const MORE: &[(&str, &str, f64)] = &[
    // Two bytes each.
    ("PUBLISH, 100000 subscription identifiers", "encode", 56.0),
    ("PUBLISH, 100000 subscription identifiers", "decode", 52.0),
    // Lists of the caller's are walked twice, an item at a time: to be checked and counted, and to be written.
    ("CONNECT, 40000 user properties", "encode", 52.0),
    ("the same, the version detected", "encode", 52.0),
    ("PUBLISH, 40000 user properties", "encode", 50.0),
    ("PUBACK, 40000 user properties", "encode", 50.0),
    ("SUBACK, 200000 codes", "encode", 60.0),
    // One byte each.
    ("SUBACK, 200000 codes", "decode", 62.0),
    // Every text is looked through twice.
    ("the same, control characters refused", "decode", 46.0),
    ("the same, control characters refused", "encode", 44.0),
    // With every byte it is asked anew which version the CONNECT names.
    ("the same, the version detected", "byte by byte", 400.0),
    // Two bytes each.
    ("50000 DISCONNECT in one buffer", "forward", 128.0),
    ("50000 DISCONNECT in one buffer", "encode", 128.0),
    // Three lengths are looked for with every byte.
    ("", HEAD_BYTE_BY_BYTE, 250.0),
];

const SMALL_PAYLOAD: usize = 1 << 10;
const LARGE_PAYLOAD: usize = 1 << 20;

/// One way to use one input, in two sizes.
struct Measure {
    table: &'static str,
    row: String,
    way: &'static str,
    calls: usize,
    small: Workload,
    large: Workload,
}

const STREAMS: &str = "bytes of a connection";
const PAIRS: &str = "filter and name";
const PAYLOADS: &str = "PUBLISH";

fn measures() -> Vec<Measure> {
    let attacks = ATTACKS.iter().flat_map(|attack| {
        let name = attack.name.replace("{}", &attack.items.to_string());
        pairs(STREAMS, name, attack.ways(attack.items / 2), attack.ways(attack.items))
    });
    let topics = TOPICS.iter().flat_map(|topics| {
        let name = topics.name.replace("{}", &topics.levels.to_string());
        pairs(PAIRS, name, topics.ways(topics.levels / 2), topics.ways(topics.levels))
    });
    let payloads =
        pairs(PAYLOADS, "PUBLISH".to_owned(), payload_ways(SMALL_PAYLOAD), payload_ways(LARGE_PAYLOAD));
    attacks.chain(topics).chain(payloads).collect()
}

fn pairs(table: &'static str, row: String, small: Vec<Way>, large: Vec<Way>) -> Vec<Measure> {
    assert_eq!(small.len(), large.len());
    let workload = |way: Way| Workload::new(way.name, way.bytes, way.pass);
    let each = small.into_iter().zip(large).map(|(small, large)| Measure {
        table,
        row: row.clone(),
        way: large.name,
        calls: large.calls,
        small: workload(small),
        large: workload(large),
    });
    each.collect()
}

impl Measure {
    /// The instructions a byte that it may take.
    fn bound(&self) -> f64 {
        let more = |(row, way, _): &&(&str, &str, f64)| self.row.starts_with(row) && self.way == *way;
        match MORE.iter().find(more) {
            _ if self.table == PAYLOADS => f64::INFINITY,
            Some((.., bound)) => *bound,
            None => A_BYTE + A_CALL * self.calls as f64 / self.large.units as f64,
        }
    }
}

pub fn workloads() -> Vec<Workload> {
    measures().into_iter().flat_map(|measure| [measure.small, measure.large]).collect()
}

/// A line of a table.
struct Row {
    name: String,
    bytes: usize,
    /// Instructions by way.
    cells: Vec<(&'static str, f64)>,
    /// The highest factor between the sizes.
    factor: f64,
}

/// Prints the tables. Whether all is within bounds.
pub fn print(counted: &[(String, f64)]) -> bool {
    let mut tables: Vec<(&'static str, Vec<Row>)> = Vec::new();
    let mut wrong = Vec::new();
    for (measure, cost) in measures().iter().zip(counted.chunks_exact(2)) {
        let [small, large] = [cost[0].1, cost[1].1];
        let factor = large * measure.large.units as f64 / (small * measure.small.units as f64);
        let (bound, growth) = (measure.bound(), if measure.table == PAYLOADS { A_THOUSAND } else { TWICE });
        if large > bound {
            let Measure { row, way, .. } = measure;
            wrong.push(format!("{row}, {way}: {large:.1} instructions a byte, above {bound:.1}"));
        }
        if factor > growth {
            wrong.push(format!("{}, {}: {factor:.3} times the work", measure.row, measure.way));
        }
        if tables.last().is_none_or(|(name, _)| *name != measure.table) {
            tables.push((measure.table, Vec::new()));
        }
        let (_, rows) = tables.last_mut().expect("a table");
        if measure.table == PAYLOADS {
            let cells = vec![("1 KiB", small), ("1 MiB", large)];
            rows.push(Row { name: measure.way.to_owned(), bytes: 0, cells, factor });
            continue;
        }
        if rows.last().is_none_or(|row| row.name != measure.row) {
            let (name, bytes) = (measure.row.clone(), measure.large.units);
            rows.push(Row { name, bytes, cells: Vec::new(), factor: 0.0 });
        }
        let row = rows.last_mut().expect("a row");
        row.cells.push((measure.way, large));
        row.factor = row.factor.max(factor);
    }
    for (name, rows) in &tables {
        print_table(name, rows);
    }
    for line in &wrong {
        println!("TOO MUCH: {line}");
    }
    wrong.is_empty()
}

fn print_table(name: &str, rows: &[Row]) {
    let mut columns: Vec<&str> = Vec::new();
    for (way, _) in rows.iter().flat_map(|row| &row.cells) {
        if !columns.contains(way) {
            columns.push(way);
        }
    }
    let (sized, factor) = if name == PAYLOADS { (false, "1 MiB : 1 KiB") } else { (true, "twice the input") };
    println!("| {name} |{} {} | {factor} |", if sized { " bytes |" } else { "" }, columns.join(" | "));
    println!("|---|{}{}---:|", if sized { "---:|" } else { "" }, "---:|".repeat(columns.len()));
    for row in rows {
        let cell = |column: &&str| match row.cells.iter().find(|(way, _)| way == column) {
            Some((_, cost)) if sized => format!("{cost:.1}"),
            Some((_, cost)) => format!("{cost:.0}"),
            None => String::new(),
        };
        let cells: Vec<String> = columns.iter().map(cell).collect();
        let size = if sized { format!(" {} |", row.bytes) } else { String::new() };
        println!("| {} |{size} {} | {:.3} |", row.name, cells.join(" | "), row.factor);
    }
    println!();
}
