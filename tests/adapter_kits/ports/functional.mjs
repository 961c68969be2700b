// A port that is a function of one param.
import { functional, serve } from "./port.mjs";

const init = (theta, { initial_accumulator_value: first = 0 }) =>
  ({ sum: theta.map(() => first), t: 0 });

function update(theta, gradient, { sum, t }, { lr, lr_decay = 0, eps }) {
  const rate = lr / (1 + t * lr_decay);
  const total = sum.map((s, i) => s + gradient[i] ** 2);
  const moved = theta.map((x, i) => x - (rate * gradient[i]) / (Math.sqrt(total[i]) + eps));
  return { theta: moved, state: { sum: total, t: t + 1 } };
}

await serve({
  name: "functional",
  version: "1",
  claims: [
    ...["binary64", "binary32", "eps", "lr-decay", "initial-accumulator-value"],
    ...["state", "state-write", "many-steps", "gradients", "set-option", "mixed-formats"],
  ],
  constants: { weight_decay: 0 },
  ...functional(init, update),
});
