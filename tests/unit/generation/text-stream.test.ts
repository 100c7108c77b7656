import { describe, expect, it } from "vitest";
import { TextStream } from "../../../src/generation/text-stream.js";
import { tinyText } from "./support.js";

/** The pieces, what came at the end, and the tokens that they came from. */
async function streamed(text: string): Promise<{ pieces: string[]; rest: string; ids: Int32Array }> {
  const { tokenizer } = await tinyText();
  const { ids } = await tokenizer.encode(text);
  const stream = new TextStream(tokenizer);
  const pieces: string[] = [];
  for (const id of ids) pieces.push(await stream.push(id));
  return { pieces, rest: await stream.finish(), ids };
}

/** As a SentencePiece tokenizer decodes: a word begins with a space, but the first one's is taken away. */
const spaced = {
  decode: (ids: ArrayLike<number>) =>
    Promise.resolve(
      Array.from(ids, (id) => ["", " the", " cat", "s", " sat"][id])
        .join("")
        .replace(/^ /, ""),
    ),
};

describe("streamed text", () => {
  it.each([
    "good morning 🙂 and 👩‍👩‍👧‍👦!",
    "Grüße aus 日本",
    "🙂",
    '{"tool":"set_light","room":"attic"}',
    "two\n\nlines  and   spaces",
  ])("is the whole text, without partial characters: %s", async (text) => {
    const { pieces, rest, ids } = await streamed(text);
    expect(pieces.join("")).toBe(text);
    expect(rest).toBe("");
    expect(pieces.filter((piece) => piece.includes("\ufffd"))).toEqual([]);
    expect(ids.length).toBe(pieces.length);
  });

  it("withholds an emoji until its last byte", async () => {
    const { pieces } = await streamed("a🙂b");
    const waiting = pieces.filter((piece) => piece === "").length;
    expect(waiting).toBeGreaterThan(0);
    expect(pieces.filter((piece) => piece !== "")).toEqual(["a", "🙂", "b"]);
  });

  it("is emitted as soon as it is certain", async () => {
    const { pieces } = await streamed("dance music in the garage");
    expect(pieces.every((piece) => piece !== "")).toBe(true);
  });

  it("shows text that ends in the middle of a character", async () => {
    const { tokenizer } = await tinyText();
    const { ids } = await tokenizer.encode("ok 🙂");
    const stream = new TextStream(tokenizer);
    let text = "";
    for (const id of ids.subarray(0, -1)) text += await stream.push(id);
    expect(text.trimEnd()).toBe("ok");
    text += await stream.finish();
    expect(text).toMatch(/^ok \ufffd+$/);
  });

  it("continues after bytes that are not a character", async () => {
    const { tokenizer } = await tinyText();
    const [half] = (await tokenizer.encode("🙂")).ids;
    const stream = new TextStream(tokenizer);
    expect(await stream.push(half!)).toBe("");
    const [letter] = (await tokenizer.encode("a")).ids;
    expect(await stream.push(letter!)).toBe("\ufffda");
  });

  it("keeps spaces with tokenizers that strip the first one", async () => {
    const stream = new TextStream(spaced);
    const pieces = [];
    for (const id of [1, 2, 3, 4]) pieces.push(await stream.push(id));
    expect(pieces).toEqual(["the", " cat", "s", " sat"]);
  });

  it("omits special tokens", async () => {
    const { tokenizer } = await tinyText();
    const { ids } = await tokenizer.encode("yes<|im_end|>no");
    const stream = new TextStream(tokenizer);
    let text = "";
    for (const id of ids) text += await stream.push(id);
    expect(text + (await stream.finish())).toBe("yesno");
  });
});
