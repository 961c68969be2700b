// Puts adagrad.mjs before the conformance suite: one JSON object a line on standard
// input, one answer a line on standard output (conformance/PROTOCOL.md).
//
// This file only translates.  The class saying no is a refusal; any other error is a
// crash.  To see what a port is doing, use console.error.

import { readSync, writeSync } from "node:fs";
import { Adagrad, AdagradError, Param } from "./adagrad.mjs";

const WHO = { name: "example-javascript", version: "1", language: "JavaScript" };
const TAKES = ["ahead", "packed"]; // lines may wait; bits may be one text
const CLAIMS = [
  ...["binary64", "binary32", "state", "state-write", "many-steps", "gradients"],
  ...["none-gradient", "zero-grad", "closure", "groups", "add-group", "mixed-formats"],
  ...["set-option", "refusals", "defaults"],
  ...["lr-decay", "weight-decay", "initial-accumulator-value", "eps", "maximize"],
  ...["save", "load-same-object", "load-deepcopy", "load-bytes", "load-new-process"],
];

// -- numbers and tensors: the bits of IEEE 754 as hexadecimal digits ------------------

const FORMATS = {
  binary64: { array: Float64Array, integers: BigUint64Array, read: BigInt, digits: 16 },
  binary32: { array: Float32Array, integers: Uint32Array, read: Number, digits: 8 },
};

function arrayFrom({ format, bits }) {
  const { array, integers, read, digits } = FORMATS[format];
  const packed = typeof bits === "string"; // one text, else a list of texts
  const list = packed ? bits.match(new RegExp(`.{${digits}}`, "g")) ?? [] : bits;
  return new array(integers.from(list, (text) => read(`0x${text}`)).buffer);
}

const formatOf = (array) => (array instanceof Float64Array ? "binary64" : "binary32");

function bitsOf(array) {
  const { integers, digits } = FORMATS[formatOf(array)];
  const encodings = new integers(array.buffer, array.byteOffset, array.length);
  return Array.from(encodings, (n) => n.toString(16).padStart(digits, "0"));
}

const toTensor = (array, shape = [array.length]) =>
  ({ format: formatOf(array), shape, bits: bitsOf(array) });

const toNumber = (x) => ({ bits: bitsOf(Float64Array.of(x))[0] });
const numberFrom = (x) => // a flag is sent as it is
  typeof x === "boolean" ? x : arrayFrom({ format: "binary64", bits: [x.bits] })[0];
const mapObject = (object, f) =>
  Object.fromEntries(Object.entries(object).map(([key, x]) => [key, f(x, key)]));

// A state dict as bytes: JSON text.  Arrays are tensors as above; JSON holds the other
// numbers, counters and options, as decimals from which the same binary64 comes back.
const toBytes = (state) => Buffer.from(
  JSON.stringify(state, (_, x) => (ArrayBuffer.isView(x) ? toTensor(x) : x)));
const fromBytes = (bytes) =>
  JSON.parse(bytes.toString(), (_, x) => (x?.format ? arrayFrom(x) : x));

// -- what the runner asks for ---------------------------------------------------------

let params, optimizers, saves; // by name

const QUESTIONS = {
  start: () => ({ protocol: 1, ...WHO, claims: CLAIMS, takes: TAKES }),
  begin: ({ tensors }) => {
    [optimizers, saves] = [{}, {}];
    params = mapObject(tensors, (x, name) =>
      Object.assign(new Param(arrayFrom(x)), { name, shape: x.shape }));
  },
  event: (question) => {
    const { event } = question;
    return EVENTS[event.do](optimizers[event.optimizer], event, question);
  },
  read: ({ optimizer }) => {
    const { state, param_groups } = optimizers[optimizer];
    const shown = param_groups.flatMap((group) => group.params).map((p) => {
      const [theta, gradient, sum] = [p.data, p.grad, state.get(p).sum].map(
        (array) => array && toTensor(array, p.shape));
      return [p.name, { theta, gradient, sum, t: state.get(p).step }];
    });
    return { params: Object.fromEntries(shown) };
  },
  stop: () => {},
};

const EVENTS = {
  new: (_, { optimizer, groups, options }) => {
    const defaults = mapObject(options, numberFrom);
    optimizers[optimizer] = new Adagrad(groups.map(groupFrom), defaults);
  },
  step: (adagrad, { gradients, closure }, { seq }) => {
    setGradients(gradientsFrom(gradients));
    const loss = adagrad.step(closure ? () => askForClosure(seq) : null);
    return loss === null ? {} : { loss: toNumber(loss) };
  },
  steps: (adagrad, { cycle, count }) => {
    const sets = cycle.map(gradientsFrom);
    const members = adagrad.param_groups.flatMap((group) => group.params);
    const trace = members.map((p) =>
      ({ format: formatOf(p.data), theta: "", sum: "", t: [] }));
    for (let i = 0; i < count; i++) {
      setGradients(sets[i % sets.length]);
      adagrad.step();
      members.forEach((p, k) => {
        const { step, sum } = adagrad.state.get(p);
        trace[k].theta += bitsOf(p.data).join("");
        trace[k].sum += bitsOf(sum).join("");
        trace[k].t.push(step);
      });
    }
    return { trace: Object.fromEntries(members.map((p, k) => [p.name, trace[k]])) };
  },
  "set-option": (adagrad, { group, option, value }) => {
    adagrad.param_groups[group][option] = numberFrom(value);
  },
  "add-group": (adagrad, { group }) => adagrad.add_param_group(groupFrom(group)),
  "zero-grad": (adagrad, { set_to_none }) => adagrad.zero_grad(set_to_none),
  "set-state": (adagrad, { param, sum, t }) => {
    adagrad.state.set(params[param], { step: t, sum: arrayFrom(sum) });
  },
  "state-dict": (adagrad) => void adagrad.state_dict(),
  save: (adagrad, { name }) => {
    const [object, bytes] = [adagrad.state_dict(), toBytes(adagrad.state_dict())];
    saves[name] = { "same-object": object, deepcopy: structuredClone(object), bytes };
    return { saved: bytes.toString("base64") };
  },
  load: (adagrad, { name, via }, { payload }) => {
    const given = payload ? Buffer.from(payload, "base64") : saves[name][via];
    adagrad.load_state_dict(given instanceof Buffer ? fromBytes(given) : given);
  },
};

const groupFrom = (group) => {
  const members = group.params.map((name) => params[name]);
  return { ...mapObject(group.options, numberFrom), params: members };
};

const gradientsFrom = (gradients) => mapObject(gradients, (x) => x && arrayFrom(x));

function setGradients(gradients) {
  mapObject(gradients, (array, name) => { params[name].grad = array; });
}

function askForClosure(seq) {
  const seen = mapObject(params, (p) => toTensor(p.data, p.shape));
  send({ seq, ask: "closure", params: seen });
  const { gradients, loss } = receive().answer;
  setGradients(gradientsFrom(gradients));
  return numberFrom(loss);
}

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

function answer(question) {
  try {
    return { ok: QUESTIONS[question.op](question) ?? {} };
  } catch (error) {
    if (error instanceof AdagradError) return { refused: error.message };
    return { crashed: String(error.stack) };
  }
}

let question = { op: "nothing yet" };
while (question.op !== "stop" && (question = receive())) {
  send({ seq: question.seq, ...answer(question) });
}
