/** These tests protect: when steps were committed, and which of them had to be done again. */
import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { CommitWatch } from "../../../src/chaos/commits.js";

let folder: string;
let path: string;
let seen: number[];
let watch: CommitWatch;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "coxswain-commits-"));
  path = join(folder, "metrics.jsonl");
  seen = [];
  watch = new CommitWatch(path, (step) => seen.push(step));
});

afterEach(() => {
  watch.close();
  rmSync(folder, { recursive: true });
});

const lines = (...steps: number[]): string => steps.map((step) => `{"step":${step},"loss":1}\n`).join("");
const replace = (text: string): void => {
  writeFileSync(`${path}.aside`, text);
  renameSync(`${path}.aside`, path);
};

it("reports each step once, and no evaluations", () => {
  watch.look();
  appendFileSync(path, lines(1, 2));
  watch.look();
  appendFileSync(path, `{"step":2,"eval_loss":1}\n${lines(3)}`);
  watch.look();
  watch.look();
  expect(seen).toEqual([1, 2, 3]);
});

it("waits for complete lines", () => {
  appendFileSync(path, `${lines(1)}{"step":2,`);
  watch.look();
  expect(seen).toEqual([1]);
  appendFileSync(path, `"loss":1}\n`);
  watch.look();
  expect(seen).toEqual([1, 2]);
});

it("recognises steps in a rewritten file as the same steps", () => {
  appendFileSync(path, lines(1, 2, 3));
  watch.look();
  replace(lines(1, 2, 3));
  watch.look();
  appendFileSync(path, lines(4));
  watch.look();
  expect(seen).toEqual([1, 2, 3, 4]);
});

it("reports rewound steps again", () => {
  appendFileSync(path, lines(1, 2, 3));
  watch.look();
  replace(lines(1));
  watch.look();
  appendFileSync(path, lines(2, 3));
  watch.look();
  expect(seen).toEqual([1, 2, 3, 2, 3]);
});
