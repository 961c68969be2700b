// npm install convnetjs@0.3.0
import assert from "node:assert/strict";
import convnetjs from "convnetjs";
const p = Float64Array.of(NaN);
let grads = {};
const net = {
  forward() {},
  backward: () => 0,
  getParamsAndGrads: () => [{ params: p, grads: grads.p }],
};
const trainer = new convnetjs.Trainer(net, { method: "adagrad", learning_rate: 1.0, eps: 0.5 });
grads = { p: Float64Array.of(2.0) };
trainer.train();
const seen = trainer.gsum[0][0];
assert.ok(seen === 4.0, `p[0] S = ${seen}, due 4.0`);
