// Puts a port of Adagrad in JavaScript before the conformance suite (node 18 or newer):
// the protocol, so that an adapter only says how the port is called.  An adapter is
//
//   import { serve } from "./port.mjs";
//   await serve({
//     name, version, claims,      // texts; claims are listed in PROTOCOL.md
//     language, dialect,          // may be left out
//     constants: { eps: 1e-7 },   // options nobody can choose here, and their values;
//                                 // no hook is given them
//     refusals: [RangeError],     // the errors by which the port says no; all others,
//                                 // and all by default, are crashes
//     make(groups, options),      // an optimizer; groups are [{ params, options }]
//     step(optimizer, closure),   // one step; gives the loss, if the port does.
//                                 // closure is null, or sets gradients, gives a loss
//     ...
//   });
//
// and, for what it claims,
//
//   state(optimizer, param)             "state": { sum, t }, either may be null
//   setState(optimizer, param, state)   "state-write": writes { sum, t }
//   setOption(optimizer, group, option, value)    "set-option": groups count from 0
//   addGroup(optimizer, { params, options })      "add-group"
//   zeroGrad(optimizer, setToNone)                "zero-grad"
//   save(optimizer)                     "save": the state dict, any object
//   load(optimizer, saved)              "load-...": the object, its copy, or from bytes
//   master(optimizer, param)            "master-weights": a Float32Array, or null
//
// Hooks may be async, but for theta and setGradient.  Options are numbers and flags by
// the names lr, lr_decay, weight_decay, initial_accumulator_value, eps, maximize; what
// nobody chose is missing.  A param is `{ name, format, shape, complex, data, grad }`,
// unless the adapter says otherwise:
//
//   param({ name, format, shape, ... })   makes the port's own param
//   theta(param)                          its numbers; by default param.data
//   gradient(param)                       by default param.grad
//   setGradient(param, gradient)          by default sets param.grad
//
// Arrays hold the numbers in row-major order: Float64Array for binary64, Float32Array
// for binary32, a Uint16Array of encodings for binary16 and bfloat16; a complex element
// is two numbers.  A gradient is an array, or null, or rows { shape, indices, values }.
// The kit makes every array that it hands over for the port alone.
//
// A state dict of plain objects, arrays, typed arrays and numbers is copied and turned
// to bytes by the kit.  For others: copy(saved), toBytes(saved) and fromBytes(buffer).
//
// For a port that is a function of one param, `functional` below gives the hooks.
//
// console.log and process.stdout write to standard error while a port is served.

import { readSync, writeSync } from "node:fs";

/** Hooks may throw it to refuse, where the port has no error of its own for that. */
export class Refused extends Error {}

// -- numbers and tensors: the bits of IEEE 754 as hexadecimal digits ------------------

const FORMATS = {
  binary64: { array: Float64Array, integers: BigUint64Array, read: BigInt, digits: 16 },
  binary32: { array: Float32Array, integers: Uint32Array, read: Number, digits: 8 },
  binary16: { array: Uint16Array, integers: Uint16Array, read: Number, digits: 4 },
  bfloat16: { array: Uint16Array, integers: Uint16Array, read: Number, digits: 4 },
};

function arrayFrom({ format, bits }) {
  const { array, integers, read, digits } = FORMATS[format];
  const packed = typeof bits === "string"; // one text, else a list of texts
  const list = packed ? bits.match(new RegExp(`.{${digits}}`, "g")) ?? [] : bits;
  return new array(integers.from(list, (text) => read(`0x${text}`)).buffer);
}

function formatOf(array, narrow) {
  if (array instanceof Float64Array) return "binary64";
  if (array instanceof Float32Array) return "binary32";
  if (array instanceof Uint16Array) return narrow;
  throw new AdapterError(`${array?.constructor?.name ?? array} is no array of numbers`);
}

function bitsOf(array) {
  const { integers, digits } = FORMATS[formatOf(array, "binary16")];
  const encodings = new integers(array.buffer, array.byteOffset, array.length);
  return Array.from(encodings, (n) => n.toString(16).padStart(digits, "0"));
}

/** An array as a tensor like the param that `held` describes. */
function toTensor(array, { format, shape, complex }) {
  const tensor = { format: formatOf(array, format), shape, bits: bitsOf(array) };
  return complex ? { ...tensor, complex } : tensor;
}

function toGradient(gradient, held) {
  if (gradient === null || gradient === undefined) return null;
  if (!gradient.indices) return toTensor(gradient, held);
  const { shape, indices, values } = gradient;
  const rows = { ...held, shape: [indices.length, ...shape.slice(1)] };
  return { shape, indices, values: toTensor(values, rows) };
}

function gradientFrom(x) {
  if (x === null || !x.indices) return x && arrayFrom(x);
  return { shape: x.shape, indices: x.indices, values: arrayFrom(x.values) };
}

const toNumber = (x) => ({ bits: bitsOf(Float64Array.of(x))[0] });
const numberFrom = (x) => // a flag is sent as it is
  typeof x === "boolean" ? x : arrayFrom({ format: "binary64", bits: [x.bits] })[0];
const mapObject = (object, f) =>
  Object.fromEntries(Object.entries(object).map(([key, x]) => [key, f(x, key)]));

// A state dict as bytes: JSON text.  Arrays are bits as above, and so are the numbers
// that decimals do not bring back.
function toBytes(saved) {
  return Buffer.from(JSON.stringify(saved, (_, x) => {
    if (ArrayBuffer.isView(x)) {
      return { format: formatOf(x, "binary16"), bits: bitsOf(x) };
    }
    const exact = typeof x !== "number" || Object.is(JSON.parse(JSON.stringify(x)), x);
    return exact ? x : toNumber(x);
  }));
}

function fromBytes(bytes) {
  return JSON.parse(bytes.toString(), (_, x) => {
    if (x?.bits === undefined) return x;
    return x.format ? arrayFrom(x) : numberFrom(x);
  });
}

// -- the adapter, with what it may leave out ------------------------------------------

/** The adapter itself is wrong: never a refusal. */
class AdapterError extends Error {}

const STANDARD = {
  language: "JavaScript",
  claims: [],
  refusals: [],
  param: (described) => described,
  theta: (param) => param.data,
  gradient: (param) => param.grad,
  setGradient: (param, gradient) => { param.grad = gradient; },
  copy: structuredClone,
  toBytes,
  fromBytes,
};

/** The hooks that claims need; all adapters need the first two. */
const HOOKS = {
  ...{ make: null, step: null },
  ...{ state: "state", setState: "state-write", setOption: "set-option" },
  ...{ addGroup: "add-group", zeroGrad: "zero-grad", save: "save" },
  ...{ load: "load-bytes", master: "master-weights" },
};

function checkAdapter(adapter) {
  for (const [hook, claim] of Object.entries(HOOKS)) {
    const needed = claim === null || adapter.claims.includes(claim);
    if (needed && typeof adapter[hook] !== "function") {
      const why = claim === null ? "" : `, which "${claim}" needs`;
      throw new AdapterError(`the adapter has no function ${hook}${why}`);
    }
  }
  if (adapter.claims.includes("layout")) {
    throw new AdapterError('arrays here have no strides; do not claim "layout"');
  }
}

/**
 * Hooks for a port that is a function of one param:
 *
 *   init(theta, options)                     the first state, { sum, t, ... }
 *   update(theta, gradient, state, options)  the next { theta, state }
 *
 * Such a port has one group, and the kit keeps its state: so it cannot claim "groups",
 * "add-group", "none-gradient", "zero-grad", "closure" or "save".
 */
export function functional(init, update) {
  return {
    make(groups, given) {
      const [{ params, options: own }] = groups;
      const options = { ...given, ...own };
      const states = new Map(params.map((p) => [p, init(p.data.slice(), options)]));
      return { options, states };
    },
    step({ options, states }) {
      for (const [p, before] of states) {
        if (p.grad === null) continue;
        const { theta, state } = update(p.data, p.grad, before, options);
        p.data = theta;
        states.set(p, state);
      }
    },
    state: ({ states }, p) => states.get(p),
    setState({ states }, p, written) {
      states.set(p, { ...states.get(p), ...written });
    },
    setOption({ options }, group, option, value) {
      options[option] = value;
    },
  };
}

// -- what the runner asks for ---------------------------------------------------------

/** Answers questions by calling the adapter; `ask` asks back within one of them. */
class Port {
  constructor(adapter, ask) {
    [this.adapter, this.ask] = [adapter, ask];
  }

  start() {
    const { name, version, language, dialect, claims, constants } = this.adapter;
    checkAdapter(this.adapter);
    const fixed = constants && mapObject(constants, toNumber);
    const takes = ["ahead", "packed"]; // lines may wait; bits may be one text
    const who = { name, version: String(version), language, dialect };
    return { protocol: 1, ...who, claims, constants: fixed, takes };
  }

  begin({ tensors }) {
    [this.optimizers, this.saves] = [{}, {}];
    this.held = mapObject(tensors, ({ format, shape, complex = false, bits }, name) => {
      const described = { name, format, shape, complex };
      const data = arrayFrom({ format, bits });
      const param = this.adapter.param({ ...described, data, grad: null });
      return { ...described, param };
    });
  }

  async event(question) {
    const { event } = question;
    const target = this.optimizers[event.optimizer];
    try {
      return await EVENTS[event.do].call(this, target, event, question);
    } catch (error) {
      const kinds = [Refused, ...this.adapter.refusals];
      const own = error instanceof AdapterError;
      if (own || !kinds.some((kind) => error instanceof kind)) throw error;
      return { refused: String(error.message || error) };
    }
  }

  async read({ optimizer }) {
    const params = {};
    const { port, names } = this.optimizers[optimizer];
    for (const held of names.map((name) => this.held[name])) {
      const gradient = toGradient(await this.adapter.gradient(held.param), held);
      const { theta, sum, t, master } = await this.look(port, held);
      const shown = { theta: toTensor(theta, held), gradient, t };
      shown.sum = sum && toTensor(sum, held);
      if (master) shown.master = toTensor(master, held);
      params[held.name] = shown;
    }
    return { params };
  }

  /** What an optimizer holds of a param. */
  async look(port, { param }) {
    const { adapter } = this;
    const { sum = null, t = null } = (await adapter.state?.(port, param)) ?? {};
    const master = await adapter.master?.(port, param);
    return { theta: await adapter.theta(param), sum, t, master };
  }

  group({ params, options }) {
    const members = params.map((name) => this.held[name].param);
    return { params: members, options: this.options(options) };
  }

  /** What was chosen, without the port's constants. */
  options(raw) {
    const { constants = {} } = this.adapter;
    const free = Object.entries(raw).filter(([name]) => !(name in constants));
    return mapObject(Object.fromEntries(free), numberFrom);
  }

  setGradients(gradients) {
    for (const [name, gradient] of Object.entries(gradients)) {
      this.adapter.setGradient(this.held[name].param, gradient);
    }
  }

  /** What was kept, as it is loaded; `payload` comes from another process. */
  saved(kept, via, payload) {
    const { adapter } = this;
    if (via === "same-object") return kept.object;
    if (via === "deepcopy") return adapter.copy(kept.copy);
    const given = payload === undefined ? kept.bytes : Buffer.from(payload, "base64");
    return adapter.fromBytes(given);
  }

  /** The closure of one step: shows the params, takes gradients and loss. */
  closure(seq) {
    return () => {
      const show = (held) => toTensor(this.adapter.theta(held.param), held);
      const { gradients, loss } = this.ask({ seq, params: mapObject(this.held, show) });
      this.setGradients(mapObject(gradients, gradientFrom));
      return numberFrom(loss);
    };
  }
}

const EVENTS = {
  async new(_, { optimizer, groups, options }) {
    const listed = groups.map((group) => this.group(group));
    const port = await this.adapter.make(listed, this.options(options));
    const names = groups.flatMap((group) => group.params);
    this.optimizers[optimizer] = { port, names };
  },
  async step({ port }, { gradients, closure }, { seq }) {
    this.setGradients(mapObject(gradients, gradientFrom));
    const loss = await this.adapter.step(port, closure ? this.closure(seq) : null);
    return typeof loss === "number" ? { loss: toNumber(loss) } : {};
  },
  async steps({ port, names }, { cycle, count }) {
    const sets = cycle.map((gradients) => mapObject(gradients, gradientFrom));
    const trace = mapObject(this.held, () => ({ theta: "", sum: "", t: [] }));
    for (let i = 0; i < count; i++) {
      const gradients = sets[i % sets.length]; // copied: a port may write into them
      this.setGradients(mapObject(gradients, (x) => x && structuredClone(x)));
      await this.adapter.step(port, null);
      for (const held of names.map((name) => this.held[name])) {
        const { theta, sum, t, master } = await this.look(port, held);
        const row = trace[held.name];
        row.format = formatOf(master ?? theta, held.format);
        row.theta += bitsOf(master ?? theta).join("");
        row.sum += bitsOf(sum).join("");
        if (t === null) row.t = null;
        row.t?.push(t);
      }
    }
    return { trace: Object.fromEntries(names.map((name) => [name, trace[name]])) };
  },
  async "set-option"({ port }, { group, option, value }) {
    for (const [name, chosen] of Object.entries(this.options({ [option]: value }))) {
      await this.adapter.setOption(port, group, name, chosen);
    }
  },
  async "add-group"({ port, names }, { group }) {
    await this.adapter.addGroup(port, this.group(group));
    names.push(...group.params);
  },
  async "zero-grad"({ port }, { set_to_none }) {
    await this.adapter.zeroGrad(port, set_to_none);
  },
  async "set-state"({ port }, { param, sum, t }) {
    const state = { sum: arrayFrom(sum), t };
    await this.adapter.setState(port, this.held[param].param, state);
  },
  async "state-dict"({ port }) {
    await this.adapter.save(port);
  },
  async save({ port }, { name }) {
    const object = await this.adapter.save(port);
    const bytes = await this.adapter.toBytes(object);
    this.saves[name] = { object, copy: await this.adapter.copy(object), bytes };
    return { saved: Buffer.from(bytes).toString("base64") };
  },
  async load({ port }, { name, via }, { payload }) {
    await this.adapter.load(port, await this.saved(this.saves[name], via, payload));
  },
};

// -- lines in and out, synchronously --------------------------------------------------

function whenReady(io) {
  for (;;) {
    try {
      return io();
    } catch (error) {
      if (error.code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5); // sleep 5 ms
    }
  }
}

let unread = Buffer.alloc(0);

/** The next message, or null at the end of the input. */
function receive() {
  const pieces = [unread];
  while (!pieces.at(-1).includes("\n")) {
    const piece = Buffer.alloc(1 << 16);
    const size = whenReady(() => readSync(0, piece));
    if (size === 0) return null;
    pieces.push(piece.subarray(0, size));
  }
  const all = Buffer.concat(pieces);
  const end = all.indexOf("\n");
  unread = all.subarray(end + 1);
  return JSON.parse(all.subarray(0, end).toString());
}

function send(message) {
  let rest = Buffer.from(`${JSON.stringify(message)}\n`);
  while (rest.length > 0) rest = rest.subarray(whenReady(() => writeSync(1, rest)));
}

function askBack({ seq, params }) {
  send({ seq, ask: "closure", params });
  return receive().answer;
}

async function answer(port, question) {
  try {
    const said = (await port[question.op](question)) ?? {};
    return said.refused === undefined ? { ok: said } : said;
  } catch (error) {
    if (error instanceof AdapterError) return { crashed: error.message };
    const where = error?.stack ? `${error.stack}\n` : "";
    return { crashed: `${where}${error}` }; // of which reports show the last line
  }
}

/** Answer the suite's questions until it says `stop` or ends the input. */
export async function serve(adapter) {
  console.log = console.info = console.debug = console.error;
  process.stdout.write = process.stderr.write.bind(process.stderr);
  const port = new Port({ ...STANDARD, ...adapter }, askBack);
  for (let question; (question = receive()) !== null; ) {
    const stop = question.op === "stop";
    send({ seq: question.seq, ...(stop ? { ok: {} } : await answer(port, question)) });
    if (stop) break;
  }
}
