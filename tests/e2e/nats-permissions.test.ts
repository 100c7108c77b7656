/**
 * The table "Who may do what" of docs/nats.md, on a real server whose users may do what their rows say and nothing else.
 * What a user loses if this fails: permissions that are enough for the work, and do not let anybody do another's.
 */
import type { Subscription } from "nats";
import { beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { parseRun } from "../../src/config/index.js";
import type { RunControl } from "../../src/control/index.js";
import { connectNatsRun, CoordinatorFinder, NatsReporter, RunQueue, submitRun } from "../../src/nats/index.js";
import type { RunReporter, Submission } from "../../src/nats/index.js";
import { ensureConsumer, ensureCoordinators, ensureEventStream, ensureQueueStream } from "../../src/nats/streams.js";
import { createLogger } from "../../src/telemetry/index.js";
import { runStatus } from "../support/live-run.js";
import { authorization, rolesOf } from "../support/nats-roles.js";
import { NatsServer, skippedWithoutNats, storedEvents } from "../support/nats-server.js";

const name = "mine";
const roles = rolesOf(name);
/** The same people, once everything is there that somebody has to make. */
const later = roles.map((role) => ({
  ...role,
  name: `${role.name}, later`,
  publish: role.publish.filter((subject) => !subject.includes(".CREATE.")),
}));
/** A coordinator whose administrator forgot something. */
const deaf = { ...roles[0]!, name: "a deaf coordinator", subscribe: ["_INBOX.>"] };
const address = { host: "127.0.0.1", port: 7070 };
const submission = (): Submission => ({
  id: crypto.randomUUID(),
  run: name,
  submitted_at: new Date().toISOString(),
  submitted_by: "ann@test",
  settings: "model: /m",
});

/** A run that does what it is asked. */
function obedientRun(): RunControl {
  let status = runStatus();
  const become = (state: "training" | "paused" | "stopped") => Promise.resolve((status = { ...status, state }));
  return {
    status: () => status,
    watch: () => () => undefined,
    pause: () => become("paused"),
    resume: () => become("training"),
    stop: () => become("stopped"),
    checkpoint: () => Promise.resolve({ step: 0, path: "/c" }),
  };
}

describe.skipIf(skippedWithoutNats !== "")(`permissions on a NATS server${skippedWithoutNats}`, () => {
  let server: NatsServer;
  const start = async (): Promise<void> => {
    server = await NatsServer.start({ configuration: authorization([...roles, ...later, deaf]) });
  };

  /** How somebody connects. */
  const as = (user: string) => ({
    ...{ url: server.url, user, password: user },
    ...{ credentials: null, nkey: null, token: null, tls: null },
  });

  /** A coordinator that leads. @param note is told what does not work */
  function lead(user: string, note: (text: string) => void): RunReporter {
    const reporter = new NatsReporter({
      settings: { ...as(user), run: name, advertise: null },
      config: parseRun(
        `model: /m\noutput_dir: /out\ndata: { train: /d }\ntelemetry: { nats: { url: "${server.url}", run: ${name} } }`,
        "run.yaml",
      ),
      runId: crypto.randomUUID(),
      onConnected: () => undefined,
      onDropped: () => undefined,
      logger: createLogger({ name: "test", level: "silent" }).logger,
      note,
    });
    reporter.lead(obedientRun(), address);
    return reporter;
  }

  /** Subjects that somebody hears, behind those of the run's events. */
  async function* heard(events: Subscription): AsyncGenerator<string, void, undefined> {
    for await (const { subject } of events) yield subject.replace(`coxswain.${name}.events.`, "");
  }

  /** As whoever runs the server may do beforehand. */
  async function makeEverything(): Promise<void> {
    const admin = await server.connect({ user: "admin", pass: "admin" });
    await ensureEventStream(admin);
    await ensureConsumer(await ensureQueueStream(admin));
    await ensureCoordinators(admin);
    await admin.close();
  }

  describe.each([
    ["on an empty server", ""],
    ["without CREATE, when streams and buckets exist", ", later"],
  ])("are enough, %s:", (_, when) => {
    beforeEach(async () => {
      await start();
      if (when !== "") await makeEverything();
    });

    it.each(["a run's coordinator", "a server"])(
      "%s publishes events, is found and controlled, until it ends",
      async (leader) => {
        const ear = await server.connect({ user: `who listens${when}`, pass: `who listens${when}` });
        const events = heard(ear.subscribe(`coxswain.${name}.events.>`));
        await ear.flush();
        const troubles: string[] = [];
        const reporter = lead(`${leader}${when}`, (text) => troubles.push(text));
        reporter.event({ event: "run_started", time: new Date().toISOString() });
        expect((await events.next()).value).toBe("started");

        const steering = await connectNatsRun({ settings: as(`who steers${when}`), run: name, caller: "ann@test" });
        expect((await steering.status()).state).toBe("training");
        expect((await steering.pause()).state).toBe("paused");
        for await (const { state } of steering.watch()) if (state === "paused") break;
        expect(await steering.checkpoint(5_000)).toEqual({ step: 0, path: "/c" });
        steering.close();

        const finder = await CoordinatorFinder.open(name, as(`a worker${when}`));
        await vi.waitFor(async () => expect(await finder.locate()).toEqual(address), { timeout: 60_000 });
        await finder.close();
        reporter.event({ event: "run_finished", time: new Date().toISOString() });
        await reporter.close();
        expect((await events.next()).value).toBe("finished");
        await ear.close();
        expect(troubles).toEqual([]);
        const after = await CoordinatorFinder.open(name, as(`a worker${when}`));
        await expect(after.locate()).rejects.toThrow(`no coordinator announces the run ${name}`);
        await after.close();
      },
    );

    it("a submitter fills the queue, and a server takes, gives back and finishes a run", async () => {
      const admin = await server.connect({ user: "admin", pass: "admin" });
      const sent = submission();
      await submitRun(as(`who submits${when}`), sent);
      const leaving = new AbortController();
      const troubles: string[] = [];
      const queue = await RunQueue.open(as(`a server${when}`), leaving.signal, ({ message }) => troubles.push(message));
      const taken = await queue.next();
      expect(taken?.payload).toBe(JSON.stringify(sent));
      queue.announce(name, "taken", sent.id, {});
      await taken?.giveBack(0);
      const again = await queue.next();
      expect(again?.payload).toBe(taken?.payload);
      await again?.finish();
      leaving.abort();
      await queue.close();
      expect(troubles).toEqual([]);
      const told = (await storedEvents(admin, name)).map(({ subject }) => subject);
      expect(told).toEqual(["submitted", "taken"].map((event) => `coxswain.${name}.events.queue.${event}`));
      const { state } = await (await admin.jetstreamManager()).streams.info("coxswain_queue");
      expect(state.messages).toBe(0);
      await admin.close();
    });
  });

  describe("refuse the work of another role:", () => {
    beforeAll(start);

    /** Each fails where it is not allowed. */
    const works = {
      tell: async (user: string) => {
        const client = await server.connect({ user, pass: user });
        await client
          .jetstream()
          .publish(`coxswain.${name}.events.finished`)
          .finally(() => client.close());
      },
      lead: async (user: string) => {
        const trouble = await new Promise<string>((resolve) => {
          const reporter = lead(user, (text) => void reporter.close().then(() => resolve(text)));
        });
        throw new Error(trouble);
      },
      find: async (user: string) => {
        await (await CoordinatorFinder.open(name, as(user))).close();
      },
      steer: async (user: string) => {
        const steering = await connectNatsRun({ settings: as(user), run: name, caller: "mallory@test" });
        await steering.stop().finally(() => steering.close());
      },
      submit: (user: string) => submitRun(as(user), submission()),
      serve: async (user: string) => {
        await (await RunQueue.open(as(user), AbortSignal.abort(), () => undefined)).close();
      },
    };
    const own: Readonly<Record<string, readonly string[]>> = {
      "a run's coordinator": ["tell", "lead", "find"],
      "a worker": ["find"],
      "who steers": ["steer"],
      "who submits": ["submit"],
      "a server": ["tell", "lead", "find", "serve"],
      "who listens": [],
    };

    it("the table covers every role", () => {
      expect(roles.map((role) => role.name)).toEqual(Object.keys(own));
    });

    it.each(
      Object.entries(own).map(([role, allowed]) => [
        role,
        Object.keys(works).filter((work) => !allowed.includes(work)),
      ]),
    )("%s may not %s", async (role, forbidden) => {
      for (const work of forbidden as (keyof typeof works)[])
        await expect(works[work](role), work).rejects.toThrow(
          /[Pp]ermissions [Vv]iolation|do not allow it to (publish on|subscribe to) /,
        );
    });

    it("a coordinator without control permissions reports that and continues", async () => {
      const trouble = await new Promise<string>((resolve) => {
        const reporter = lead(deaf.name, (text) => void reporter.close().then(() => resolve(text)));
      });
      expect(trouble).toBe(
        `warning: NATS: the run cannot be controlled by the name ${name}: these credentials do not allow it to subscribe to ` +
          `coxswain.${name}.control.*; the run continues without it. docs/nats.md lists the subjects that each role needs.`,
      );
    });

    it("a coordinator publishes only for its own run", async () => {
      const user = "a run's coordinator";
      const client = await server.connect({ user, pass: user });
      for (const subject of ["coxswain.other.events.finished", "$KV.coxswain_coordinators.other"])
        await expect(client.jetstream().publish(subject)).rejects.toThrow(/permissions violation/i);
      await client.close();
    });
  });
});
