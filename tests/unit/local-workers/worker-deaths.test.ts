/** What a user loses if these fail: a night in which workers die and are started again, and no step is made. */
import { describe, expect, it } from "vitest";
import { givenUp, howOf, judgeDeath, type Death, type GivenUp } from "../../../src/local-workers/worker-deaths.js";

const killed = (step: number): Death => ({ step, code: null, signal: "SIGKILL" });

function judge(...deaths: readonly Death[]): string[] {
  let before: readonly Death[] = [];
  return deaths.map((death) => {
    const judgement = judgeDeath(before, death);
    before = judgement.deaths;
    return judgement.verdict;
  });
}

describe("a worker that dies", () => {
  it("is given up after three deaths without a step in between", () => {
    expect(judge(killed(0), killed(0), killed(0))).toEqual(["start another", "start another", "give up"]);
  });

  it("is restarted while steps are made", () => {
    const deaths = [0, 0, 1, 1, 2, 2, 3, 3, 4].map(killed);
    expect(judge(...deaths)).toEqual(deaths.map(() => "start another"));
  });

  it("is counted whatever the cause", () => {
    const deaths: Death[] = [killed(5), { step: 5, code: 1, signal: null }, { step: 5, code: 5, signal: null }];
    expect(judge(...deaths).at(-1)).toBe("give up");
  });

  it.each([2, 3, 4, 6])("is given up if the error would recur (exit code %i)", (code) => {
    expect(judge({ step: 0, code, signal: null })).toEqual(["give up"]);
  });

  it("is counted even if it cannot be started", () => {
    const death: Death = { step: 0, code: null, signal: null, error: "spawn EAGAIN" };
    expect(judge(death, death, death).at(-1)).toBe("give up");
    expect(howOf(death)).toBe("spawn EAGAIN");
  });
});

describe("the run ends with an error", () => {
  const memory = {
    kills: { cgroup: 3, machine: 3 },
    limit: 4e9,
    used: 1e9,
    total: 16e9,
    free: 1e9,
    peak: 3.9e9,
    kernel: undefined,
  };
  const given: GivenUp = {
    index: 1,
    deaths: [killed(7), killed(7), killed(7)],
    memory,
    words: undefined,
    log: "out/logs/worker-1.log",
    run: { microBatchSize: 8, maxLength: 1024, workers: 4 },
  };

  it("that reports memory figures, and how to use less", () => {
    const { code, message, hint } = givenUp(given);
    expect(code).toBe("cluster");
    expect(message).toMatch(
      /^local worker 1 died 3 times without a step in between \(SIGKILL\): the kernel killed it because memory ran out; .*4\.0 GB/,
    );
    expect(hint).toBe(
      "If memory is short, try --workers 2 with --resume, which keeps the result, or training.micro_batch_size: 4 " +
        "in a new run; `coxswain doctor` with the run file reports how much memory it needs. Its log: out/logs/worker-1.log",
    );
  });

  it("that suggests shorter rows if a shard has only one row", () => {
    const { hint } = givenUp({ ...given, run: { microBatchSize: 1, maxLength: 512, workers: 1 } });
    expect(hint).toMatch(/^If memory is short, try a data.max_length below 512 in a new run; /);
  });

  it("that does not mention memory if the worker exited by itself", () => {
    const deaths: Death[] = [{ step: 0, code: 1, signal: null }];
    const { message, hint } = givenUp({ ...given, deaths: [...deaths, ...deaths, ...deaths] });
    expect(message).toBe("local worker 1 died 3 times without a step in between (exit code 1)");
    expect(hint).toBe("Its log may explain why: out/logs/worker-1.log");
  });

  it("that names the cause of a crash", () => {
    const deaths: Death[] = [{ step: 0, code: null, signal: "SIGSEGV" }];
    expect(givenUp({ ...given, deaths }).message).toContain("(SIGSEGV)");
  });

  it("that refers to the worker's log", () => {
    const { message, hint } = givenUp({ ...given, deaths: [{ step: 0, code: 4, signal: null }] });
    expect([message, hint]).toEqual([
      "local worker 1 cannot run (exit code 4)",
      "Its log explains why: out/logs/worker-1.log",
    ]);
  });

  it.each([
    [2, "config"],
    [3, "data"],
    [4, "model"],
    [5, "cluster"],
    [6, "storage"],
    [7, "machine"],
    [1, "cluster"],
  ])(
    "of the worker's kind, so that scripts and `serve` can tell a full disk from a network error (exit code %i)",
    (code, kind) => {
      expect(givenUp({ ...given, deaths: [{ step: 0, code, signal: null }] }).code).toBe(kind);
    },
  );

  it("that says to free disk space if the disk is too full for the log", () => {
    const { message, hint } = givenUp({ ...given, deaths: [{ step: 0, code: 6, signal: null }] });
    expect(message).toBe("local worker 1 cannot run (exit code 6): it cannot write its log or another file");
    expect(hint).toBe("Free some space on the disk of out/logs/worker-1.log, or choose another output_dir.");
  });

  it("that quotes the worker's error and its hint", () => {
    const death: Death = { step: 0, code: 5, signal: null };
    const words = { error: "no connection", hint: "Start it." };
    const { message, hint } = givenUp({ ...given, deaths: [death, death, death], words });
    expect(message).toBe("local worker 1 died 3 times without a step in between (exit code 5): no connection");
    expect(hint).toBe("Start it. Its log: out/logs/worker-1.log");
  });
});
