// toygrad (Trainers.Adagrad), a fork of ConvNetJS.
//
// Declared: learningRate, l2decay and eps, fields that anybody may write; a net's arrays
// are Float32Arrays.

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

import { serve } from "../../adapter_kits/javascript/port.mjs";
import { packages } from "./packages.mjs";
import { CLAIMS, CONSTANTS, trained } from "./trainers.mjs";

const main = packages().resolve("toygrad");
const { Trainers } = await import(pathToFileURL(main));
const described = join(dirname(main), "..", "package.json"); // which it does not export
const { version } = JSON.parse(readFileSync(described));

await serve({
  name: "toygrad",
  version,
  language: "JavaScript (toygrad)",
  dialect: "convnetjs",
  claims: ["binary32", "set-option", ...CLAIMS],
  constants: CONSTANTS,
  ...trained(
    (net, options) => new Trainers.Adagrad(net, options),
    { lr: "learningRate", weight_decay: "l2decay", eps: "eps" },
    (n) => new Float32Array(n),
  ),
});
