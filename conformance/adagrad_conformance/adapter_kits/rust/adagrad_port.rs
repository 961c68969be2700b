//! Puts a port of Adagrad in Rust before the conformance suite: the protocol, so that
//! an adapter only says how the port is called.  One module, no crates (Unix).
//!
//! `mod adagrad_port;` beside it, and in `main`: `adagrad_port::serve::<MyPort>()`.
//!
//! `MyPort` is one optimizer and implements `Port`.  For ports with dense gradients; a
//! saved state is bytes, so claim "load-bytes" and "load-new-process" of the ways to
//! load.  An `Err(Refused(..))` is the port saying no; a panic is a crash.  What the
//! port prints on standard output goes to standard error.

#![allow(dead_code)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, StdinLock, Write};
use std::os::fd::AsFd;
use std::panic::{catch_unwind, AssertUnwindSafe};

/// The port says no; the text is the port's own.
#[derive(Debug)]
pub struct Refused(pub String);

pub type Outcome<T> = Result<T, Refused>;

/// IEEE 754 encodings in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    pub format: String,
    pub shape: Vec<i64>,
    pub bits: Vec<u64>,
}

impl Tensor {
    fn need(&self, format: &str) {
        assert_eq!(self.format, format, "a tensor of another format");
    }

    pub fn f64s(&self) -> Vec<f64> {
        self.need("binary64");
        self.bits.iter().map(|&b| f64::from_bits(b)).collect()
    }

    pub fn f32s(&self) -> Vec<f32> {
        self.need("binary32");
        self.bits.iter().map(|&b| f32::from_bits(b as u32)).collect()
    }

    /// A tensor like this one, of other encodings.
    pub fn with_bits(&self, bits: Vec<u64>) -> Tensor {
        assert_eq!(self.bits.len(), bits.len(), "a tensor of another size");
        Tensor { format: self.format.clone(), shape: self.shape.clone(), bits }
    }

    pub fn with_f64s(&self, values: &[f64]) -> Tensor {
        self.need("binary64");
        self.with_bits(values.iter().map(|x| x.to_bits()).collect())
    }

    pub fn with_f32s(&self, values: &[f32]) -> Tensor {
        self.need("binary32");
        self.with_bits(values.iter().map(|x| u64::from(x.to_bits())).collect())
    }

    /// For programs that compute in f64: binary64, or binary32 widened.
    pub fn numbers(&self) -> Vec<f64> {
        match self.format.as_str() {
            "binary64" => self.f64s(),
            _ => self.f32s().into_iter().map(f64::from).collect(),
        }
    }

    /// The same back; binary32 by rounding.
    pub fn with_numbers(&self, numbers: &[f64]) -> Tensor {
        match self.format.as_str() {
            "binary64" => self.with_f64s(numbers),
            _ => self.with_f32s(&numbers.iter().map(|&x| x as f32).collect::<Vec<_>>()),
        }
    }
}

/// A param, shared by optimizers.
#[derive(Clone, Debug)]
pub struct Param {
    pub theta: Tensor,
    pub gradient: Option<Tensor>,
}

/// All params by name; those of an optimizer are named by its groups.
pub type Params = BTreeMap<String, Param>;

/// The options that somebody chose; the port's own defaults hold for the others.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub lr: Option<f64>,
    pub lr_decay: Option<f64>,
    pub weight_decay: Option<f64>,
    pub initial_accumulator_value: Option<f64>,
    pub eps: Option<f64>,
    pub maximize: Option<bool>,
}

impl Options {
    /// Take over what others chose.
    pub fn choose(&mut self, others: &Options) {
        self.lr = others.lr.or(self.lr);
        self.lr_decay = others.lr_decay.or(self.lr_decay);
        self.weight_decay = others.weight_decay.or(self.weight_decay);
        self.initial_accumulator_value =
            others.initial_accumulator_value.or(self.initial_accumulator_value);
        self.eps = others.eps.or(self.eps);
        self.maximize = others.maximize.or(self.maximize);
    }

    fn from_json(raw: &Json) -> Options {
        let number = |name| raw.find(name).map(number_from_json);
        Options {
            lr: number("lr"),
            lr_decay: number("lr_decay"),
            weight_decay: number("weight_decay"),
            initial_accumulator_value: number("initial_accumulator_value"),
            eps: number("eps"),
            maximize: raw.find("maximize").map(Json::flag),
        }
    }
}

/// Params of an optimizer, and the options in which they differ from the others.
#[derive(Clone, Debug)]
pub struct Group {
    pub params: Vec<String>,
    pub options: Options,
}

/// What an optimizer holds of a param; None where it holds or shows nothing.
#[derive(Clone, Debug, Default)]
pub struct State {
    pub sum: Option<Tensor>,
    pub t: Option<u64>,
}

/// Who a port is.
#[derive(Default)]
pub struct Identity {
    pub name: &'static str,
    pub version: &'static str,
    /// Words of PROTOCOL.md, with spaces between.
    pub claims: &'static str,
    /// None: the document.
    pub dialect: Option<&'static str>,
    /// What nobody can choose, and the values; it is not given to the port.
    pub constants: Vec<(&'static str, f64)>,
}

/// What a step returns: a closure's loss, if the port gives it.
pub type Loss = Option<f64>;

/// Sets the gradients that a closure brings, gives its loss.
pub type Closure<'a> = &'a mut dyn FnMut(&mut Params) -> f64;

fn lacks<T>() -> T {
    panic!("the adapter claims what it has no function for")
}

/// One optimizer of the port; a function for each thing that it claims.
pub trait Port: Sized {
    fn identity() -> Identity;

    fn new(groups: &[Group], options: &Options, params: &Params) -> Outcome<Self>;

    /// One step with the gradients the params have.
    fn step(&mut self, params: &mut Params, closure: Option<Closure>) -> Outcome<Loss>;

    /// state
    fn state(&self, _param: &str) -> State {
        State::default()
    }

    /// state-write
    fn set_state(&mut self, _param: &str, _sum: Tensor, _t: u64) -> Outcome<()> {
        lacks()
    }

    /// set-option: one option of a group, counted from 0
    fn set_option(&mut self, _group: usize, _chosen: &Options) -> Outcome<()> {
        lacks()
    }

    /// add-group
    fn add_group(&mut self, _group: &Group, _params: &Params) -> Outcome<()> {
        lacks()
    }

    /// zero-grad
    fn zero_grad(&mut self, _params: &mut Params, _set_to_none: bool) -> Outcome<()> {
        lacks()
    }

    /// save
    fn save(&self) -> Outcome<Vec<u8>> {
        lacks()
    }

    fn load(&mut self, _bytes: &[u8]) -> Outcome<()> {
        lacks()
    }
}

// -- JSON -----------------------------------------------------------------------------

/// A JSON value.  Numbers are whole here: all others are sent as bits.
#[derive(Clone, Debug)]
enum Json {
    Null,
    Flag(bool),
    Number(i64),
    Text(String),
    List(Vec<Json>),
    Object(BTreeMap<String, Json>),
}

impl Json {
    fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
        Json::Object(members.into_iter().map(|(key, x)| (key.to_string(), x)).collect())
    }

    fn text(text: impl Into<String>) -> Json {
        Json::Text(text.into())
    }

    fn find(&self, key: &str) -> Option<&Json> {
        self.members().get(key)
    }

    fn get(&self, key: &str) -> &Json {
        self.find(key).unwrap_or_else(|| panic!("a message lacks {key}"))
    }

    fn members(&self) -> &BTreeMap<String, Json> {
        match self {
            Json::Object(members) => members,
            other => panic!("an object is due, not {other:?}"),
        }
    }

    fn list(&self) -> &[Json] {
        match self {
            Json::List(items) => items,
            other => panic!("a list is due, not {other:?}"),
        }
    }

    fn str(&self) -> &str {
        match self {
            Json::Text(text) => text,
            other => panic!("a text is due, not {other:?}"),
        }
    }

    fn number(&self) -> i64 {
        match self {
            Json::Number(number) => *number,
            other => panic!("a whole number is due, not {other:?}"),
        }
    }

    fn flag(&self) -> bool {
        match self {
            Json::Flag(flag) => *flag,
            other => panic!("a flag is due, not {other:?}"),
        }
    }

    fn write(&self, out: &mut String) {
        match self {
            Json::Null => out.push_str("null"),
            Json::Flag(flag) => out.push_str(&flag.to_string()),
            Json::Number(number) => out.push_str(&number.to_string()),
            Json::Text(text) => write_text(text, out),
            Json::List(items) => {
                for (i, item) in items.iter().enumerate() {
                    out.push(if i == 0 { '[' } else { ',' });
                    item.write(out);
                }
                out.push_str(if items.is_empty() { "[]" } else { "]" });
            }
            Json::Object(members) => {
                for (i, (key, item)) in members.iter().enumerate() {
                    out.push(if i == 0 { '{' } else { ',' });
                    write_text(key, out);
                    out.push(':');
                    item.write(out);
                }
                out.push_str(if members.is_empty() { "{}" } else { "}" });
            }
        }
    }
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// Reads one JSON value; panics at what is none.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&mut self) -> u8 {
        let bytes = self.text.as_bytes();
        while self.at < bytes.len() && bytes[self.at].is_ascii_whitespace() {
            self.at += 1;
        }
        *bytes.get(self.at).expect("a line ends within its JSON")
    }

    fn skip(&mut self, c: u8) -> bool {
        let there = self.peek() == c;
        self.at += usize::from(there);
        there
    }

    fn need(&mut self, c: u8) {
        assert!(self.skip(c), "no JSON at byte {}", self.at);
    }

    fn value(&mut self) -> Json {
        match self.peek() {
            b'{' => self.object(),
            b'[' => self.list(),
            b'"' => Json::Text(self.string()),
            b't' => self.word("true", Json::Flag(true)),
            b'f' => self.word("false", Json::Flag(false)),
            b'n' => self.word("null", Json::Null),
            _ => self.number(),
        }
    }

    fn word(&mut self, spelt: &str, meaning: Json) -> Json {
        assert!(self.text[self.at..].starts_with(spelt), "no JSON at byte {}", self.at);
        self.at += spelt.len();
        meaning
    }

    /// A whole number; a fraction is for people.
    fn number(&mut self) -> Json {
        let rest = &self.text[self.at..];
        let end =
            rest.find(|c: char| !"+-.eE0123456789".contains(c)).unwrap_or(rest.len());
        let whole = rest[..end].split(['.', 'e', 'E']).next().unwrap_or("");
        self.at += end;
        Json::Number(whole.parse().expect("no JSON number"))
    }

    fn list(&mut self) -> Json {
        let mut items = Vec::new();
        self.need(b'[');
        if !self.skip(b']') {
            loop {
                items.push(self.value());
                if !self.skip(b',') {
                    break;
                }
            }
            self.need(b']');
        }
        Json::List(items)
    }

    fn object(&mut self) -> Json {
        let mut members = BTreeMap::new();
        self.need(b'{');
        if !self.skip(b'}') {
            loop {
                let key = self.string();
                self.need(b':');
                members.insert(key, self.value());
                if !self.skip(b',') {
                    break;
                }
            }
            self.need(b'}');
        }
        Json::Object(members)
    }

    fn string(&mut self) -> String {
        let mut out = String::new();
        self.need(b'"');
        loop {
            let rest = &self.text[self.at..];
            let end = rest.find(['"', '\\']).expect("a string without an end");
            out.push_str(&rest[..end]);
            self.at += end + 1;
            if rest.as_bytes()[end] == b'"' {
                return out;
            }
            self.at += 1;
            out.push(match self.text.as_bytes()[self.at - 1] {
                b'b' => '\u{8}',
                b'f' => '\u{c}',
                b'n' => '\n',
                b'r' => '\r',
                b't' => '\t',
                b'u' => self.code_point(),
                other => char::from(other),
            });
        }
    }

    fn code_unit(&mut self) -> u32 {
        self.at += 4;
        let digits = &self.text[self.at - 4..self.at];
        u32::from_str_radix(digits, 16).expect("no digits of \\u")
    }

    fn code_point(&mut self) -> char {
        let mut code = self.code_unit();
        if (0xd800..0xdc00).contains(&code) && self.text[self.at..].starts_with("\\u") {
            self.at += 2;
            code = 0x10000 + ((code - 0xd800) << 10) + (self.code_unit() - 0xdc00);
        }
        char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
    }
}

fn parse(line: &str) -> Json {
    Reader { text: line, at: 0 }.value()
}

// -- numbers: the bits of IEEE 754 as hexadecimal digits ------------------------------

fn digits(format: &str) -> usize {
    match format {
        "binary64" => 16,
        "binary32" => 8,
        "binary16" | "bfloat16" => 4,
        other => panic!("unknown format {other}"),
    }
}

fn hex(tensor: &Tensor) -> String {
    let width = digits(&tensor.format);
    tensor.bits.iter().map(|b| format!("{b:0width$x}")).collect()
}

fn from_hex(text: &str) -> u64 {
    u64::from_str_radix(text, 16).expect("bits are hexadecimal digits")
}

fn number_from_json(raw: &Json) -> f64 {
    f64::from_bits(from_hex(raw.get("bits").str()))
}

fn number_to_json(x: f64) -> Json {
    Json::object([("bits", Json::Text(format!("{:016x}", x.to_bits())))])
}

fn tensor_from_json(raw: &Json) -> Tensor {
    let format = raw.get("format").str().to_string();
    let width = digits(&format);
    let bits = match raw.get("bits") {
        Json::Text(packed) => {
            let step = (0..packed.len()).step_by(width);
            step.map(|at| from_hex(&packed[at..at + width])).collect()
        }
        listed => listed.list().iter().map(|x| from_hex(x.str())).collect(),
    };
    let shape = raw.get("shape").list().iter().map(Json::number).collect();
    Tensor { format, shape, bits }
}

fn tensor_to_json(tensor: &Tensor) -> Json {
    let shape = tensor.shape.iter().map(|&n| Json::Number(n)).collect();
    let (format, bits) = (Json::text(&tensor.format), Json::Text(hex(tensor)));
    Json::object([("format", format), ("shape", Json::List(shape)), ("bits", bits)])
}

fn or_null<T>(x: Option<T>, show: impl Fn(T) -> Json) -> Json {
    x.map_or(Json::Null, show)
}

const BASE64: &[u8; 64] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let group = (0..3)
            .fold(0u32, |all, i| all << 8 | u32::from(*chunk.get(i).unwrap_or(&0)));
        for i in 0..4 {
            let digit = BASE64[(group >> (18 - 6 * i) & 63) as usize];
            out.push(if i <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    out
}

fn from_base64(text: &str) -> Vec<u8> {
    let (mut out, mut group, mut held) = (Vec::new(), 0u32, 0);
    for c in text.bytes().take_while(|&c| c != b'=') {
        let digit = BASE64.iter().position(|&d| d == c).expect("a payload is base64");
        group = group << 6 | digit as u32;
        held += 6;
        if held >= 8 {
            held -= 8;
            out.push((group >> held & 0xff) as u8);
        }
    }
    out
}

// -- what the runner asks for ---------------------------------------------------------

/// Lines in and out.
struct Wire {
    lines: StdinLock<'static>,
    out: File,
}

impl Wire {
    fn receive(&mut self) -> Option<Json> {
        let mut line = String::new();
        match self.lines.read_line(&mut line) {
            Ok(size) if size > 0 => Some(parse(&line)),
            _ => None,
        }
    }

    fn send(&mut self, message: &Json) {
        let mut line = String::new();
        message.write(&mut line);
        line.push('\n');
        self.out.write_all(line.as_bytes()).expect("an answer can be written");
    }
}

/// An optimizer, and the names of its params.
struct Member<P> {
    port: P,
    names: Vec<String>,
}

struct Server<P> {
    wire: RefCell<Wire>,
    params: Params,
    members: BTreeMap<String, Member<P>>,
    saves: BTreeMap<String, Vec<u8>>,
}

fn nothing() -> Outcome<Json> {
    Ok(Json::object([]))
}

impl<P: Port> Server<P> {
    fn answer(&mut self, question: &Json) -> Outcome<Json> {
        match question.get("op").str() {
            "start" => Ok(start::<P>()),
            "begin" => self.begin(question.get("tensors")),
            "read" => Ok(self.read(question.get("optimizer").str())),
            "event" => self.event(question.get("event"), question),
            "stop" => nothing(),
            other => panic!("unknown question {other}"),
        }
    }

    fn begin(&mut self, tensors: &Json) -> Outcome<Json> {
        self.saves.clear();
        self.members.clear();
        let hold = |raw| Param { theta: tensor_from_json(raw), gradient: None };
        let named = tensors.members().iter();
        self.params = named.map(|(name, raw)| (name.clone(), hold(raw))).collect();
        nothing()
    }

    fn read(&self, optimizer: &str) -> Json {
        let Member { port, names } = &self.members[optimizer];
        let show = |name: &String| {
            let Param { theta, gradient } = &self.params[name];
            let State { sum, t } = port.state(name);
            let shown = Json::object([
                ("theta", tensor_to_json(theta)),
                ("gradient", or_null(gradient.as_ref(), tensor_to_json)),
                ("sum", or_null(sum.as_ref(), tensor_to_json)),
                ("t", or_null(t, |t| Json::Number(t as i64))),
            ]);
            (name.clone(), shown)
        };
        Json::object([("params", Json::Object(names.iter().map(show).collect()))])
    }

    fn event(&mut self, event: &Json, question: &Json) -> Outcome<Json> {
        let Server { wire, params, members, saves } = self;
        let name = event.get("optimizer").str();
        let what = event.get("do").str();
        if what == "new" {
            let member = make(event, params)?;
            members.insert(name.to_string(), member);
            return nothing();
        }
        let Member { port, names } = members.get_mut(name).expect("a known optimizer");
        match what {
            "step" => {
                set_gradients(event.get("gradients"), params);
                let mut ask = |params: &mut Params| {
                    ask_back(&mut wire.borrow_mut(), question.get("seq"), params)
                };
                let closure = event.find("closure").is_some_and(Json::flag);
                let loss =
                    port.step(params, if closure { Some(&mut ask) } else { None })?;
                return match loss {
                    Some(loss) => Ok(Json::object([("loss", number_to_json(loss))])),
                    None => nothing(),
                };
            }
            "steps" => return steps(port, names, event, params),
            "set-option" => {
                let (option, value) =
                    (event.get("option").str(), event.get("value").clone());
                let chosen = Options::from_json(&Json::object([(option, value)]));
                if P::identity().constants.iter().all(|(name, _)| *name != option) {
                    port.set_option(event.get("group").number() as usize, &chosen)?;
                }
            }
            "add-group" => {
                let group = group::<P>(event.get("group"));
                port.add_group(&group, params)?;
                names.extend(group.params);
            }
            "zero-grad" => port.zero_grad(params, event.get("set_to_none").flag())?,
            "set-state" => {
                let t = event.get("t").number() as u64;
                let sum = tensor_from_json(event.get("sum"));
                port.set_state(event.get("param").str(), sum, t)?;
            }
            "state-dict" => drop(port.save()?),
            "save" => {
                let bytes = port.save()?;
                let saved = Json::Text(base64(&bytes));
                saves.insert(event.get("name").str().to_string(), bytes);
                return Ok(Json::object([("saved", saved)]));
            }
            "load" => match question.find("payload") {
                Some(payload) => port.load(&from_base64(payload.str()))?,
                None => port.load(&saves[event.get("name").str()])?,
            },
            other => panic!("unknown event {other}"),
        }
        nothing()
    }
}

fn start<P: Port>() -> Json {
    let who = P::identity();
    let claims = who.claims.split_whitespace().map(Json::text).collect();
    let constants = who.constants.iter();
    let constants = constants.map(|(name, x)| (name.to_string(), number_to_json(*x)));
    Json::object([
        ("protocol", Json::Number(1)),
        ("name", Json::text(who.name)),
        ("version", Json::text(who.version)),
        ("language", Json::text("Rust")),
        ("claims", Json::List(claims)),
        ("dialect", Json::text(who.dialect.unwrap_or("document"))),
        ("constants", Json::Object(constants.collect())),
        ("takes", Json::List(vec![Json::text("ahead"), Json::text("packed")])),
    ])
}

/// What was chosen, without the port's constants.
fn chosen<P: Port>(raw: &Json) -> Options {
    let mut members = raw.members().clone();
    for (name, _) in P::identity().constants {
        members.remove(name);
    }
    Options::from_json(&Json::Object(members))
}

fn group<P: Port>(raw: &Json) -> Group {
    let params = raw.get("params").list().iter().map(|x| x.str().to_string()).collect();
    Group { params, options: chosen::<P>(raw.get("options")) }
}

fn make<P: Port>(event: &Json, params: &Params) -> Outcome<Member<P>> {
    let groups: Vec<Group> =
        event.get("groups").list().iter().map(group::<P>).collect();
    let port = P::new(&groups, &chosen::<P>(event.get("options")), params)?;
    Ok(Member {
        port,
        names: groups.into_iter().flat_map(|group| group.params).collect(),
    })
}

fn set_gradients(gradients: &Json, params: &mut Params) {
    for (name, raw) in gradients.members() {
        let gradient = match raw {
            Json::Null => None,
            raw if raw.find("indices").is_some() => {
                panic!("this kit has no sparse gradients; do not claim \"sparse\"")
            }
            raw => Some(tensor_from_json(raw)),
        };
        params.get_mut(name).expect("a known param").gradient = gradient;
    }
}

fn ask_back(wire: &mut Wire, seq: &Json, params: &mut Params) -> f64 {
    let named = params.iter();
    let seen =
        named.map(|(name, p)| (name.clone(), tensor_to_json(&p.theta))).collect();
    let ask = ("ask", Json::text("closure"));
    wire.send(&Json::object([
        ("seq", seq.clone()),
        ask,
        ("params", Json::Object(seen)),
    ]));
    let reply = wire.receive().expect("the closure is answered");
    set_gradients(reply.get("answer").get("gradients"), params);
    number_from_json(reply.get("answer").get("loss"))
}

/// One param over many steps.
#[derive(Default)]
struct Trace {
    format: String,
    theta: String,
    sum: String,
    t: Option<Vec<Json>>,
}

fn steps<P: Port>(
    port: &mut P,
    names: &[String],
    event: &Json,
    params: &mut Params,
) -> Outcome<Json> {
    let cycle = event.get("cycle").list();
    let mut traces: BTreeMap<String, Trace> = BTreeMap::new();
    for set in cycle.iter().cycle().take(event.get("count").number() as usize) {
        set_gradients(set, params);
        port.step(params, None)?;
        for name in names {
            let State { sum, t } = port.state(name);
            let (theta, trace) = (&params[name].theta, traces.entry(name.clone()));
            let trace =
                trace.or_insert_with(|| Trace { t: Some(vec![]), ..Trace::default() });
            trace.format.clone_from(&theta.format);
            trace.theta.push_str(&hex(theta));
            trace
                .sum
                .push_str(&hex(&sum.expect("an accumulator in the midst of a run")));
            match (t, &mut trace.t) {
                (Some(t), Some(all)) => all.push(Json::Number(t as i64)),
                _ => trace.t = None,
            }
        }
    }
    let show = |(name, trace): (String, Trace)| {
        let shown = Json::object([
            ("format", Json::Text(trace.format)),
            ("theta", Json::Text(trace.theta)),
            ("sum", Json::Text(trace.sum)),
            ("t", or_null(trace.t, Json::List)),
        ]);
        (name, shown)
    };
    let shown = traces.into_iter().map(show).collect();
    Ok(Json::object([("trace", Json::Object(shown))]))
}

extern "C" {
    fn dup2(from: i32, to: i32) -> i32;
}

/// Standard output for the protocol alone; what the port prints goes to standard error.
fn private_output() -> File {
    let own = std::io::stdout().as_fd().try_clone_to_owned();
    // SAFETY: both are open descriptors of this process.
    unsafe { dup2(2, 1) };
    File::from(own.expect("standard output is open"))
}

fn why(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string));
    text.unwrap_or_else(|| "a panic without a text".to_string())
}

/// Answer the suite until it says stop.
pub fn serve<P: Port>() {
    let wire = Wire { lines: std::io::stdin().lock(), out: private_output() };
    let mut server: Server<P> = Server {
        wire: RefCell::new(wire),
        params: Params::new(),
        members: BTreeMap::new(),
        saves: BTreeMap::new(),
    };
    loop {
        let Some(question) = server.wire.get_mut().receive() else { return };
        let (outcome, said) =
            match catch_unwind(AssertUnwindSafe(|| server.answer(&question))) {
                Ok(Ok(said)) => ("ok", said),
                Ok(Err(Refused(why))) => ("refused", Json::Text(why)),
                Err(panic) => ("crashed", Json::Text(why(panic.as_ref()))),
            };
        let seq = question.get("seq").clone();
        server.wire.get_mut().send(&Json::object([("seq", seq), (outcome, said)]));
        if question.get("op").str() == "stop" {
            return;
        }
    }
}
