/** These tests protect: `docker compose -f deploy/compose.yaml up` works. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { createProgram } from "../../../src/cli/program.js";
import { readCompose } from "../../support/containers/compose.js";
import { projectFolder } from "../../support/processes.js";

const read = (path: string): string => readFileSync(join(projectFolder, path), "utf8");
const { document, services, volumes } = readCompose({ COXSWAIN_TOKEN: "a-secret" });

describe("deploy/compose.yaml", () => {
  const validate = new Ajv2020({ strict: false, validateFormats: false }).compile(
    JSON.parse(read("tests/schemas/compose-spec.json")) as object,
  );

  it("is valid according to the Compose Specification", () => {
    expect(validate(document), JSON.stringify(validate.errors)).toBe(true);
    // And the schema would know.
    expect(validate({ services: { worker: { comand: [] } } })).toBe(false);
  });

  it("requires a token instead of a well-known default", () => {
    expect(() => readCompose({})).toThrow("COXSWAIN_TOKEN is not set");
  });

  it("contains all services", () => {
    expect([...services.keys()]).toEqual(["coordinator", "worker", "nats", "prometheus", "grafana"]);
    expect(services.get("worker")!.replicas).toBe(2);
  });

  it("mounts existing files and declared volumes", () => {
    const mounts = [...services.values()].flatMap((service) => service.mounts);
    expect(mounts.length).toBeGreaterThan(8);
    for (const { source } of mounts)
      expect(source.startsWith("/") ? existsSync(source) : volumes.includes(source), source).toBe(true);
  });

  it("writes only to volumes, publishes ports only on loopback, and pins images", () => {
    for (const [name, { readOnly, ports, image }] of services) {
      expect(readOnly, name).toBe(true);
      for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
      expect(image).toMatch(/:[\w.-]*\d/);
    }
  });

  it.each(["coordinator", "worker"])("%s gets valid options", (name) => {
    const [command, ...words] = services.get(name)!.command;
    const known = createProgram().commands.find((each) => each.name() === command)!;
    for (const flag of words.filter((word) => word.startsWith("--")).map((word) => word.split("=", 1)[0]))
      expect(
        known.options.some(({ long }) => long === flag),
        flag,
      ).toBe(true);
  });
});

describe("the monitoring services", () => {
  const config = parse(read("deploy/prometheus/prometheus.yaml")) as {
    scrape_configs: {
      static_configs?: { targets: string[] }[];
      dns_sd_configs?: { names: string[]; port: number }[];
    }[];
  };
  const scraped = config.scrape_configs.flatMap(({ static_configs: fixed = [], dns_sd_configs: found = [] }) => [
    ...fixed.flatMap(({ targets }) => targets),
    ...found.flatMap(({ names, port }) => names.map((name) => `${name}:${port}`)),
  ]);
  const optionOf = (service: string, pattern: RegExp): string =>
    services
      .get(service)!
      .command.map((word) => pattern.exec(word)?.[1])
      .find((found) => found !== undefined)!;

  it("Prometheus scrapes coordinator and workers at their addresses", () => {
    const served = [
      `coordinator:${optionOf("coordinator", /telemetry\.http=0\.0\.0\.0:(\d+)/)}`,
      `worker:${optionOf("worker", /--http=0\.0\.0\.0:(\d+)/)}`,
    ];
    expect(scraped).toEqual(served);
  });

  it("Prometheus and Grafana find their files where they are mounted", () => {
    const mounted = (service: string, path: string): boolean =>
      services.get(service)!.mounts.some(({ target }) => path === target || path.startsWith(`${target}/`));
    expect(mounted("prometheus", optionOf("prometheus", /--config\.file=(.*)/))).toBe(true);
    const providers = parse(read("deploy/grafana/provisioning/dashboards/coxswain.yaml")) as {
      providers: { options: { path: string } }[];
    };
    for (const { options } of providers.providers) expect(mounted("grafana", options.path), options.path).toBe(true);
    expect(mounted("grafana", "/etc/grafana/provisioning/datasources")).toBe(true);
  });

  it("Grafana uses the Prometheus service", () => {
    const { datasources } = parse(read("deploy/grafana/provisioning/datasources/prometheus.yaml")) as {
      datasources: { url: string }[];
    };
    const { hostname } = new URL(datasources[0]!.url);
    expect(services.has(hostname)).toBe(true);
  });
});
