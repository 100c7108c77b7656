/** Without these, whoever may publish on the queue executes runs in another's name. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { nkeys } from "nats";
import { describe, expect, it } from "vitest";
import { checkPublicKey, parseSubmission, requireSignature, sign, type Submission } from "../../../src/nats/index.js";
import { errorOf } from "../../support/errors.js";
import { temporaryFolder } from "../../support/processes.js";

interface NKey {
  getPublicKey(): string;
  getSeed(): Uint8Array;
}

const folder = temporaryFolder();
const newUser = (name: string): { readonly key: string; readonly seed: string } => {
  const user = (nkeys as { createUser(): NKey }).createUser();
  const seed = join(folder, name);
  writeFileSync(seed, Buffer.concat([user.getSeed(), Buffer.from("\n")]));
  return { key: user.getPublicKey(), seed };
};
const [ann, eve] = [newUser("ann"), newUser("eve")];
const submission: Submission = {
  id: "1",
  run: "r",
  submitted_at: "2026-01-01T10:00:00.000Z",
  submitted_by: "ann@laptop",
  settings: "model: m\n",
};

describe("a signed run", () => {
  it("is accepted as it was signed, also after its way through the queue", async () => {
    const signed = parseSubmission(JSON.stringify(await sign(submission, ann.seed)));
    expect(() => requireSignature(signed, [eve.key, ann.key])).not.toThrow();
  });

  it("is refused where any field was changed", async () => {
    const signed = await sign(submission, ann.seed);
    const changes: Partial<Submission>[] = [
      { id: "2" },
      { run: "s" },
      { submitted_at: "2027-01-01T10:00:00.000Z" },
      { submitted_by: "eve@laptop" },
      { settings: "model: evil\n" },
      { signature: "" },
      { signature: "AAAA" },
      { signature: Buffer.alloc(64).toString("base64") },
    ];
    for (const change of changes)
      expect(errorOf(() => requireSignature({ ...signed, ...change }, [ann.key])).message).toMatch(/does not match it/);
  });

  it("is refused with another's key, in another's name, and without a signature", async () => {
    const byEve = await sign(submission, eve.seed);
    expect(errorOf(() => requireSignature(byEve, [ann.key])).message).toMatch(/a key that this server does not accept/);
    const inAnnsName = { ...byEve, signer: ann.key };
    expect(errorOf(() => requireSignature(inAnnsName, [ann.key])).message).toMatch(/does not match it/);
    expect(errorOf(() => requireSignature(submission, [ann.key])).message).toMatch(/is not signed/);
    expect(errorOf(() => requireSignature(submission, [])).message).toMatch(/is not signed/);
  });

  it("is like any other where the server accepts everybody's", () => {
    expect(() => requireSignature(submission, null)).not.toThrow();
  });
});

it("names a file without a seed, and what is no public key of a user, without repeating a seed", async () => {
  const wrong = join(folder, "wrong");
  writeFileSync(wrong, "hello");
  await expect(sign(submission, wrong)).rejects.toThrow(`--sign: ${wrong} does not contain the seed of an NKey`);
  await expect(sign(submission, folder)).rejects.toThrow(/--sign: /);
  expect(checkPublicKey(ann.key)).toBe(ann.key);
  for (const key of ["", "U", "UABC", ann.key.toLowerCase(), `${ann.key}A`, "AAAA"])
    expect(errorOf(() => checkPublicKey(key)).message).toMatch(/is not the public key of an NKey/);
  const seed = readFileSync(ann.seed, "utf8").trim();
  expect(errorOf(() => checkPublicKey(seed)).message).not.toContain(seed);
});
