/** Identifies a run by what determines its result, so that a restarted coordinator recognises the workers of its run. */
import { createHash } from "node:crypto";
import { bytesOf } from "../../collective/index.js";
import { configDigest } from "./config-digest.js";
import type { PreparedRun } from "./prepare.js";

/** SHA-256 over settings, model, data, layout and initial parameters, hex: runs of one digest are the same at every step. */
export function runDigest(run: PreparedRun): string {
  const { config, manifest, train, layoutFingerprint, initialParameters } = run;
  return createHash("sha256")
    .update(JSON.stringify([configDigest(config), manifest.hash, train.fingerprint, layoutFingerprint]))
    .update(bytesOf(initialParameters))
    .digest("hex");
}
