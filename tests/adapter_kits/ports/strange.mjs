// What a toy does not show of the kit; test_kits.py says what is expected.
import assert from "node:assert/strict";
import { Refused, serve } from "./port.mjs";

const SAVED = {
  numbers: [NaN, -0, Infinity, -Infinity, 0.1, 5e-324],
  arrays: [Float64Array.of(NaN, -0, 0.1), Float32Array.of(1 / 3), Uint16Array.of(1, 65535)],
  others: [null, true, "text", { t: 3 }],
};

await serve({
  name: "strange",
  version: 7,
  claims: ["binary64", "eps", "zero-grad", "save", "load-bytes", "set-option"],
  dialect: "tfjs",
  constants: { eps: 1e-7 },
  refusals: [RangeError],
  async make(groups, options) {
    assert.equal(options.eps, undefined);
    if (options.lr < 0) throw new RangeError("lr is negative");
    if (options.lr === 0) throw new Refused("lr is zero");
    return { groups, ...options };
  },
  async step({ lr }) {
    console.log("noise");
    process.stdout.write("more noise\n");
    if (lr === 13) throw new TypeError("thirteen");
  },
  setOption: (port, group, option, value) => {
    assert.notEqual(option, "eps");
    port[option] = value;
  },
  zeroGrad({ groups }, setToNone) {
    for (const p of groups[0].params) {
      p.grad = setToNone || !p.grad ? null : p.grad.slice().fill(0);
    }
  },
  save: () => structuredClone(SAVED),
  load: (port, saved) => {
    assert.deepEqual(saved, SAVED);
    throw new RangeError("loaded what was saved");
  },
});
