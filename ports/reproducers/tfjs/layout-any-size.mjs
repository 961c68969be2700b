// npm install @tensorflow/tfjs@4.22.0
import assert from "node:assert/strict";
import tf from "@tensorflow/tfjs";
const p = tf.variable(tf.tensor(Float32Array.of(1.0), [1]), true, "p");
const q = tf.variable(tf.tensor(Float32Array.of(1.0, 1.0), [2]), true, "q");
var optimizer = tf.train.adagrad(1.0);
optimizer.applyGradients({ p: tf.tensor(Float32Array.of(2.0), [1]) });
optimizer.applyGradients({ q: tf.tensor(Float32Array.of(2.0, 2.0), [2]) });
