import { expect, it } from "vitest";
import { detach } from "../../../src/async/detach.js";

it("a promise that nobody waits for does not end the process when it rejects", async () => {
  const failures: unknown[] = [];
  const cause = new Error("nobody waits for this");
  detach(Promise.reject(cause), (error) => failures.push(error));
  await new Promise((resolve) => setImmediate(resolve));
  expect(failures).toEqual([cause]);
});
