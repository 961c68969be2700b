// npm install deeplearn@0.5.1
import assert from "node:assert/strict";
import dl from "deeplearn";
// p is the param 'empty'
const p = dl.variable(dl.tensor(Float32Array.of(), [0]), true, "p");
var optimizer = dl.train.adagrad(1.0);
optimizer.applyGradients({ p: dl.tensor(Float32Array.of(), [0]) });
