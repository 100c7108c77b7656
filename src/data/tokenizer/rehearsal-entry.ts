/** What the process of a rehearsal runs: tokenises what it is given, and says that it has. */
import type { RehearsalReply, RehearsalRequest, RehearsalStart } from "./rehearsal.js";
import { openNative, type NativeTokenizers } from "./native-tokenizer.js";

let natives: NativeTokenizers | undefined;
const reply = (message: RehearsalReply): void => {
  process.send?.(message);
};

async function rehearse(request: RehearsalStart | RehearsalRequest): Promise<void> {
  if ("definition" in request) {
    natives = openNative(request.folder, request.definition);
    reply({ done: request.id });
    return;
  }
  for (const text of request.texts ?? []) {
    await natives?.encoder.encode(text, null, { addSpecialTokens: request.flag });
    reply({ at: request.id });
  }
  if (request.ids !== undefined) await natives?.decoder.decode([...request.ids], request.flag);
  reply({ done: request.id });
}

process.on("message", (request: RehearsalStart | RehearsalRequest) => {
  // An error is not a risk: it comes again, with its message, where the tokenizer is used.
  rehearse(request).catch(() => reply({ done: request.id }));
});
process.on("disconnect", () => process.exit());
