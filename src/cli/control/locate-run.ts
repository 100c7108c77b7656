/**
 * Finds the address of a run's coordinator, and the credentials for it: from flags, or from the run file or output
 * folder, whose lock names the coordinator that holds it. Opens no connection.
 */
import { lstatSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import {
  defaultAddresses,
  formatAddress,
  isLoopback,
  loadRun,
  parseAddress,
  reachableHost,
  readResolved,
  resolvedPath,
} from "../../config/index.js";
import type { RunConfig } from "../../config/index.js";
import { CoxswainError } from "../../errors.js";
import { doubtAbout } from "../../lock-trust.js";
import { isOwnedByUs } from "../../own-files.js";
import type { ClientTls, ProxyUse } from "../../rpc/index.js";
import { findHolder } from "../../run-lock.js";
import type { NamedHolder } from "../../run-lock.js";
import { refuseSweepFolder } from "../../sweep-folder.js";
import { tlsOf } from "../options/connection.js";
import type { ControlFlags } from "../options/control.js";

export interface LocatedRun {
  /** HOST:PORT */
  readonly address: string;
  /** The flag or path that the address comes from, for messages. */
  readonly addressKey: string;
  readonly token: string | null;
  readonly tls: ClientTls | undefined;
  readonly proxy: ProxyUse;
}

/** The run has ended, and has no coordinator. */
export class RunOver extends CoxswainError {}

/**
 * @param run a run file or an output folder; undefined: `flags.coordinator`, or the default address
 * @throws CoxswainError "usage" if both are given, "config" if there is no such run, "cluster" if it has no coordinator
 */
export async function locateRun(run: string | undefined, flags: ControlFlags): Promise<LocatedRun> {
  const token = flags.token === undefined || flags.token === "" ? null : flags.token;
  const tls = tlsOf(flags);
  if (run === undefined)
    return {
      address: flags.coordinator ?? defaultAddresses["cluster.listen"],
      addressKey: "--coordinator",
      token,
      tls,
      proxy: flags.proxy ?? "none",
    };
  if (flags.coordinator !== undefined)
    throw new CoxswainError("usage", `both a run (${run}) and --coordinator ${flags.coordinator} are given`, {
      hint: "Give one of them.",
    });
  const opened = await openRun(run);
  const { outputDir, config } = opened;
  const located = {
    addressKey: run,
    token: token ?? opened.token,
    tls: tls ?? (config === undefined ? undefined : clientTls(config)),
    proxy: flags.proxy ?? config?.cluster.proxy ?? "none",
  };
  const isProtected = located.token === null || located.tls !== undefined;
  return { address: await addressIn(outputDir, run, isProtected), ...located };
}

interface OpenedRun {
  readonly outputDir: string;
  readonly token: string | null;
  /** The settings that the coordinator was started with, including its flags; undefined before it has written them. */
  readonly config: RunConfig | undefined;
}

/** Opens a run by its file or output folder; the coordinator writes its settings into that folder. */
async function openRun(run: string): Promise<OpenedRun> {
  const found = statSync(run, { throwIfNoEntry: false });
  if (found === undefined) {
    const isAddress = /^[^/\\]+:\d+$/.test(run);
    throw new CoxswainError("config", `${run}: no such run file or output folder`, {
      hint: isAddress
        ? `Give an address as --coordinator ${run}.`
        : "Give a run file, its output_dir, or --coordinator HOST:PORT.",
    });
  }
  if (!found.isDirectory()) {
    const { output_dir: outputDir, cluster } = (await loadRun(run)).config;
    return { outputDir, token: cluster.token, config: await settingsIn(outputDir) };
  }
  refuseSweepFolder(run);
  const isThere = (name: string): boolean => statSync(join(run, name), { throwIfNoEntry: false }) !== undefined;
  if (resolvedPath(run) === undefined && ![".lock", "events.jsonl"].some(isThere))
    throw new CoxswainError("config", `${run}: there is no run in this folder`, {
      hint: "Give the output_dir of a run, or its run file.",
    });
  return { outputDir: resolve(run), token: null, config: await settingsIn(run) };
}

/** @throws CoxswainError "config" if another user wrote them, who would then choose how a token is sent */
async function settingsIn(outputDir: string): Promise<RunConfig | undefined> {
  const path = resolvedPath(outputDir);
  const owner = path === undefined ? undefined : lstatSync(path, { throwIfNoEntry: false })?.uid;
  if (path !== undefined && owner !== undefined && !isOwnedByUs(owner))
    throw disbelieved(path, `the file belongs to another user (uid ${owner})`);
  return readResolved(outputDir);
}

/** The error for a file of the output folder that says where to connect, and may be forged. */
function disbelieved(path: string, doubt: string): CoxswainError {
  return new CoxswainError("config", `${path}: ${doubt}, so the address in it is not used`, {
    hint: "If you trust the coordinator, give its address: --coordinator HOST:PORT.",
  });
}

/** As for the run's local workers: the certificate is pinned, and need not name this machine. */
function clientTls({ cluster: { tls } }: RunConfig): ClientTls | undefined {
  if (tls === null) return undefined;
  const own = tls.ca === null ? undefined : tls;
  return { ca: tls.ca ?? tls.cert, cert: own?.cert, key: own?.key, pinned: tls.cert };
}

/**
 * @param isProtected whether no token is sent, or TLS proves whom it is sent to
 * @throws CoxswainError "config" for a lock that may be forged
 */
async function addressIn(outputDir: string, run: string, isProtected: boolean): Promise<string> {
  const holder = findHolder(outputDir);
  if (holder === undefined) throw await nobodyLeads(outputDir, run);
  const doubt = doubtAbout(
    holder,
    holder.address === null ? undefined : parseAddress(holder.address, { name: run }).port,
  );
  if (doubt !== undefined) throw disbelieved(join(outputDir, ".lock"), doubt);
  if (holder.address === null)
    throw new CoxswainError("cluster", `${run}: its coordinator (process ${holder.pid}) is still starting`, {
      hint: "It is reading the model and the data. Try again in a moment.",
    });
  const address = formatAddress(reachableFromHere(holder, holder.address, run));
  if (holder.host === hostname() || isProtected) return address;
  throw new CoxswainError(
    "cluster",
    `${run}: its coordinator runs on ${holder.host}, and without TLS nothing proves that ${address} is its address: the token is not sent`,
    {
      hint: `Give the address yourself if it is right: --coordinator ${address}. Or protect the run with cluster.tls.`,
    },
  );
}

function reachableFromHere({ host: where }: NamedHolder, address: string, run: string) {
  const { host, port } = parseAddress(address, { name: run });
  if (where === hostname()) return { host: reachableHost(host), port };
  if (!isLoopback(host)) return { host: reachableHost(host) === host ? host : where, port };
  throw new CoxswainError("cluster", `${run}: its coordinator runs on ${where} and listens on loopback only`, {
    hint: `Run this command on ${where}, or let the coordinator listen on an address that other machines can reach (--listen).`,
  });
}

/** The error for a run without a coordinator: how it ended, according to its record. */
async function nobodyLeads(outputDir: string, run: string): Promise<CoxswainError> {
  const { readRunRecord } = await import("../../telemetry/index.js");
  const { step, ending } = readRunRecord(outputDir);
  switch (ending) {
    case "run_finished":
      return new RunOver("cluster", `${run}: the run finished after ${step} steps`, {
        hint: `Its adapter is in ${join(outputDir, "adapter")}.`,
      });
    case "run_failed":
      return new RunOver("cluster", `${run}: the run failed after step ${step}`, {
        hint: `${join(outputDir, "events.jsonl")} has the reason; continue with --resume.`,
      });
    case "run_stopped":
    case undefined:
      return new (ending === undefined ? CoxswainError : RunOver)(
        "cluster",
        `${run}: this run has no running coordinator`,
        {
          hint:
            step > 0
              ? `It was ${ending === undefined ? "interrupted" : "stopped"} after step ${step}: continue with \`coxswain train --resume\` or \`coxswain coordinator --resume\`.`
              : "Start it with `coxswain train` or `coxswain coordinator`.",
        },
      );
  }
}
