/** What single keys cannot tell: settings that contradict each other. Pure. */
import { addressProblem } from "./address.js";
import type { KeyPath } from "./keys.js";
import { natsProblems, runNameProblem } from "./nats.js";
import type { RunConfig } from "./schema.js";

export interface Contradiction {
  /** The keys it is about; it is reported at the first. */
  readonly keys: readonly [KeyPath, ...KeyPath[]];
  readonly message: string;
}

/** All that is wrong with settings that are each of the right type and in range. */
export function check(config: RunConfig): readonly Contradiction[] {
  return [...checkTraining(config), ...checkNats(config), ...checkAddresses(config), ...checkToken(config)];
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
      message: `${micro} rows a shard are more than the ${global} rows of a step (training.global_batch_size)`,
    });
  }
  if (training.eval_steps !== null && data.eval === null) {
    found.push({
      keys: [
        ["training", "eval_steps"],
        ["data", "eval"],
      ],
      message: "there is nothing to evaluate: name a file in data.eval, or leave eval_steps out",
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

/** The port may be left out: that of `cluster.listen` is meant. */
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

/** A token travels in a header: printable ASCII. A line break at its end is what `echo secret > file` leaves. */
function checkToken({ cluster }: RunConfig): Contradiction[] {
  if (cluster.token === null || /^[\x21-\x7e]+$/.test(cluster.token)) return [];
  const cause = /[\r\n]/.test(cluster.token)
    ? "has a line break in it"
    : "has characters other than printable ASCII in it";
  return [{ keys: [["cluster", "token"]], message: `the token ${cause}` }];
}
