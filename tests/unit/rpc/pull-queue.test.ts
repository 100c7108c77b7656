/** The answers to pulls that share a stream: each goes where it belongs, whatever becomes of the others. */
import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { VectorAssembler, encodeChunk, vectorChunks } from "../../../src/collective/index.js";
import type { Chunk, VectorDtype } from "../../../src/collective/index.js";
import { CoxswainError } from "../../../src/errors.js";
import { ChunkReader } from "../../../src/rpc/direct.js";
import { PullQueue, PullRefused } from "../../../src/rpc/pull-queue.js";
import { bitsOf, gradientLike } from "../collective/reference.js";

/** Chunks of 16 bytes that answer a request. */
const answer = (pull: number, vector: Float32Array, dtype: VectorDtype = "float32"): Chunk[] =>
  [...vectorChunks(vector, dtype, 16)].map((chunk) => ({ ...chunk, pull }));

const refusal = (pull: number, text: string): Chunk => ({
  offset: 0,
  total: 0,
  crc32: 0,
  pull,
  payload: new Uint8Array(0),
  refusal: text,
});

/** What a pull came to: "given", or the message of why it was not. */
const outcome = (done: Promise<unknown>): Promise<string> =>
  done.then(
    () => "given",
    (error: unknown) => (error as Error).message,
  );

function framed(chunks: readonly Chunk[]): Buffer {
  return Buffer.concat(
    chunks.map(encodeChunk).map((message) => {
      const prefix = Buffer.alloc(5);
      prefix.writeUInt32BE(message.length, 1);
      return Buffer.concat([prefix, message]);
    }),
  );
}

const vectors = [1, 2, 3].map((seed) => gradientLike(10, seed));

/** Three pulls of ten elements each. */
function three(options: { readonly signal?: AbortSignal | undefined }[] = []) {
  const idle = vi.fn();
  const queue = new PullQueue(idle);
  const into = vectors.map(() => new Float32Array(10).fill(7));
  const pulls = into.map((vector, index) => queue.push(vector, "float32", options[index]));
  return { queue, idle, into, pulls, outcomes: pulls.map(({ done }) => outcome(done)) };
}

describe("answers arrive in the order of requests", () => {
  const cases = fc.record({
    pulls: fc.array(
      fc.record({
        length: fc.integer({ min: 1, max: 60 }),
        dtype: fc.constantFrom<VectorDtype>("float32", "bfloat16"),
        added: fc.boolean(),
        fate: fc.constantFrom("given", "given", "refused", "given up before", "given up within"),
      }),
      { minLength: 1, maxLength: 6 },
    ),
    cuts: fc.array(fc.nat({ max: 5000 }), { maxLength: 20 }),
  });

  it("whatever the boundaries of the reads, with refusals and cancelled pulls in between", async () => {
    await fc.assert(
      fc.asyncProperty(cases, async ({ pulls, cuts }) => {
        const queue = new PullQueue();
        const bytes: Buffer[] = [];
        const aborts: [at: number, abort: AbortController][] = [];
        let length = 0;
        const checks = pulls.map((pull, index) => {
          const vector = gradientLike(pull.length, index + 1);
          const addend = pull.added ? gradientLike(pull.length, index + 100) : undefined;
          const expected = new Float32Array(pull.length);
          const whole = new VectorAssembler(expected, pull.dtype, addend);
          for (const chunk of vectorChunks(vector, pull.dtype, 16)) whole.add(chunk);
          const into = new Float32Array(pull.length).fill(7);
          const abort = new AbortController();
          const { number, done } = queue.push(into, pull.dtype, { addend, signal: abort.signal });
          const mine = framed(
            pull.fate === "refused" ? [refusal(number, `no ${number}`)] : answer(number, vector, pull.dtype),
          );
          bytes.push(mine);
          if (pull.fate === "given up before") abort.abort(new Error("enough"));
          if (pull.fate === "given up within") aborts.push([length + Math.floor(mine.length / 2), abort]);
          length += mine.length;
          return async () => {
            const came = await outcome(done);
            if (pull.fate === "refused") expect(came).toBe(`no ${number}`);
            else if (pull.fate.startsWith("given up")) expect(came).toBe("enough");
            else {
              expect(came).toBe("given");
              expect(bitsOf(into)).toEqual(bitsOf(expected));
            }
            // Nothing is written before its turn, or to what is refused.
            if (pull.fate === "refused" || pull.fate === "given up before")
              expect(into.every((value) => value === 7)).toBe(true);
          };
        });
        const outcomes = checks.map((check) => check());
        const stream = Buffer.concat(bytes);
        const reader = new ChunkReader(queue);
        const places = [...cuts.map((cut) => cut % (length + 1)), ...aborts.map(([at]) => at), length];
        let from = 0;
        for (const to of places.sort((a, b) => a - b)) {
          reader.write(stream.subarray(from, to));
          from = to;
          for (const [at, abort] of aborts) if (at === to) abort.abort(new Error("enough"));
        }
        await Promise.all(outcomes);
        expect(queue.size).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  it("as whole messages too, and onIdle is called when no answer is pending", async () => {
    const { queue, idle, into, pulls, outcomes } = three();
    const [first, second, third] = pulls.map(({ number }) => number);
    for (const chunk of answer(first!, vectors[0]!)) queue.add(chunk);
    expect(queue.first).toMatchObject({ number: second, bytes: 40 });
    queue.add(refusal(second!, "it is gone"));
    for (const chunk of answer(third!, vectors[2]!)) {
      expect(idle).not.toHaveBeenCalled();
      queue.add(chunk);
    }
    expect(idle).toHaveBeenCalledOnce();
    expect(await Promise.all(outcomes)).toEqual(["given", "it is gone", "given"]);
    expect(into).toEqual([vectors[0], new Float32Array(10).fill(7), vectors[2]]);
    await expect(pulls[1]!.done).rejects.toBeInstanceOf(PullRefused);
  });
});

describe("a cancelled pull", () => {
  it.each([
    ["the first", 0],
    ["one in the middle", 1],
    ["the last", 2],
  ])("%s: releases its vector immediately, its answer is discarded, and the others complete", async (_, place) => {
    const abort = new AbortController();
    const { queue, into, pulls, outcomes } = three(vectors.map((_v, at) => (at === place ? abort : {})));
    const chunks = pulls.flatMap(({ number }, at) => answer(number, vectors[at]!));
    const before = place * 3 + 1;
    for (const chunk of chunks.slice(0, before)) queue.add(chunk);
    abort.abort(new Error("enough"));
    // As another use of the same memory would.
    into[place]!.fill(9);
    expect(await outcomes[place]).toBe("enough");
    expect(queue.size).toBe(3 - place);
    for (const chunk of chunks.slice(before)) queue.add(chunk);
    const expected = ["given", "given", "given"];
    expected[place] = "enough";
    expect(await Promise.all(outcomes)).toEqual(expected);
    expect(into).toEqual(vectors.map((vector, at) => (at === place ? new Float32Array(10).fill(9) : vector)));
  });

  it("leaves no listener behind, as any other pull", async () => {
    const signal = new AbortController().signal;
    const removed = vi.spyOn(signal, "removeEventListener");
    const { queue, pulls, outcomes } = three([{ signal }, { signal }, { signal }]);
    for (const chunk of answer(pulls[0]!.number, vectors[0]!)) queue.add(chunk);
    queue.add(refusal(pulls[1]!.number, "no"));
    queue.fail(new Error("it broke"));
    expect(await Promise.all(outcomes)).toEqual(["given", "no", "it broke"]);
    expect(removed).toHaveBeenCalledTimes(3);
  });
});

describe("anything that was not requested is an error, and ends all pending pulls", () => {
  const wrong: [string, (numbers: number[]) => Chunk[], string][] = [
    ["the answer to a later request", ([, second]) => answer(second!, vectors[1]!), "request 2 instead of 1"],
    ["no number", () => answer(0, vectors[0]!), "request 0 instead of 1"],
    ["a refusal of a later request", ([, second]) => [refusal(second!, "no")], "request 2 instead of 1"],
    [
      "a refusal in the middle of a vector",
      ([first]) => [...answer(first!, vectors[0]!).slice(0, 1), refusal(first!, "no")],
      "a refusal in the middle",
    ],
    ["a vector of a different size", ([first]) => answer(first!, new Float32Array(9)), "36 bytes were offered, 40"],
    ["a gap", ([first]) => answer(first!, vectors[0]!).slice(1), "received offset 16, expected 0"],
    ["damage", ([first]) => answer(first!, vectors[0]!).map((chunk) => ({ ...chunk, checksum: 1 })), "damaged"],
    [
      "a chunk too many",
      ([first, second, third]) => [
        ...answer(first!, vectors[0]!),
        ...answer(second!, vectors[1]!),
        ...answer(third!, vectors[2]!),
        ...answer(4, vectors[0]!),
      ],
      "something that was not requested: a chunk",
    ],
  ];

  it.each(wrong)("%s", async (_, chunksOf, message) => {
    const { queue, into, pulls, outcomes } = three();
    const numbers = pulls.map(({ number }) => number);
    const give = (): void => {
      for (const chunk of chunksOf(numbers)) queue.add(chunk);
    };
    expect(give).toThrow(message);
    queue.fail(new CoxswainError("network", "it was damaged"));
    const all = await Promise.all(outcomes);
    expect(new Set(all.filter((came) => came !== "given"))).toEqual(
      new Set(all.includes("it was damaged") ? ["it was damaged"] : []),
    );
    // Whatever still comes, nothing is written.
    into.forEach((vector) => vector.fill(9));
    for (const pull of [1, 2, 3, 4])
      for (const chunk of answer(pull, vectors[0]!)) expect(() => queue.add(chunk)).toThrow();
    expect(() => queue.take(new Uint8Array(4))).toThrow(CoxswainError);
    expect(into.every((vector) => vector.every((value) => value === 9))).toBe(true);
  });

  it("a pull with an addend of a different size sends no request", () => {
    const queue = new PullQueue();
    expect(() => queue.push(new Float32Array(2), "float32", { addend: new Float32Array(3) })).toThrow(CoxswainError);
    expect(queue.size).toBe(0);
  });
});
