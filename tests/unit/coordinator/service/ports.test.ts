import { describe, expect, it } from "vitest";
import { formatAddress } from "../../../../src/config/index.js";
import { portsTried, takePort } from "../../../../src/coordinator/service/ports.js";
import { CoxswainError } from "../../../../src/errors.js";

interface Machine {
  /** Who listens on which port. */
  readonly taken?: Readonly<Record<number, string>>;
  readonly isDefault?: boolean;
  readonly before?: number;
}

/** Takes port 7070 or one near it. @returns the port, and what was said */
async function take({ taken = {}, isDefault = true, before }: Machine): Promise<{ port: number; notes: string[] }> {
  const notes: string[] = [];
  const port = await takePort({
    wanted: { host: "127.0.0.1", port: 7070 },
    isDefault,
    before,
    open: ({ port: asked }) =>
      taken[asked] === undefined
        ? Promise.resolve(asked)
        : Promise.reject(
            new CoxswainError("network", `port ${asked} is in use`, {
              cause: Object.assign(new Error("taken"), { code: "EADDRINUSE" }),
            }),
          ),
    occupant: (address) => {
      const who = taken[address.port] ?? "";
      return Promise.resolve(who === "ours" ? `a run at ${formatAddress(address)}` : undefined);
    },
    note: (text) => notes.push(text),
  });
  return { port, notes };
}

const range = (from: number, count: number, who: string): Record<number, string> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [from + index, who]));

describe("a second run on a machine", () => {
  it("uses the default port if it is free, and prints nothing", async () => {
    expect(await take({})).toEqual({ port: 7070, notes: [] });
  });

  it("uses the next free port next to another run, skipping other programs, and reports it", async () => {
    const { port, notes } = await take({ taken: { 7070: "ours", 7071: "ours", 7072: "a web server" } });
    expect(port).toBe(7073);
    expect(notes).toEqual(["127.0.0.1:7070 is taken by a run at 127.0.0.1:7070; this run takes 127.0.0.1:7073"]);
  });

  it("uses its previous port, so that its workers find it", async () => {
    expect((await take({ before: 7075 })).port).toBe(7075);
    expect((await take({ before: 7075, taken: { 7075: "ours" } })).port).toBe(7070);
    expect((await take({ before: 9999 })).port).toBe(7070);
  });

  it.each([
    ["another program's", { taken: { 7070: "a web server" } }],
    ["chosen by its user", { isDefault: false, taken: { 7070: "ours" } }],
    ["beyond the range of ports to try", { taken: range(7070, portsTried, "ours") }],
  ])("is refused a port that is %s", async (_, machine) => {
    await expect(take(machine)).rejects.toThrow("port 7070 is in use");
  });
});
