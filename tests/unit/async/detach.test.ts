import { expect, it } from "vitest";
import { detach } from "../../../src/async/detach.js";

it("keeps the process alive when a detached promise rejects", async () => {
  const failures: unknown[] = [];
  const cause = new Error("nobody waits for this");
  detach(Promise.reject(cause), (error) => failures.push(error));
  await new Promise((resolve) => setImmediate(resolve));
  expect(failures).toEqual([cause]);
});
