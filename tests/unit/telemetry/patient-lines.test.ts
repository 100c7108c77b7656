/** These tests protect: a run of days, or a part of its record, because the disk was full for a while. */
import { readFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { CoxswainError } from "../../../src/errors.js";
import { JsonLinesFile } from "../../../src/telemetry/json-lines.js";
import { PatientLines } from "../../../src/telemetry/patient-lines.js";
import { errorOf } from "../../support/errors.js";
import { temporaryFolder } from "../model/helpers.js";

/** Lines on a disk that has room for so many bytes more; it takes what fits, as disks do. */
function smallDisk({ room, code = "ENOSPC" }: { room: number; code?: string }) {
  const path = join(temporaryFolder(), "metrics.jsonl");
  const disk = { room };
  const told: CoxswainError[] = [];
  const file = new JsonLinesFile(path, (descriptor, bytes, offset) => {
    const fitting = Math.min(disk.room, bytes.length - offset);
    if (fitting === 0) throw Object.assign(new Error(`${code}: no space`), { code });
    disk.room -= fitting;
    return writeSync(descriptor, bytes, offset, fitting);
  });
  const lines = new PatientLines(file, (error) => told.push(error));
  return { path, disk, told, lines, text: () => readFileSync(path, "utf8") };
}

const textOf = (...steps: number[]): string => steps.map((step) => `{"step":${step}}\n`).join("");

describe("lines for a disk that is full for a while", () => {
  it.each(["ENOSPC", "EDQUOT"])("are kept, and written in order before newer ones (%s)", (code) => {
    const { disk, lines, told, text } = smallDisk({ room: 11, code });
    lines.append({ step: 1 });
    expect(told).toEqual([]);
    lines.append({ step: 2 });
    lines.append({ step: 3 });
    expect(text()).toBe(textOf(1));
    expect(lines.waiting).toEqual([{ step: 2 }, { step: 3 }]);
    expect(told[0]?.message).toMatch(/metrics\.jsonl: the disk is full/);
    disk.room = 1000;
    lines.append({ step: 4 });
    expect(text()).toBe(textOf(1, 2, 3, 4));
    expect(lines.waiting).toEqual([]);
    lines.close();
  });

  it("never leave partial or duplicate lines when there is little space", () => {
    const { disk, lines, text } = smallDisk({ room: 16 });
    for (const step of [1, 2, 3]) lines.append({ step });
    expect(text()).toBe(textOf(1));
    disk.room = 15;
    expect(lines.catchUp()?.message).toMatch(/the disk is full/);
    expect(text()).toBe(textOf(1, 2));
    disk.room = 11;
    expect(lines.catchUp()).toBeUndefined();
    expect(text()).toBe(textOf(1, 2, 3));
    lines.close();
  });

  it("are bounded: after 10,000 the run ends", () => {
    const { lines } = smallDisk({ room: 0 });
    for (let step = 1; step <= 10_000; step++) lines.append({ step });
    expect(errorOf(() => lines.append({ step: 10_001 }))).toMatchObject({ code: "storage" });
    lines.close();
  });

  it("are not kept after other disk errors", () => {
    const { lines, told } = smallDisk({ room: 0, code: "EIO" });
    expect(errorOf(() => lines.append({ step: 1 })).message).toMatch(/cannot be written/);
    expect(told).toEqual([]);
    lines.close();
  });
});
