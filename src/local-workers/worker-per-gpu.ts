/**
 * `coxswain worker --devices`: one worker process a GPU, and this process over them. It hands signals on, and ends when
 * all have ended, with the exit code of the worst. It starts none again: what ended, and how, is said.
 */
import { fork, type ChildProcess } from "node:child_process";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";
import { chooseGpus, visibleGpus, visibleVariable } from "../compute/index.js";
import { formatAddress, parseAddress } from "../config/index.js";
import { onInterruption } from "../cli/process/interruption.js";
import { checkFindFlags } from "../cli/options/nats.js";
import type { WorkerFlags } from "../cli/worker/command.js";

export interface DevicesHost {
  /** The `coxswain` program. */
  readonly program: string;
  /** Tells the user. */
  readonly say: (text: string) => void;
}

const thisHost: DevicesHost = {
  program: fileURLToPath(new URL("../cli/main.js", import.meta.url)),
  say: (text) => void process.stderr.write(`${text}\n`),
};

/**
 * @returns the exit code
 * @throws CoxswainError "config" for a GPU that is not there
 */
export async function attendOnDevices(
  flags: WorkerFlags,
  asked: string,
  host: DevicesHost = thisHost,
): Promise<number> {
  checkFindFlags(flags);
  const gpus = chooseGpus(asked, await visibleGpus());
  host.say(`workers on GPU${gpus.length === 1 ? "" : "s"} ${gpus.join(", ")}, one process each`);
  const running = new Set<ChildProcess>();
  const interruption = onInterruption(() => {
    for (const child of running) child.kill("SIGTERM");
  });
  try {
    const codes = gpus.map((gpu, index) => {
      const child = fork(host.program, workerArguments(flags, index), {
        // The channel tells the worker when this process is gone, and leaves Ctrl-C to it.
        stdio: ["ignore", "inherit", "inherit", "ipc"],
        env: {
          ...process.env,
          [visibleVariable]: gpu,
          ...(flags.token === undefined ? {} : { COXSWAIN_TOKEN: flags.token }),
        },
      });
      running.add(child);
      return new Promise<number>((resolve) => {
        // A process that cannot be started closes nothing.
        child.once("error", (error) => {
          running.delete(child);
          host.say(`the worker on GPU ${gpu}: ${error.message}`);
          resolve(1);
        });
        child.once("close", (code, signal) => {
          running.delete(child);
          const others = running.size === 0 ? "" : `; ${running.size} go on`;
          host.say(`the worker on GPU ${gpu} ended (${signal ?? `exit code ${code ?? 1}`})${others}`);
          resolve(exitCode(code, signal));
        });
      });
    });
    return worst(await Promise.all(codes));
  } finally {
    interruption.close();
  }
}

/** As a shell has it: 128 and the signal's number for a process that a signal ended. */
export const exitCode = (code: number | null, signal: NodeJS.Signals | null): number =>
  signal === null ? (code ?? 1) : 128 + constants.signals[signal];

/** 0 only where all are; a bug (1) before everything else, then the highest. */
export const worst = (codes: readonly number[]): number => (codes.includes(1) ? 1 : Math.max(0, ...codes));

/**
 * The command line of worker `index`. Fixed ports are counted up from the first worker's. The token goes by the
 * environment, where other users of the machine cannot read it.
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
