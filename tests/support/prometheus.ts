/** The Prometheus that `scripts/install-prometheus.mjs` fetches, as a process of a test's own. */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess, SpawnSyncReturns } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { vi } from "vitest";
import { stringify } from "yaml";
import { freePort } from "../../src/chaos/ports.js";

const folder = join(homedir(), ".cache", "coxswain", "prometheus");

export const havePrometheus = existsSync(join(folder, "about.json"));
/** For the names of skipped tests. */
export const needsPrometheus = "skipped without Prometheus: node scripts/install-prometheus.mjs";

export const promtool = (args: readonly string[], cwd: string): SpawnSyncReturns<string> =>
  spawnSync(join(folder, "promtool"), args, { cwd, encoding: "utf8" });

export interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Rule {
  readonly name: string;
  /** "ok", "err", "unknown" before it was evaluated. */
  readonly health: string;
  readonly lastError?: string;
  readonly state: string;
}

export class Prometheus {
  readonly #child: ChildProcess;
  readonly #address: string;

  private constructor(child: ChildProcess, address: string) {
    this.#child = child;
    this.#address = address;
  }

  /**
   * Starts one that scrapes twice a second; resolves when it answers.
   * @param options.folder where it may write
   * @param options.jobs addresses by the name of their job
   * @param options.ruleFiles absolute
   */
  static async start(options: {
    readonly folder: string;
    readonly jobs: Readonly<Record<string, readonly string[]>>;
    readonly ruleFiles: readonly string[];
  }): Promise<Prometheus> {
    const configuration = join(options.folder, "prometheus.yml");
    const interval = "500ms";
    writeFileSync(
      configuration,
      stringify({
        global: { scrape_interval: interval, scrape_timeout: interval, evaluation_interval: interval },
        rule_files: options.ruleFiles,
        scrape_configs: Object.entries(options.jobs).map(([job, targets]) => ({
          job_name: job,
          static_configs: [{ targets }],
        })),
      }),
    );
    const address = `127.0.0.1:${await freePort(["127.0.0.1"])}`;
    const child = spawn(
      join(folder, "prometheus"),
      [
        `--config.file=${configuration}`,
        `--storage.tsdb.path=${join(options.folder, "prometheus")}`,
        `--web.listen-address=${address}`,
        "--log.level=warn",
      ],
      { stdio: ["ignore", "inherit", "inherit"] },
    );
    const server = new Prometheus(child, address);
    await vi.waitFor(async () => {
      const { ok } = await fetch(`http://${address}/-/ready`);
      if (!ok) throw new Error("Prometheus is not ready");
    }, 30_000);
    return server;
  }

  /** What an instant query gives now; NaN is no value. */
  async query(expression: string): Promise<Sample[]> {
    const { result } = (await this.#get("query", { query: expression })) as {
      result: { metric: Record<string, string>; value: [number, string] }[];
    };
    return result
      .map(({ metric, value: [, value] }) => ({ metric, value: Number(value) }))
      .filter(({ value }) => !Number.isNaN(value));
  }

  async rules(): Promise<Rule[]> {
    const { groups } = (await this.#get("rules", {})) as { groups: { rules: Rule[] }[] };
    return groups.flatMap(({ rules }) => rules);
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await ended;
  }

  async #get(what: string, parameters: Record<string, string>): Promise<unknown> {
    const response = await fetch(`http://${this.#address}/api/v1/${what}?${String(new URLSearchParams(parameters))}`);
    const answer = (await response.json()) as { status: string; data: unknown; error?: string };
    if (answer.status !== "success") throw new Error(`${JSON.stringify(parameters)}: ${answer.error ?? "no reason"}`);
    return answer.data;
  }
}
