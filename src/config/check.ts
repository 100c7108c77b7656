/** Checks across keys: settings that contradict each other. Pure. */
import { isIP } from "node:net";
import { addressProblem, isLoopback } from "./address.js";
import { checkBest } from "./check-best.js";
import type { Contradiction } from "./contradiction.js";
import { dotted, isSecret, type KeyPath } from "./keys.js";
import { natsProblems, runNameProblem } from "./nats.js";
import { isTemplate } from "./paths.js";
import type { RunConfig } from "./schema.js";
import { tokenProblem } from "./token.js";
import { reservedNameProblem } from "./template-names.js";
import type { SourceConfig } from "./schema/source.js";

/** All contradictions among settings that are each valid. */
export function check(config: RunConfig): readonly Contradiction[] {
  return [
    ...checkTexts(config, []),
    ...checkTurns(config),
    ...checkSources(config),
    ...checkTraining(config),
    ...checkBest(config),
    ...checkNats(config),
    ...checkAddresses(config),
    ...checkToken(config),
    ...checkVerify(config),
    ...checkDataNetworks(config),
  ];
}

/** Texts are names and paths of one line, except secrets and a template that is written out. */
function checkTexts(value: unknown, path: KeyPath): Contradiction[] {
  if (typeof value === "string") {
    if (
      isSecret(path) ||
      isForTemplate(path) ||
      isPrompt(path) ||
      (dotted(path) === "data.chat_template" && isTemplate(value))
    )
      return [];
    const message = textProblem(value);
    return message === undefined ? [] : [{ keys: [path], message }];
  }
  if (typeof value !== "object" || value === null) return [];
  const inner: readonly (readonly [string | number, unknown])[] = Array.isArray(value)
    ? value.map((item: unknown, index) => [index, item])
    : Object.entries(value);
  return inner.flatMap(([key, item]) => checkTexts(item, [...path, key]));
}

function textProblem(text: string): string | undefined {
  if (text.trim() === "") return "must not be blank";
  if (/[\r\n]/.test(text)) return "contains a line break: write it on one line, without `|` or `>`";
  return /\p{Cc}/u.test(text) ? "contains a control character" : undefined;
}

/** A variable of the chat template is any text. */
const isForTemplate = ([section, key]: KeyPath): boolean => section === "data" && key === "chat_template_kwargs";

/** A prompt is any text. */
const isPrompt = ([section, key]: KeyPath): boolean => section === "training" && key === "sample_prompts";

/** In the mesh the coordinator does not see what workers have computed. */
function checkVerify({ cluster }: RunConfig): Contradiction[] {
  if (cluster.verify === 0 || cluster.all_reduce !== "mesh") return [];
  const message = "needs all_reduce: star or auto: in the mesh the coordinator does not see the workers' sums";
  return [
    {
      keys: [
        ["cluster", "verify"],
        ["cluster", "all_reduce"],
      ],
      message,
    },
  ];
}

function checkDataNetworks({ cluster }: RunConfig): Contradiction[] {
  return cluster.data_networks.flatMap((entry, index): Contradiction[] => {
    if (isNetwork(entry)) return [];
    const message = `${JSON.stringify(entry)} is no address, network or host name: write 10.0.0.7, 10.0.0.0/8 or gpu-1.example`;
    return [{ keys: [["cluster", "data_networks", index]], message }];
  });
}

function isNetwork(entry: string): boolean {
  const [address = "", prefix, ...rest] = entry.split("/");
  const family = isIP(address);
  if (prefix === undefined) return family === 6 || addressProblem(`${entry}:1`, {}) === undefined;
  return rest.length === 0 && family !== 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128);
}

function checkTurns({ data }: RunConfig): Contradiction[] {
  const found = Object.keys(data.chat_template_kwargs).flatMap((name): Contradiction[] => {
    const problem = reservedNameProblem(name);
    const message = `${JSON.stringify(name)} is a reserved name. ${problem ?? ""}`;
    return problem === undefined ? [] : [{ keys: [["data", "chat_template_kwargs", name]], message }];
  });
  if (data.turns === "last" && !data.assistant_only_loss) {
    found.push({
      keys: [
        ["data", "turns"],
        ["data", "assistant_only_loss"],
      ],
      message: "`last` has no effect with assistant_only_loss: false, which supervises every token",
    });
  }
  return found;
}

/** A source is of one place; a number of `data.eval` a share or a count. */
function checkSources({ data }: RunConfig): Contradiction[] {
  const found: Contradiction[] = [];
  for (const key of ["train", "eval"] as const) {
    const value = data[key];
    if (value === null || typeof value === "number") continue;
    const isList = Array.isArray(value);
    for (const [place, source] of (isList ? value : [value]).entries()) {
      const path: KeyPath = isList ? ["data", key, place] : ["data", key];
      const message = typeof source === "string" ? undefined : sourceProblem(source);
      if (message !== undefined) found.push({ keys: [path], message });
    }
  }
  if (typeof data.eval === "number" && data.eval > 1 && !Number.isInteger(data.eval)) {
    const message = `${data.eval} is neither a share of data.train (below 1) nor a number of examples`;
    found.push({ keys: [["data", "eval"]], message });
  }
  return found;
}

function sourceProblem({ path, dataset, config, split, revision }: SourceConfig): string | undefined {
  if (path === undefined && dataset === undefined) return "a source needs `path` or `dataset`";
  if (path !== undefined && dataset !== undefined) return "a source has either `path` or `dataset`";
  if (path === undefined) return undefined;
  const foreign = Object.entries({ config, split, revision }).find(([, value]) => value !== undefined)?.[0];
  return foreign === undefined ? undefined : `\`${foreign}\` is for data sets of the hub: this source is a \`path\``;
}

function checkTraining({ training, data }: RunConfig): Contradiction[] {
  const found: Contradiction[] = [];
  const { micro_batch_size: micro, global_batch_size: global } = training;
  if (micro > global) {
    found.push({
      keys: [
        ["training", "micro_batch_size"],
        ["training", "global_batch_size"],
      ],
      message: `${micro} rows per shard exceed the ${global} rows of a step (training.global_batch_size)`,
    });
  }
  if (training.eval_steps !== null && data.eval === null && training.sample_prompts === null) {
    found.push({
      keys: [
        ["training", "eval_steps"],
        ["data", "eval"],
      ],
      message: "there is nothing to evaluate: set data.eval or training.sample_prompts, or omit eval_steps",
    });
  }
  return found;
}

function checkNats({ telemetry: { nats } }: RunConfig): Contradiction[] {
  if (nats === null) return [];
  const name = nats.run === null ? undefined : runNameProblem(nats.run);
  const { advertise } = nats;
  const address = advertise === null ? undefined : addressProblem(withPort(advertise), {});
  return [
    ...natsProblems(nats),
    ...(name === undefined ? [] : [{ key: "run", message: name }]),
    ...(address === undefined ? [] : [{ key: "advertise", message: `${address.message}. ${address.hint}` }]),
  ].map(({ key, message }) => ({ keys: [["telemetry", "nats", key]], message }));
}

/** The port may be omitted: it defaults to that of `cluster.listen`. */
const withPort = (advertise: string): string => (/^[^:]+$|\]$/.test(advertise) ? `${advertise}:1` : advertise);

function checkAddresses({ cluster, telemetry }: RunConfig): Contradiction[] {
  const addresses: readonly (readonly [KeyPath, string | null])[] = [
    [["cluster", "listen"], cluster.listen],
    [["telemetry", "http"], telemetry.http],
  ];
  return addresses.flatMap(([path, text]) => {
    const problem = text === null ? undefined : addressProblem(text, { allowPortZero: true });
    return problem === undefined ? [] : [{ keys: [path], message: `${problem.message}. ${problem.hint}` }];
  });
}

/** A token travels in a header: printable ASCII. A trailing line break comes from `echo secret > file`. */
/** Characters of the shortest token that cannot be guessed over a network. */
const shortestToken = 16;

function checkToken({ cluster: { token, listen } }: RunConfig): Contradiction[] {
  if (token === null) return [];
  const keys: [KeyPath] = [["cluster", "token"]];
  const problem = tokenProblem(token);
  if (problem !== undefined) return [{ keys, message: `the token ${problem}` }];
  if (token.length >= shortestToken || isLoopback(hostOf(listen))) return [];
  return [
    {
      keys,
      message: `the token has ${token.length} characters, and ${listen} can be reached from other machines, which takes at least ${shortestToken}: \`openssl rand -hex 16\` makes one`,
    },
  ];
}

const hostOf = (address: string): string => /^\[?(.*?)\]?:\d+$/.exec(address)?.[1] ?? address;
