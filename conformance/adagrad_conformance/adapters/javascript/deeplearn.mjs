// deeplearn.js (dl.train.adagrad), from which TensorFlow.js came, on its CPU backend.
//
// Documented: minimize hands applyGradients a map of gradients by the variables' names,
// in which a variable without a gradient is missing.  Nothing is said of state; the
// accumulators are variables, by name, in a field of the optimizer.  Eps is 1e-8.  All
// arithmetic is in binary32.

import { serve } from "../../adapter_kits/javascript/port.mjs";
import { packages } from "./packages.mjs";

const require = packages();
const dl = require("deeplearn");
const { version } = require("deeplearn/package.json");

const tensor = (data, shape) => dl.Tensor.make(shape, { values: data }, "float32");

await serve({
  name: "deeplearn",
  version,
  language: "JavaScript (deeplearn.js)",
  dialect: "tfjs",
  claims: [
    ...["binary32", "state", "state-write", "many-steps", "gradients", "none-gradient"],
    ...["initial-accumulator-value", "zero-accumulator", "zero-lr"],
  ],
  constants: { eps: 1e-8, lr_decay: 0, weight_decay: 0 },

  param({ name, shape, data }) {
    delete dl.ENV.engine.registeredVariables[name]; // of the scenario before
    const variable = dl.variable(tensor(data, shape), true, name);
    return Object.assign(variable, { grad: null });
  },
  theta: (variable) => variable.dataSync(),

  make([{ params, options: own }], options) {
    const { lr, initial_accumulator_value } = { ...options, ...own };
    return { params, optimizer: dl.train.adagrad(lr, initial_accumulator_value) };
  },
  step({ params, optimizer }) {
    const given = params.filter(({ grad }) => grad !== null);
    optimizer.applyGradients(Object.fromEntries(
      given.map(({ name, grad, shape }) => [name, tensor(grad, shape)]),
    ));
  },
  state({ optimizer }, { name }) {
    return { sum: optimizer.accumulatedGrads[name]?.dataSync() ?? null, t: null };
  },
  setState({ optimizer }, { name, shape }, { sum }) {
    optimizer.accumulatedGrads[name] = dl.variable(tensor(sum, shape), false);
  },
});
