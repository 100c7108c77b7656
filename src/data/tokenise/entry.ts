/** What a tokenising thread runs. */
import { parentPort, workerData } from "node:worker_threads";
import { detach } from "../../async/index.js";
import { CoxswainError } from "../../errors.js";
import { packError } from "../../packed-error.js";
import { openTokenizer } from "../tokenizer.js";
import { openLineTokeniser } from "./tokenise-lines.js";
import type { Reply, Request, ThreadSettings } from "./messages.js";
import { packTokens, unpackLines } from "./packed-lines.js";

const port = parentPort;
if (port === null) throw new CoxswainError("bug", "the tokenising thread's entry point was run as a program");

const settings = workerData as ThreadSettings;
const opened = openTokenizer(settings.folder, { adapter: settings.adapter }).then((tokenizer) =>
  openLineTokeniser(tokenizer, settings),
);

async function answer(request: Request): Promise<void> {
  const tokenise = await opened;
  const tokens = packTokens(await tokenise(unpackLines(request)));
  port?.postMessage({ id: request.id, tokens } satisfies Reply, [tokens.ids.buffer, tokens.labels.buffer]);
}

port.on("message", (request: Request) => {
  detach(answer(request), (error) => port.postMessage({ id: request.id, error: packError(error) } satisfies Reply));
});
