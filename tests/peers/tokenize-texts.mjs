// Tokenises texts with this program (built: dist/). Reads {"folder", "texts"} line by line from standard input; writes,
// for each, what check-tokenizers.py compares.
import { createInterface } from "node:readline";
import { openTokenizer } from "../../dist/data/index.js";

/** UTF-16 indices to code points, in which Python counts. */
const codePoints = (text, offsets) => Array.from(offsets, (at) => Array.from(text.slice(0, at)).length);

for await (const line of createInterface({ input: process.stdin })) {
  const { folder, texts } = JSON.parse(line);
  let result;
  try {
    const tokenizer = await openTokenizer(folder);
    const encoded = await tokenizer.encodeBatch(texts);
    const plain = await tokenizer.encodeBatch(texts, { addSpecialTokens: false });
    result = {
      named: tokenizer.specialTokens,
      size: tokenizer.vocabSize,
      ids: encoded.map(({ ids }) => Array.from(ids)),
      plain: plain.map(({ ids }) => Array.from(ids)),
      offsets: plain.map((tokens, index) => codePoints(texts[index], tokens.offsets())),
      decoded: await Promise.all(plain.map(({ ids }) => tokenizer.decode(ids))),
      spoken: await Promise.all(plain.map(({ ids }) => tokenizer.decode(ids, { skipSpecialTokens: true }))),
    };
  } catch (error) {
    result = { error: String(error?.stack ?? error) };
  }
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
