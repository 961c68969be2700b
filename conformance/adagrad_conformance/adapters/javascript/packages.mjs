// The npm packages of a port: those of the folder that is the program's argument.

import { createRequire } from "node:module";
import { join } from "node:path";

/** What requires and resolves packages of that folder. */
export function packages() {
  const [, program, folder] = process.argv;
  if (folder === undefined) {
    console.error(`${program}: say the folder that has node_modules`);
    process.exit(2);
  }
  return createRequire(join(folder, "node_modules", "port.mjs"));
}
