/**
 * Where a run listens, taken at the very start: the port for workers, and that for metrics and the live page. Until the run
 * is there, both say that it is starting.
 */
import { defaultAddresses, formatAddress, parseAddress, reachableHost } from "../../config/index.js";
import type { Address, RunConfig } from "../../config/index.js";
import { controlName, controlService } from "../../control/index.js";
import { coordinatorService, holdPort, isServedAt, serverCredentials } from "../../rpc/index.js";
import type { HeldPort } from "../../rpc/index.js";
import type { CoordinatorMetrics } from "../../telemetry/index.js";
import { takePort } from "./ports.js";
import { RunTelemetry } from "../record/telemetry.js";

export const coordinatorName = "coxswain.v1.Coordinator";

/** Keys of where a run listens. */
export type AddressKey = keyof typeof defaultAddresses;
export const addressKeys = Object.keys(defaultAddresses) as readonly AddressKey[];

export interface Listeners {
  readonly workers: HeldPort;
  /** Undefined where nothing is served. */
  readonly telemetry: RunTelemetry | undefined;
  /** The run with the addresses that were taken, where those are not what it says. */
  readonly config: RunConfig;
  /** Nobody goes through any more: to be called where the run does not come about. */
  close(): Promise<void>;
}

export interface ListenerOptions {
  readonly metrics: CoordinatorMetrics;
  /** Addresses that nobody chose: beside another run, this one takes others. */
  readonly defaults: ReadonlySet<AddressKey>;
  /** The settings of the run's earlier life, where it goes on. */
  readonly before: RunConfig | undefined;
  readonly note: (text: string) => void;
}

/** @throws CoxswainError "config" for an address or TLS files that are none, "network" where it cannot be listened on */
export async function openListeners(config: RunConfig, options: ListenerOptions): Promise<Listeners> {
  const { metrics, defaults, before, note } = options;
  const credentials = await serverCredentials(config.cluster.tls);
  const services = [
    { name: coordinatorName, definition: coordinatorService },
    { name: controlName, definition: controlService },
  ];
  const wanted = addressOf(config, "cluster.listen");
  const workers = await takePort({
    wanted,
    isDefault: defaults.has("cluster.listen"),
    before: portOf(before?.cluster.listen),
    open: (address) => holdPort({ ...address, credentials, services, addressKey: "cluster.listen" }),
    occupant: async (address) =>
      (await isServedAt(reachable(address), coordinatorName)) ? "another run of Coxswain" : undefined,
    note,
  });
  try {
    const telemetry = await openTelemetry(config, { metrics, defaults, before, note });
    return {
      workers,
      telemetry,
      config: withAddresses(config, { workers, wanted, telemetry }),
      close: async () => {
        workers.close();
        await telemetry?.close();
      },
    };
  } catch (error) {
    workers.close();
    throw error;
  }
}

async function openTelemetry(
  config: RunConfig,
  { metrics, defaults, before, note }: ListenerOptions,
): Promise<RunTelemetry | undefined> {
  const { http } = config.telemetry;
  if (http === null) return undefined;
  return takePort({
    wanted: parseAddress(http, { name: "telemetry.http", allowPortZero: true }),
    isDefault: defaults.has("telemetry.http"),
    before: portOf(before?.telemetry.http),
    open: (address) => RunTelemetry.open(config, formatAddress(address), metrics),
    occupant: (address) => runMeasuredAt(reachable(address)),
    note,
  });
}

/** A port that was asked for as "a free one" stays that: the next life takes another. */
function withAddresses(
  config: RunConfig,
  { workers, wanted, telemetry }: { workers: HeldPort; wanted: Address; telemetry: RunTelemetry | undefined },
): RunConfig {
  const { cluster, telemetry: told } = config;
  const listen = wanted.port === 0 ? cluster.listen : formatAddress(workers);
  const isFree = told.http?.endsWith(":0") === true;
  const http = telemetry === undefined || isFree ? told.http : telemetry.address;
  return { ...config, cluster: { ...cluster, listen }, telemetry: { ...told, http } };
}

const addressOf = (config: RunConfig, name: "cluster.listen"): Address =>
  parseAddress(config.cluster.listen, { name, allowPortZero: true });

const portOf = (text: string | null | undefined): number | undefined =>
  text === null || text === undefined ? undefined : parseAddress(text, { name: "address", allowPortZero: true }).port;

const reachable = ({ host, port }: Address): Address => ({ host: reachableHost(host), port });

/** How long another program may take to say what it is, ms. */
const patience = 2_000;

/** The run whose metrics are served at an address of this machine, in words; undefined where it is another program's. */
async function runMeasuredAt(address: Address): Promise<string | undefined> {
  try {
    const response = await fetch(`http://${formatAddress(address)}/metrics`, { signal: AbortSignal.timeout(patience) });
    const text = await response.text();
    if (!text.includes("coxswain_build_info{")) return undefined;
    const run = /^coxswain_run_info\{run="([^"\\]*)"/m.exec(text)?.[1];
    return run === undefined ? "another process of Coxswain" : `another run of Coxswain (${run})`;
  } catch {
    // It does not speak HTTP, or not within the time.
    return undefined;
  }
}
