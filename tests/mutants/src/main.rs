//! `mqtt-wire-mutants LIST SOURCE TARGET LEFT_OUT`: puts all mutants of cargo-mutants' list (JSON) into the copy
//! TARGET of the crate SOURCE, each behind a switch that the environment variable `MUTANT` sets: one build serves
//! all of them. Leaves out those whose numbers stand in the file LEFT_OUT, and prints the numbers of those that have
//! no place: constants are computed before there is an environment, and a chain of `let` allows no other operator.
//!
//! Between the lines `/*M17*/` and `/*E*/` stands what mutant 17 puts there, so that an error of the compiler shows
//! which one it belongs to.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::{env, fs};

use proc_macro2::{LineColumn, Span};
use serde_json::Value;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

type Place = (usize, usize);
type Range = (usize, usize);

struct Mutant {
    id: usize,
    genre: String,
    replacement: String,
}

struct Insertion {
    at: usize,
    /// At one place closings come before openings, inner closings first, outer openings first.
    order: (u8, isize, isize),
    text: String,
}

struct File<'a> {
    source: &'a str,
    /// The byte at which each line starts.
    lines: Vec<usize>,
    /// By the start of what cargo-mutants replaces.
    mutants: HashMap<Place, Vec<Mutant>>,
    insertions: Vec<Insertion>,
    in_function: usize,
    count: isize,
}

const ACTIVE: &str = "crate::mutants::active()";

impl File<'_> {
    fn byte(&self, place: LineColumn) -> usize {
        let start = self.lines[place.line - 1];
        let line = &self.source[start..];
        start + line.char_indices().nth(place.column).map_or(line.len(), |(at, _)| at)
    }

    fn range(&self, span: Span) -> Range {
        (self.byte(span.start()), self.byte(span.end()))
    }

    fn text(&self, span: Span) -> String {
        let (start, end) = self.range(span);
        self.source[start..end].to_owned()
    }

    fn take(&mut self, span: Span, genre: &str) -> Vec<Mutant> {
        if self.in_function == 0 {
            return Vec::new();
        }
        let start = span.start();
        let Some(all) = self.mutants.get_mut(&(start.line, start.column + 1)) else { return Vec::new() };
        let (taken, left) = std::mem::take(all).into_iter().partition(|mutant| mutant.genre == genre);
        *all = left;
        taken
    }

    fn wrap(&mut self, (start, end): Range, before: String, after: String) {
        let (length, count) = ((end - start) as isize, self.count);
        self.count += 1;
        self.insertions.push(Insertion { at: start, order: (1, -length, count), text: before });
        self.insertions.push(Insertion { at: end, order: (0, length, -count), text: after });
    }

    /// An expression, or in its place another when one of these mutants is active.
    fn choose(&mut self, range: Range, label: &str, choices: Vec<(usize, String)>) {
        if choices.is_empty() {
            return;
        }
        let mut before = format!("{label}(match {ACTIVE} {{");
        for (id, text) in choices {
            before += &format!("\n/*M{id}*/ {id} => {{ {text} }}\n/*E*/");
        }
        self.wrap(range, before + " _ => {", "} })".into());
    }
}

fn has_let(expr: &syn::Expr) -> bool {
    match expr {
        syn::Expr::Let(_) => true,
        syn::Expr::Binary(binary) => has_let(&binary.left) || has_let(&binary.right),
        _ => false,
    }
}

impl<'ast> Visit<'ast> for File<'_> {
    fn visit_block(&mut self, block: &'ast syn::Block) {
        if let Some(first) = block.stmts.first() {
            let taken = self.take(first.span(), "FnValue");
            let at = self.byte(block.brace_token.span.open().end());
            for Mutant { id, replacement, .. } in taken {
                self.count += 1;
                let text = format!("\n/*M{id}*/ if {ACTIVE} == {id} {{ return {replacement}; }}\n/*E*/");
                self.insertions.push(Insertion { at, order: (0, isize::MAX, self.count), text });
            }
        }
        visit::visit_block(self, block);
    }

    fn visit_item_fn(&mut self, item: &'ast syn::ItemFn) {
        self.in_function += 1;
        visit::visit_item_fn(self, item);
        self.in_function -= 1;
    }

    fn visit_impl_item_fn(&mut self, item: &'ast syn::ImplItemFn) {
        self.in_function += 1;
        visit::visit_impl_item_fn(self, item);
        self.in_function -= 1;
    }

    fn visit_trait_item_fn(&mut self, item: &'ast syn::TraitItemFn) {
        self.in_function += 1;
        visit::visit_trait_item_fn(self, item);
        self.in_function -= 1;
    }

    fn visit_expr_binary(&mut self, binary: &'ast syn::ExprBinary) {
        if !has_let(&binary.left) && !has_let(&binary.right) {
            let taken = self.take(binary.op.span(), "BinaryOperator");
            let (left, right) = (self.text(binary.left.span()), self.text(binary.right.span()));
            let choice = |mutant: Mutant| (mutant.id, format!("{left} {} {right}", mutant.replacement));
            let range = self.range(binary.span());
            self.choose(range, "", taken.into_iter().map(choice).collect());
        }
        visit::visit_expr_binary(self, binary);
    }

    fn visit_expr_unary(&mut self, unary: &'ast syn::ExprUnary) {
        let taken = self.take(unary.op.span(), "UnaryOperator");
        let operand = self.text(unary.expr.span());
        let range = self.range(unary.span());
        self.choose(range, "", taken.into_iter().map(|mutant| (mutant.id, operand.clone())).collect());
        visit::visit_expr_unary(self, unary);
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        let deleted = self.take(arm.span(), "MatchArm");
        let kept: Vec<String> =
            deleted.iter().map(|mutant| format!("\n/*M{0}*/ {ACTIVE} != {0}\n/*E*/", mutant.id)).collect();
        let kept = kept.join(" && ");
        if let Some((_, guard)) = &arm.guard {
            let range = self.range(guard.span());
            if !kept.is_empty() && !has_let(guard) {
                self.wrap(range, format!("{kept} && ("), ")".into());
            }
            let taken = self.take(guard.span(), "MatchArmGuard");
            let choices = taken.into_iter().map(|mutant| (mutant.id, mutant.replacement)).collect();
            self.choose(range, "", choices);
        } else if !kept.is_empty() {
            let (_, end) = self.range(arm.pat.span());
            self.insertions.push(Insertion {
                at: end,
                order: (0, isize::MAX, 0),
                text: format!(" if {kept}"),
            });
        }
        visit::visit_arm(self, arm);
    }

    fn visit_expr_struct(&mut self, body: &'ast syn::ExprStruct) {
        if let Some(rest) = &body.rest {
            let rest = self.text(rest.span());
            for field in &body.fields {
                let taken = self.take(field.span(), "StructField");
                let name = self.text(field.member.span());
                let label = if field.colon_token.is_none() { format!("{name}: ") } else { String::new() };
                let range = self.range(field.expr.span());
                let choice = |mutant: Mutant| (mutant.id, format!("({rest}).{name}"));
                self.choose(range, &label, taken.into_iter().map(choice).collect());
            }
        }
        visit::visit_expr_struct(self, body);
    }
}

fn mutated(source: &str, mutants: HashMap<Place, Vec<Mutant>>) -> (String, Vec<usize>) {
    let mut lines = vec![0];
    lines.extend(source.match_indices('\n').map(|(at, _)| at + 1));
    let mut file = File { source, lines, mutants, insertions: Vec::new(), in_function: 0, count: 0 };
    file.visit_file(&syn::parse_file(source).expect("Rust"));
    file.insertions.sort_by_key(|insertion| (insertion.at, insertion.order));
    let (mut out, mut at) = (String::new(), 0);
    for insertion in &file.insertions {
        out += &source[at..insertion.at];
        out += &insertion.text;
        at = insertion.at;
    }
    out += &source[at..];
    (out, file.mutants.into_values().flatten().map(|mutant| mutant.id).collect())
}

const SWITCH: &str = r#"
#[doc(hidden)]
pub mod mutants {
    #[allow(missing_docs)]
    #[inline(always)]
    pub const fn active() -> u32 { core::intrinsics::const_eval_select((), never, chosen) }
    const fn never() -> u32 { 0 }
    #[inline(always)]
    fn chosen() -> u32 {
        static CHOSEN: std::sync::OnceLock<u32> = std::sync::OnceLock::new();
        *CHOSEN.get_or_init(|| std::env::var("MUTANT").map_or(0, |id| id.parse().expect("a number")))
    }
}
"#;

fn main() {
    let [_, list, source, target, dropped] = &env::args().collect::<Vec<_>>()[..] else {
        panic!("four arguments")
    };
    let list: Vec<Value> = serde_json::from_str(&fs::read_to_string(list).unwrap()).unwrap();
    let dropped: BTreeSet<usize> =
        fs::read_to_string(dropped).unwrap().split_whitespace().map(|id| id.parse().unwrap()).collect();
    let mut files: HashMap<&str, HashMap<Place, Vec<Mutant>>> = HashMap::new();
    for mutant in &list {
        files.entry(mutant["file"].as_str().unwrap()).or_default();
    }
    for (id, mutant) in (1..).zip(&list).filter(|(id, _)| !dropped.contains(id)) {
        let at = &mutant["span"]["start"];
        let place = (at["line"].as_u64().unwrap() as usize, at["column"].as_u64().unwrap() as usize);
        let text = |key: &str| mutant[key].as_str().unwrap().to_owned();
        let mutant = Mutant { id, genre: text("genre"), replacement: text("replacement") };
        files
            .entry(list[id - 1]["file"].as_str().unwrap())
            .or_default()
            .entry(place)
            .or_default()
            .push(mutant);
    }
    let mut left = Vec::new();
    for (name, mutants) in files {
        let source = fs::read_to_string(Path::new(source).join(name)).unwrap();
        let (text, not_put_in) = mutated(&source, mutants);
        left.extend(not_put_in);
        fs::write(Path::new(target).join(name), text).unwrap();
    }
    let root = "src/lib.rs";
    let text = fs::read_to_string(Path::new(source).join(root)).unwrap();
    let text = text.replacen(
        "#![no_std]",
        "#![no_std]\n#![feature(core_intrinsics, const_eval_select)]\n#![allow(warnings)]",
        1,
    );
    fs::write(Path::new(target).join(root), text + SWITCH).unwrap();
    left.sort_unstable();
    for id in left {
        println!("{id}");
    }
}
