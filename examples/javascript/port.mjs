// Puts adagrad.mjs before the conformance suite.  The kit speaks the protocol
// (conformance/PROTOCOL.md); this file only says how the class is called.
//
// The class saying no is a refusal; any other error is a crash.  To see what a port is
// doing, use console.error.

import { serve } from "../../conformance/adagrad_conformance/adapter_kits/javascript/port.mjs";
import { Adagrad, AdagradError, Param } from "./adagrad.mjs";

await serve({
  name: "example-javascript",
  version: "1",
  claims: [
    ...["binary64", "binary32", "state", "state-write", "many-steps", "gradients"],
    ...["none-gradient", "zero-grad", "closure", "groups", "add-group", "mixed-formats"],
    ...["set-option", "refusals", "defaults"],
    ...["lr-decay", "weight-decay", "initial-accumulator-value", "eps", "maximize"],
    ...["zero-eps", "zero-lr", "zero-accumulator"],
    ...["save", "load-same-object", "load-deepcopy", "load-bytes", "load-new-process"],
  ],
  refusals: [AdagradError],

  param: ({ data }) => new Param(data),
  make: (groups, options) => new Adagrad(groups.map(flat), options),
  step: (adagrad, closure) => adagrad.step(closure),
  state: (adagrad, param) => {
    const { step, sum } = adagrad.state.get(param);
    return { sum, t: step };
  },
  setState: (adagrad, param, { sum, t }) => adagrad.state.set(param, { step: t, sum }),
  setOption: (adagrad, group, option, value) => {
    adagrad.param_groups[group][option] = value;
  },
  addGroup: (adagrad, group) => adagrad.add_param_group(flat(group)),
  zeroGrad: (adagrad, setToNone) => adagrad.zero_grad(setToNone),
  save: (adagrad) => adagrad.state_dict(),
  load: (adagrad, saved) => adagrad.load_state_dict(saved),
});

function flat({ params, options }) {
  return { ...options, params };
}
