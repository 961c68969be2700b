// adnn (opt.adagrad).
//
// Documented: opt.optimize takes a function that gives params and gradients, which are
// structures of tensors, and steps the params in place by a method.  That a param may
// lack a gradient is not said.  Eps is 1e-8.  The state is out of reach.  All arithmetic
// is in binary64.

import { serve } from "../../adapter_kits/javascript/port.mjs";
import { packages } from "./packages.mjs";

const require = packages();
const opt = require("adnn/opt");
const Tensor = require("adnn/tensor");
const { version } = require("adnn/package.json");

function tensor(shape, data) {
  const made = new Tensor(shape);
  made.data.set(data);
  return made;
}

await serve({
  name: "adnn",
  version,
  language: "JavaScript (adnn)",
  claims: ["binary64", "gradients", "zero-lr"],
  constants: { eps: 1e-8, lr_decay: 0, weight_decay: 0, initial_accumulator_value: 0 },

  param: ({ name, shape, data }) => ({ name, grad: null, tensor: tensor(shape, data) }),
  theta: (param) => param.tensor.data,

  make([{ params, options: own }], options) {
    const { lr } = { ...options, ...own };
    return { params, method: opt.adagrad({ stepSize: lr }) };
  },
  step({ params, method }) {
    const parameters = {};
    const gradients = {};
    for (const param of params) {
      parameters[param.name] = param.tensor;
      gradients[param.name] = tensor(param.tensor.dims, param.grad);
    }
    opt.optimize(() => ({ parameters, gradients }), { iterations: 1, method });
  },
});
