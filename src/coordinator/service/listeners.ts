/**
 * The ports of a run, opened before anything else: one for workers, one for metrics and the live page. Until the run is
 * ready, both answer that it is starting.
 */
import { defaultAddresses, formatAddress, parseAddress } from "../../config/index.js";
import type { Address, RunConfig } from "../../config/index.js";
import { controlName, controlService } from "../../control/index.js";
import { coordinatorService, holdPort, isServedAt, serverCredentials } from "../../rpc/index.js";
import type { HeldPort } from "../../rpc/index.js";
import type { CoordinatorMetrics } from "../../telemetry/index.js";
import { takePort } from "./ports.js";
import { reachable, takeTelemetryPort } from "./telemetry-port.js";
import { RunTelemetry } from "../record/telemetry.js";

export const coordinatorName = "coxswain.v1.Coordinator";

/** Configuration keys of the addresses that a run listens on. */
export type AddressKey = keyof typeof defaultAddresses;
export const addressKeys = Object.keys(defaultAddresses) as readonly AddressKey[];

export interface Listeners {
  readonly workers: HeldPort;
  /** Undefined if `telemetry.http` is null. */
  readonly telemetry: RunTelemetry | undefined;
  /** The configuration of the run with the addresses that were actually opened. */
  readonly config: RunConfig;
  /** Closes both ports; to be called if the run does not start. */
  close(): Promise<void>;
}

export interface ListenerOptions {
  readonly metrics: CoordinatorMetrics;
  /** Addresses that the user did not set: if another run occupies one, this run takes another port. */
  readonly defaults: ReadonlySet<AddressKey>;
  /** The configuration of the previous incarnation, if the run is resumed. */
  readonly before: RunConfig | undefined;
  readonly note: (text: string) => void;
}

/** @throws CoxswainError "config" for an invalid address or invalid TLS files, "network" if it cannot listen */
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
  return takeTelemetryPort(http, {
    isDefault: defaults.has("telemetry.http"),
    before: portOf(before?.telemetry.http),
    open: (address) => RunTelemetry.open(config, formatAddress(address), metrics),
    note,
  });
}

/** Keeps port 0 ("any free port") in the configuration: the next incarnation takes any free port again. */
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
