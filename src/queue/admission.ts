/**
 * Whether a server executes a submitted run, and with which settings. What a run may choose is what it trains; where the
 * server listens, who may join, where it reports to and what it executes is the server's. Nothing of a file is read.
 */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { parseRun, runPaths, serializeRun } from "../config/index.js";
import type { NatsConnectionSettings, RunConfig } from "../config/index.js";
import { CoxswainError } from "../errors.js";
import { parseHubName } from "../hub/index.js";
import { readSubmission, refuseSecrets } from "../nats/index.js";
import type { Submission } from "../nats/index.js";
import { refuseSubmittedCommand } from "./own-commands.js";
import { leadsInside, rootFlags } from "./roots.js";
import type { RootKind, Roots } from "./roots.js";

export interface Admission {
  readonly settings: NatsConnectionSettings;
  /** `key=value` settings of the server, which override those of every run. */
  readonly sets: readonly string[];
  readonly roots: Roots;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** This machine's name. */
  readonly host: string;
}

/** @throws CoxswainError "config" that names the keys, with no more than the submission says */
export function admit(submission: Submission, { settings, sets, roots, environment, host }: Admission): RunConfig {
  const asked = parseRun(submission.settings, submission.run);
  refuseSecrets(asked);
  refuseSubmittedCommand(asked, sets);
  refusePaths(asked, roots);
  const own = { ...submission, settings: serializeRun(withServersSettings(asked)) };
  const config = readSubmission(own, sets, environment, existsSync, host);
  const nats = { ...settings, run: submission.run, advertise: config.telemetry.nats?.advertise ?? null };
  return { ...config, telemetry: { ...config.telemetry, nats } };
}

/** Keys of the section `cluster` that decide what is trained, and how steps are shared. The others are the server's. */
const runsKeys = [
  "min_workers",
  "all_reduce",
  "all_reduce_dtype",
  "heartbeat_timeout",
  "reconnect_timeout",
  "allow_mixed_engines",
  "verify",
] as const satisfies readonly (keyof RunConfig["cluster"])[];

function withServersSettings(asked: RunConfig): RunConfig {
  const usual = parseRun("model: a/b\noutput_dir: /o\ndata: { train: /d }\n", "defaults");
  const chosen = Object.fromEntries(runsKeys.map((key) => [key, asked.cluster[key]]));
  const { tensorboard } = asked.telemetry;
  return {
    ...asked,
    cluster: { ...usual.cluster, ...chosen },
    telemetry: { ...usual.telemetry, tensorboard },
  };
}

/** Which roots a key's path has to be in. */
const rootsOf = (key: string): readonly RootKind[] =>
  key === "output_dir"
    ? ["output"]
    : key === "model"
      ? ["model"]
      : // An adapter is a model, or the result of an earlier run.
        key === "lora.init_adapter"
        ? ["model", "output"]
        : ["data"];

function refusePaths(asked: RunConfig, roots: Roots): void {
  const template = asked.data.chat_template;
  if (template !== null && !/\{[{%#]/.test(template)) {
    throw new CoxswainError("config", "data.chat_template: a submitted run has the template's text, not its path", {
      hint: "`coxswain submit` sends the text of the file that the run file names.",
    });
  }
  const problems = runPaths({ ...asked, cluster: { ...asked.cluster, tls: null } }).flatMap(({ key, path }) => {
    const kinds = rootsOf(key);
    // Paths outside are not looked at: whether they exist is nobody's business.
    return leadsInside(
      path,
      kinds.flatMap((kind) => roots[kind]),
    )
      ? []
      : [`${key}: ${path} is not within a folder of this server (${kinds.map((kind) => rootFlags[kind]).join(", ")})`];
  });
  for (const { key, name } of namesOf(asked)) {
    if (parseHubName(name) === undefined) problems.push(`${key}: ${name} is neither an absolute path nor a hub id`);
    // A folder of this name, relative to wherever the server was started, would be taken instead.
    else if (existsSync(resolve(name))) problems.push(`${key}: ${name} cannot be used on this server`);
  }
  if (problems.length === 0) return;
  throw new CoxswainError("config", problems.join("; "), {
    hint: "Links count where they lead to. A run may also name models and data sets of the hub.",
  });
}

/** Names that are not absolute paths: of the hub. */
function namesOf({ model, data }: RunConfig): readonly { readonly key: string; readonly name: string }[] {
  const sources = (["train", "eval"] as const).flatMap((key) => {
    const value = data[key];
    if (value === null || typeof value === "number") return [];
    const list = Array.isArray(value) ? value : [value];
    return list.map((source) => ({
      key: `data.${key}`,
      name: typeof source === "string" ? source : (source.dataset ?? source.path ?? ""),
    }));
  });
  return [{ key: "model", name: model }, ...sources].filter(({ name }) => !name.startsWith("/"));
}
