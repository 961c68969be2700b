// What ConvNetJS and its fork toygrad share: a trainer asks its net for arrays of params
// and gradients, steps them in place, and sets the gradients to zero for the next batch.
// It knows params by their place; `gsum` has their sums of squares from the first step
// on, and the options are fields that can be changed.

/**
 * Hooks for such a trainer: `construct(net, options)` makes one, `names` are its options
 * by the document's names, and `zeros(n)` makes an array for `gsum`.
 */
export function trained(construct, names, zeros) {
  const own = (options) => Object.fromEntries(
    Object.entries(options).flatMap(([name, value]) =>
      name in names ? [[names[name], value]] : []),
  );
  return {
    make([{ params, options }], given) {
      const net = {
        forward: () => {},
        backward: () => 0, // the loss
        getParamsAndGrads: () =>
          params.map(({ data, grad }) => ({ params: data, grads: grad.slice() })),
      };
      return { params, trainer: construct(net, own({ ...given, ...options })) };
    },
    step: ({ trainer }) => { trainer.train(); },
    state: ({ params, trainer }, param) =>
      ({ sum: trainer.gsum[params.indexOf(param)] ?? null, t: null }),
    setState({ params, trainer }, param, { sum }) {
      if (trainer.gsum.length === 0) {
        trainer.gsum = params.map(({ data }) => zeros(data.length));
      }
      trainer.gsum[params.indexOf(param)] = sum;
    },
    setOption({ trainer }, group, option, value) {
      Object.assign(trainer, own({ [option]: value }));
    },
  };
}

/** What can be claimed of both, but for the format. */
export const CLAIMS = [
  ...["state", "state-write", "many-steps", "gradients"],
  ...["weight-decay", "eps", "zero-eps", "zero-lr"],
];

/** What nobody can choose. */
export const CONSTANTS = { lr_decay: 0, initial_accumulator_value: 0 };
