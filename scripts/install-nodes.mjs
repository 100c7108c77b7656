/**
 * Downloads the Node.js versions for tests/e2e/node-versions.test.ts: the oldest that package.json's `engines` allows,
 * and the newest of each later line, from the npm package that the package `node` installs.
 *
 *   node scripts/install-nodes.mjs        into ~/.cache/coxswain/nodes, a folder per version
 */
import { renameSync } from "node:fs";
import { join } from "node:path";
import { install, run, Trouble } from "./tool-cache.mjs";

const versions = ["20.19.0", "22.23.3", "24.21.0", "26.10.0"];

install({
  name: "nodes",
  version: versions.join(", "),
  programs: versions.map((version) => join(version, "node")),
  make: ({ whole, scratch }) => {
    if (process.platform !== "linux") throw new Trouble(`requires Linux, not ${process.platform}`);
    const name = `node-linux-${process.arch}`;
    for (const version of versions) {
      const folder = join(scratch, version);
      // Without running its scripts.
      run("npm", ["install", "--prefix", folder, "--ignore-scripts", "--no-audit", "--no-fund", `${name}@${version}`]);
      renameSync(join(folder, "node_modules", name, "bin"), join(whole, version));
    }
    return { versions };
  },
});
