/** The work of `coxswain worker --devices`: one worker process per GPU, all with this command line. */
import { chooseGpus, visibleGpus } from "../../compute/index.js";
import { formatAddress, parseAddress } from "../../config/index.js";
import { runWorkerPerGpu } from "../../local-workers/index.js";
import { checkFindFlags } from "../options/nats.js";
import { onInterruption, type Interruption } from "../process/interruption.js";
import type { WorkerFlags } from "./flags.js";

export interface PerGpuHost {
  /** Path of the `coxswain` program. Default: this build's. */
  readonly program?: string;
  /** Prints a line for the user. */
  readonly say: (text: string) => void;
}

const thisHost: PerGpuHost = {
  say: (text) => {
    process.stderr.write(`${text}\n`);
  },
};

/**
 * @param devices indices or UUIDs, separated by commas, or "all"
 * @returns the exit code
 * @throws CoxswainError "config" for a GPU that this machine does not have
 */
export async function runPerGpu(flags: WorkerFlags, devices: string, host: PerGpuHost = thisHost): Promise<number> {
  checkFindFlags(flags);
  const gpus = chooseGpus(devices, await visibleGpus());
  host.say(`workers on GPU${gpus.length === 1 ? "" : "s"} ${gpus.join(", ")}, one process per GPU`);
  let interruption: Interruption | undefined;
  try {
    return await runWorkerPerGpu({
      gpus,
      argumentsOf: (index) => workerArguments(flags, index),
      environment: flags.token === undefined ? {} : { COXSWAIN_TOKEN: flags.token },
      program: host.program,
      report: host.say,
      onLeave: (leave) => {
        interruption = onInterruption(leave);
      },
    });
  } finally {
    interruption?.close();
  }
}

/**
 * The command line of worker `index`. Fixed ports are incremented from that of the first worker. The token is passed in
 * the environment, where other users of the machine cannot read it.
 */
export function workerArguments(flags: WorkerFlags, index: number): string[] {
  const words = ["worker"];
  const add = (name: string, value: string | number | undefined): void => {
    if (value !== undefined) words.push(name, String(value));
  };
  add("--coordinator", flags.coordinator);
  add("--run", flags.run);
  add("--nats", flags.run === undefined ? undefined : flags.nats);
  add("--nats-credentials", flags.natsCredentials);
  add("--nats-nkey", flags.natsNkey);
  add("--nats-user", flags.natsUser);
  add("--nats-ca", flags.natsCa);
  add("--nats-cert", flags.natsCert);
  add("--nats-key", flags.natsKey);
  add("--model", flags.model);
  add("--device", flags.device ?? "cuda");
  add("--listen", countedUp(flags.listen, "--listen", index));
  add("--advertise", flags.advertise);
  add("--http", countedUp(flags.http, "--http", index));
  add("--reconnect-timeout", flags.reconnectTimeout);
  add("--tls-ca", flags.tlsCa);
  add("--tls-cert", flags.tlsCert);
  add("--tls-key", flags.tlsKey);
  add("--proxy", flags.proxy);
  if (flags.stay === true) words.push("--stay");
  return words;
}

function countedUp(address: string | undefined, name: string, index: number): string | undefined {
  if (address === undefined || address === "none") return address;
  const { host, port } = parseAddress(address, { name, allowPortZero: true });
  return formatAddress({ host, port: port === 0 ? 0 : port + index });
}
