/** What a user loses if these fail: an evening, before a run that waits for a worker that nobody starts. */
import { expect, it } from "vitest";
import { missingWorkers, type WorkersAsked } from "../../../../src/cli/train/missing-workers.js";

const asked: WorkersAsked = {
  started: 1,
  needed: 2,
  address: { host: "127.0.0.1", port: 7070 },
  host: "box",
  program: "npx coxswain",
  token: false,
  tls: false,
};

it("says how many workers are missing, and how they join", () => {
  expect(missingWorkers({ ...asked, address: { host: "10.0.0.7", port: 7070 } })).toBe(
    "1 of 2 workers start here; 1 more must join at 10.0.0.7:7070 (npx coxswain worker --coordinator 10.0.0.7:7070)",
  );
});

it("says that other machines cannot join a run that listens on loopback", () => {
  expect(missingWorkers(asked)?.split("\n")[1]).toBe(
    "127.0.0.1 can be reached only from this machine: to let others join, set cluster.listen to 0.0.0.0:PORT; " +
      "to train with the workers that start here, set cluster.min_workers to 1",
  );
  expect(missingWorkers({ ...asked, address: { host: "::1", port: 7 } })).toContain(
    "[::1]:7)\n::1 can be reached only from this machine",
  );
});

it("names this machine if the run listens on every interface", () => {
  expect(missingWorkers({ ...asked, address: { host: "0.0.0.0", port: 7070 } })).toContain("must join at box:7070 (");
  expect(missingWorkers({ ...asked, address: { host: "::", port: 7070 } })).toContain("must join at box:7070 (");
});

it("does not wait for the port to be known", () => {
  expect(missingWorkers({ ...asked, address: { host: "127.0.0.1", port: 0 } })).toBe(
    "1 of 2 workers start here; 1 more must join, at the address that is printed when the coordinator listens",
  );
});

it("says what else is needed to join", () => {
  expect(missingWorkers({ ...asked, token: true, tls: true, needed: 5, started: 2 })).toContain(
    "2 of 5 workers start here; 3 more must join at 127.0.0.1:7070 " +
      "(npx coxswain worker --coordinator 127.0.0.1:7070, with --tls-ca and the run's token in COXSWAIN_TOKEN)",
  );
});

it("says that a coordinator by itself starts none", () => {
  expect(missingWorkers({ ...asked, started: 0, needed: 1 })).toMatch(/^no workers start here; 1 must join at /);
});

it("is silent if enough workers start here", () => {
  expect(missingWorkers({ ...asked, started: 2 })).toBeUndefined();
  expect(missingWorkers({ ...asked, started: 4 })).toBeUndefined();
});
