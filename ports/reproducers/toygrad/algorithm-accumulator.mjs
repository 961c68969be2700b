// npm install toygrad@2.6.0
import assert from "node:assert/strict";
import { Trainers } from "toygrad";
const p = Float32Array.of(NaN);
let grads = {};
const net = {
  forward() {},
  backward: () => 0,
  getParamsAndGrads: () => [{ params: p, grads: grads.p }],
};
const trainer = new Trainers.Adagrad(net, { learningRate: 1.0, eps: 0.5 });
grads = { p: Float32Array.of(2.0) };
trainer.train();
const seen = trainer.gsum[0][0];
assert.ok(seen === 4.0, `p[0] S = ${seen}, due 4.0`);
