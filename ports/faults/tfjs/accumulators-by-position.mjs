// TensorFlow.js: a variable steps by the accumulator of another one.
//
// Promise: applyGradients takes a map from the name of a variable to its gradient
//   (https://js.tensorflow.org/api/4.22.0/#tf.train.Optimizer.applyGradients); minimize
//   leaves variables out of it that have no gradient.
// Expected: a steps by the gradient 3, then b by the gradient 4.  b's accumulator begins
//   at 0.1, so b = 1 - 0.5 * 4 / sqrt(0.1 + 16) = 0.5015.
// Seen: 1 - 0.5 * 4 / sqrt(0.1 + 9 + 16) = 0.6008: both are first in their maps, so b has
//   the accumulator of a.
// Install: npm install @tensorflow/tfjs@4.22.0

import * as tf from "@tensorflow/tfjs";

await tf.setBackend("cpu");
const a = tf.variable(tf.tensor1d([1]), true, "a");
const b = tf.variable(tf.tensor1d([1]), true, "b");

class Right { // the formula, with an accumulator for each name
  sums = {};

  applyGradients(gradients) {
    for (const [name, gradient] of Object.entries(gradients)) {
      const sum = (this.sums[name] ?? tf.scalar(0.1)).add(gradient.square());
      this.sums[name] = sum;
      const variable = { a, b }[name];
      variable.assign(variable.sub(gradient.div(sum.add(1e-7).sqrt()).mul(0.5)));
    }
  }
}

const control = process.argv.includes("--control");
const optimizer = control ? new Right() : tf.train.adagrad(0.5, 0.1);
optimizer.applyGradients({ a: tf.tensor1d([3]) });
optimizer.applyGradients({ b: tf.tensor1d([4]) });

const expected = 1 - (0.5 * 4) / Math.sqrt(0.1 + 16 + 1e-7);
const [seen] = b.dataSync();
if (Math.abs(seen - expected) > 1e-5) {
  console.error(`expected ${expected}, seen ${seen}`);
  process.exit(1);
}
