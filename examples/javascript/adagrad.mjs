// Adagrad for plain JavaScript, without packages: the algorithm, then its life cycle.
//
// Rule 1.  Arrays are written in place and only by a step; gradients are only read.
// Rule 2.  What can be refused is refused (an AdagradError) before anything is written.
// Rule 3.  A Float64Array is computed in binary64.  For a Float32Array every operation
//          is rounded to binary32: Math.fround of a binary64 + - * / or square root of
//          binary32 numbers is that operation correctly rounded.

const isNarrow = (array) => array instanceof Float32Array;
const same = (x) => x;

/** One step on flat arrays: `theta` and `sum` change; t is 1 for the first step. */
export function adagrad(theta, g, sum, t, options) {
  const { lr, lr_decay, weight_decay, eps, maximize } = options;
  const f = isNarrow(theta) && isNarrow(sum) ? Math.fround : same;
  const clr = f(lr / (1 + (t - 1) * lr_decay)); // ALG-4
  const lambda = f(weight_decay);
  const epsilon = f(eps);
  for (let i = 0; i < theta.length; i++) {
    let gi = maximize ? -g[i] : g[i]; // ALG-9
    if (weight_decay !== 0) gi = f(gi + f(theta[i] * lambda)); // ALG-5
    const si = f(sum[i] + f(gi * gi)); // ALG-6
    const std = f(f(Math.sqrt(si)) + epsilon); // eps stays outside the root
    theta[i] = f(theta[i] - f(f(gi * clr) / std)); // ALG-7
    sum[i] = si;
  }
}

/** The optimizer, or its load, was asked for something that it refuses to do. */
export class AdagradError extends Error {}

/** An array to optimize, and its gradient: an array like it, or null to skip it. */
export class Param {
  constructor(data, grad = null) {
    refuseUnless(isArray(data), "a param is a Float64Array or a Float32Array");
    this.data = data;
    this.grad = grad;
  }
}

const DEFAULTS = {
  lr: 1e-2,
  lr_decay: 0,
  weight_decay: 0,
  initial_accumulator_value: 0,
  eps: 1e-10,
  maximize: false,
};

/**
 * Adagrad over an array of Params, or of groups `{params: [...], option: value}`.
 *
 * `param_groups` holds the groups with their options, which may be changed between
 * steps; `state.get(param)` is `{step, sum}`: the steps that param took, and S.
 */
export class Adagrad {
  constructor(params, options = {}) {
    this.defaults = { ...DEFAULTS, ...options };
    checkOptions(this.defaults);
    refuseUnless(params.length > 0, "there are no params");
    this.param_groups = [];
    this.state = new Map();
    const groups = params[0] instanceof Param ? [{ params }] : params;
    for (const group of groups) this.add_param_group(group);
  }

  /** Add params, which start with t = 0 at the next step. */
  add_param_group({ params, ...given }) {
    const options = { ...this.defaults, ...given };
    checkOptions(options);
    const news = new Set(params);
    const known = params.some((p) => this.state.has(p));
    refuseUnless(params.every((p) => p instanceof Param), "a group needs Params");
    refuseUnless(news.size === params.length && !known, "a param is optimized already");
    this.param_groups.push({ ...options, params: [...params] });
    for (const p of params) {
      const sum = p.data.slice().fill(options.initial_accumulator_value);
      this.state.set(p, { step: 0, sum });
    }
  }

  /** Make every gradient null, or new zeros where there was one. */
  zero_grad(set_to_none = true) {
    for (const p of this.#params()) {
      p.grad = set_to_none || p.grad === null ? null : p.grad.slice().fill(0);
    }
  }

  /** Move every param that has a gradient; the closure's loss, or null without one. */
  step(closure = null) {
    const loss = closure === null ? null : closure();
    this.#params().forEach(checkGradient);
    for (const { params, ...options } of this.param_groups) {
      for (const p of params) {
        if (p.grad === null) continue;
        const state = this.state.get(p);
        state.step += 1; // ALG-3: t counts the steps of this param
        adagrad(p.data, p.grad, state.sum, state.step, options);
      }
    }
    return loss;
  }

  /** A snapshot as a plain object: `state` by the param's index, and `param_groups`. */
  state_dict() {
    const params = this.#params();
    const state = params.map((p) => copyState(this.state.get(p)));
    const param_groups = this.param_groups.map((group) => ({
      ...group,
      params: group.params.map((p) => params.indexOf(p)),
    }));
    return { state: { ...state }, param_groups };
  }

  /** Go on as the optimizer that gave `saved` would; `saved` itself is copied. */
  load_state_dict({ state, param_groups }) {
    refuseUnless(state && Array.isArray(param_groups), "that is no state dict");
    const sizes = (groups) => groups.map((group) => group.params?.length).join();
    const mine = sizes(this.param_groups);
    refuseUnless(sizes(param_groups) === mine, `groups of ${mine} params are needed`);
    for (const { params, ...options } of param_groups) checkOptions(options);
    const keys = param_groups.flatMap((group) => group.params);
    const states = Object.keys(state).length === keys.length;
    const distinct = new Set(keys).size === keys.length;
    refuseUnless(states && distinct, "each param needs one state");
    const loaded = this.#params().map((p, i) => [p, checkedState(p, state[keys[i]])]);

    this.state = new Map(loaded);
    this.param_groups = this.param_groups.map(({ params }, i) => ({
      ...param_groups[i],
      params,
    }));
  }

  #params() {
    return this.param_groups.flatMap((group) => group.params);
  }
}

function refuseUnless(condition, message) {
  if (!condition) throw new AdagradError(message);
}

function isArray(x) {
  return x instanceof Float64Array || isNarrow(x);
}

function checkOptions(options) {
  for (const name of Object.keys(options)) {
    refuseUnless(name in DEFAULTS, `there is no option ${name}`);
  }
  for (const [name, standard] of Object.entries(DEFAULTS)) {
    const value = options[name];
    const kind = typeof standard;
    refuseUnless(typeof value === kind, `${name} must be a ${kind}, not ${value}`);
    const legal = kind === "boolean" || (value >= 0 && value < Infinity);
    refuseUnless(legal, `${name} must be finite and not negative, not ${value}`);
  }
}

function checkGradient({ data, grad }) {
  const alike = grad?.constructor === data.constructor && grad.length === data.length;
  refuseUnless(grad === null || alike, "a gradient is not like its param");
}

function checkedState(p, saved) {
  const { step, sum } = saved ?? {};
  const fits = isArray(sum) && sum.length === p.data.length;
  refuseUnless(fits, `a param needs a sum of ${p.data.length} elements`);
  refuseUnless(Number.isInteger(step) && step >= 0, `${step} is no count of steps`);
  return copyState(saved);
}

function copyState({ step, sum }) {
  return { step, sum: sum.slice() };
}
