// ConvNetJS (convnetjs.Trainer with method "adagrad").
//
// Documented: learning_rate, which demos change between steps, and l2_decay; that it is
// no longer added where it is 0 is not.  A net's arrays are Float64Arrays.

import { serve } from "../../adapter_kits/javascript/port.mjs";
import { packages } from "./packages.mjs";
import { CLAIMS, CONSTANTS, trained } from "./trainers.mjs";

const require = packages();
const { Trainer } = require("convnetjs");
const { version } = require("convnetjs/package.json");

await serve({
  name: "convnetjs",
  version,
  language: "JavaScript (ConvNetJS)",
  dialect: "convnetjs",
  claims: ["binary64", "set-lr", ...CLAIMS],
  constants: CONSTANTS,
  ...trained(
    (net, options) => new Trainer(net, { method: "adagrad", ...options }),
    { lr: "learning_rate", weight_decay: "l2_decay", eps: "eps" },
    (n) => new Float64Array(n),
  ),
});
