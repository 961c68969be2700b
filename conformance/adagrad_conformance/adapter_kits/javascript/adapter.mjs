// Puts a port of Adagrad before the conformance suite.  It works as it stands;
// README.md says how to run it.  To make it yours:
//
// 1. Replace the toy port by an import of your own.
// 2. Say in the adapter how yours is called.  It only translates: what your port does
//    not do, do not do for it.
// 3. Claim what your port can do and no more.  A function whose claim goes may go too.

import { serve } from "./port.mjs";

// -- the port: a toy, to be replaced by yours -----------------------------------------

class ToyAdagrad {
  groups = [];
  state = new Map(); // from param to { sum, t }

  constructor(groups, options) {
    const off = { lr_decay: 0, weight_decay: 0, maximize: false };
    const standard = { lr: 0.01, initial_accumulator_value: 0, eps: 1e-10, ...off };
    this.defaults = { ...standard, ...options };
    for (const group of groups) this.add(group);
  }

  add({ params, options }) {
    const group = { ...this.defaults, ...options, params };
    this.groups.push(group);
    for (const { data, name } of params) {
      const sum = data.slice().fill(group.initial_accumulator_value);
      this.state.set(name, { sum, t: 0 });
    }
  }

  step() {
    for (const { params, lr, lr_decay, weight_decay, eps, maximize } of this.groups) {
      for (const { data, grad, name } of params) {
        if (grad === null) continue;
        const state = this.state.get(name);
        state.t += 1;
        const rate = lr / (1 + (state.t - 1) * lr_decay);
        for (let i = 0; i < data.length; i++) {
          let g = maximize ? -grad[i] : grad[i];
          if (weight_decay !== 0) g += weight_decay * data[i];
          state.sum[i] += g * g;
          data[i] -= (rate * g) / (Math.sqrt(state.sum[i]) + eps);
        }
      }
    }
  }
}

// -- the adapter: your lines ----------------------------------------------------------

await serve({
  name: "my-adagrad",
  version: "1",
  claims: [
    ...["binary64", "binary32", "mixed-formats", "defaults", "set-option"],
    ...["lr-decay", "weight-decay", "initial-accumulator-value", "eps", "maximize"],
    ...["zero-lr", "zero-eps", "zero-accumulator"],
    ...["state", "state-write", "many-steps", "gradients", "none-gradient"],
    ...["closure", "groups", "add-group"],
    ...["save", "load-same-object", "load-deepcopy", "load-bytes", "load-new-process"],
  ],
  refusals: [], // the errors by which your port says no; then claim "refusals"

  make: (groups, options) => new ToyAdagrad(groups, options),
  step: (port, closure) => {
    const loss = closure?.();
    port.step();
    return loss;
  },
  state: (port, param) => port.state.get(param.name),
  setState: (port, param, state) => port.state.set(param.name, state),
  setOption: (port, group, option, value) => {
    port.groups[group][option] = value;
  },
  addGroup: (port, group) => port.add(group),
  save: ({ state, groups }) => {
    const options = groups.map(({ params, ...rest }) => rest);
    return structuredClone({ state: Object.fromEntries(state), options });
  },
  load: (port, saved) => {
    const { state, options } = structuredClone(saved);
    port.state = new Map(Object.entries(state));
    port.groups.forEach((group, i) => Object.assign(group, options[i]));
  },
});
