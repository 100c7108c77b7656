/** These tests protect: runs that are refused by name where they cannot work, and secrets that stay where they are. */
import { describe, expect, it } from "vitest";
import { parseRun, serializeRun } from "../../../src/config/index.js";
import { parseSubmission, readSubmission, refuseSecrets } from "../../../src/nats/submission.js";
import type { Submission } from "../../../src/nats/submission.js";
import { errorOf } from "../../support/errors.js";

const file = "model: /m\noutput_dir: /runs/out\ndata: { train: [/d/a.jsonl, /d/b.jsonl], eval: /d/e.jsonl }\n";
const submission = (text: string): Submission => ({
  id: "1",
  run: "r",
  submitted_at: "2026-01-01T10:00:00.000Z",
  submitted_by: "ann@laptop",
  settings: serializeRun(parseRun(text, "run.yaml")),
});
const read = (text: string, exists: (path: string) => boolean) =>
  readSubmission(submission(text), [], {}, exists, "node-7");

describe("a submitted run", () => {
  it("is unchanged, overridden by the serving machine's settings and token", () => {
    const environment = { COXSWAIN_TOKEN: "secret" };
    const config = readSubmission(submission(file), ["workers=4"], environment, () => true, "node-7");
    expect(config).toMatchObject({ model: "/m", output_dir: "/runs/out", workers: 4, cluster: { token: "secret" } });
  });

  it("is rejected with every key whose path is missing, and the machine's name", () => {
    const { message, code, hint } = errorOf(() => read(file, (path) => path === "/d/a.jsonl"));
    expect(message).toBe(
      "model: /m does not exist on node-7; data.train: /d/b.jsonl does not exist on node-7; data.eval: /d/e.jsonl does not exist on node-7",
    );
    expect(code).toBe("config");
    expect(hint).toMatch(/absolute paths on storage/);
  });

  it("may use a hub model, and an output folder that does not exist yet", () => {
    const hub = file.replace("/m", "owner/model");
    expect(read(hub, (path) => path.startsWith("/d/")).model).toBe("owner/model");
  });

  it("is rejected if a path is relative, as other programs may send it", () => {
    const error = errorOf(() => read(file.replace("/d/e.jsonl", "e.jsonl"), () => true));
    expect(error.message).toBe("data.eval: e.jsonl is relative, but to an unknown folder");
  });

  it.each([
    ["cluster: { token: hunter2 }", "cluster.token", "COXSWAIN_TOKEN"],
    [
      "telemetry: { nats: { url: 'nats://h', user: u, password: hunter2 } }",
      "telemetry.nats.password",
      "COXSWAIN_NATS_PASSWORD",
    ],
    ["telemetry: { nats: { url: 'nats://h', token: hunter2 } }", "telemetry.nats.token", "COXSWAIN_NATS_TOKEN"],
  ])("is not sent with %s", (section, key, variable) => {
    const { message, hint } = errorOf(() => refuseSecrets(parseRun(`${file}${section}\n`, "run.yaml")));
    expect(message).toBe(`${key}: a submitted run must not contain secrets`);
    expect(hint).toContain(variable);
    expect(`${message}${hint ?? ""}`).not.toContain("hunter2");
  });

  it("is sent if it contains no secrets", () => {
    expect(() => refuseSecrets(parseRun(file, "run.yaml"))).not.toThrow();
  });
});

it("reports a message that is not a submission", () => {
  const whole = submission(file);
  expect(parseSubmission(JSON.stringify(whole))).toEqual(whole);
  for (const text of ["", "{}", JSON.stringify({ ...whole, run: "a.b" }), JSON.stringify({ ...whole, settings: 7 })])
    expect(errorOf(() => parseSubmission(text)).message).toBe("a message in the queue is not a submitted run");
});
