// TensorFlow.js (tf.train.adagrad) on its CPU backend, in plain JavaScript.
//
// Documented: applyGradients takes a map or a list of gradients; what minimize hands
// over is a map in which a variable without a gradient is missing.  getWeights gives
// `iter` and the accumulators, setWeights takes them; tf.io.encodeWeights and
// decodeWeights make bytes of them.  The learning rate is none of the weights and cannot
// be changed later; accumulators begin above 0, and eps is that of the backend.  All
// arithmetic is in binary32.

import { serve } from "../../adapter_kits/javascript/port.mjs";
import { packages } from "./packages.mjs";

const tf = packages()("@tensorflow/tfjs");
await tf.setBackend("cpu");

/** The optimizer and its variables, in order. */
class Port {
  constructor(variables, { lr, initial_accumulator_value }) {
    this.variables = variables;
    this.optimizer = tf.train.adagrad(lr, initial_accumulator_value);
  }

  step() {
    const given = this.variables.filter(({ grad }) => grad !== null);
    this.optimizer.applyGradients(Object.fromEntries(
      given.map(({ name, grad, shape }) => [name, tf.tensor(grad, shape, "float32")]),
    ));
  }

  /** The accumulator of a variable, once it is there. */
  async accumulator({ name }) {
    const [, ...weights] = await this.optimizer.getWeights();
    return weights.find((weight) => weight.name === `${name}/accumulator`)?.tensor;
  }

  /** Write all weights anew, that of one variable changed. */
  async write(changed, sum, t) {
    const first = this.optimizer.getConfig().initialAccumulatorValue;
    const weights = [{ name: "iter", tensor: tf.scalar(t, "int32") }];
    for (const variable of this.variables) {
      const { name, shape } = variable;
      const held = await this.accumulator(variable) ?? tf.fill(shape, first);
      const tensor = variable === changed ? tf.tensor(sum, shape, "float32") : held;
      weights.push({ name: `${name}/accumulator`, tensor });
    }
    await this.optimizer.setWeights(weights);
  }
}

await serve({
  name: "tfjs",
  version: tf.version.tfjs,
  language: "JavaScript (TensorFlow.js)",
  dialect: "tfjs",
  claims: [
    ...["binary32", "state", "state-write", "many-steps", "gradients", "none-gradient"],
    ...["initial-accumulator-value", "zero-lr"],
    ...["save", "load-same-object", "load-deepcopy", "load-bytes", "load-new-process"],
  ],
  constants: { eps: 1e-7, lr_decay: 0, weight_decay: 0 },

  param({ name, shape, data }) {
    tf.engine().registeredVariables[name]?.dispose(); // of the scenario before
    const variable = tf.variable(tf.tensor(data, shape, "float32"), true, name);
    return Object.assign(variable, { grad: null });
  },
  theta: (variable) => variable.dataSync(),

  make: ([{ params, options: own }], options) =>
    new Port(params, { ...options, ...own }),
  step: (port) => port.step(),
  async state(port, variable) {
    const accumulator = await port.accumulator(variable);
    return { sum: accumulator?.dataSync() ?? null, t: port.optimizer.iterations };
  },
  setState: (port, variable, { sum, t }) => port.write(variable, sum, t),

  save: ({ optimizer }) => optimizer.getWeights(),
  load: ({ optimizer }, weights) => optimizer.setWeights(weights),
  copy: (weights) =>
    weights.map(({ name, tensor }) => ({ name, tensor: tensor.clone() })),
  async toBytes(weights) {
    const { data, specs } = await tf.io.encodeWeights(weights);
    const text = Buffer.from(data).toString("base64");
    return Buffer.from(JSON.stringify({ specs, data: text }));
  },
  fromBytes(bytes) {
    const { specs, data } = JSON.parse(bytes.toString());
    const { buffer } = Uint8Array.from(Buffer.from(data, "base64"));
    const weights = tf.io.decodeWeights(buffer, specs);
    return Object.entries(weights).map(([name, tensor]) => ({ name, tensor }));
  },
});
