/** The work of `coxswain status`: once, or until the run ends; for people on a terminal, for logs, or as JSON. */
import type { RunStatus } from "../control/index.js";
import { coloursFor, supportsUnicode } from "./colour.js";
import { LiveBlock } from "./live-block.js";
import { withRun } from "./reach-run.js";
import { statusLine } from "./status-line.js";
import { statusTable } from "./status-table.js";
import type { StatusFlags } from "./status.js";

export async function showStatus(run: string | undefined, flags: StatusFlags): Promise<void> {
  await withRun(run, flags, async (remote) => {
    const { stdout } = process;
    const colours = coloursFor(stdout);
    const table = (status: RunStatus, rows?: number): readonly string[] =>
      statusTable(status, {
        // Not the last column: some terminals wrap as soon as it is filled. One of no size does not know it.
        width: stdout.isTTY ? (stdout.columns || 80) - 1 : Number.POSITIVE_INFINITY,
        rows: rows ?? Number.POSITIVE_INFINITY,
        colours,
        unicode: supportsUnicode(),
        now: Date.now(),
      });
    if (flags.watch !== true) {
      const status = await remote.status();
      const text = flags.json === true ? JSON.stringify(status, undefined, 2) : table(status).join("\n");
      stdout.write(`${text}\n`);
    } else if (flags.json === true) await printChanges(remote.watch(), JSON.stringify);
    else if (!stdout.isTTY || process.env["TERM"] === "dumb") await printChanges(remote.watch(), statusLine);
    else await redraw(remote.watch(), (status) => table(status, (stdout.rows || 24) - 1));
  });
}

/** A line for every status that looks other than the one before. */
async function printChanges(statuses: AsyncIterable<RunStatus>, lineOf: (status: RunStatus) => string): Promise<void> {
  let before = "";
  for await (const status of statuses) {
    const line = lineOf(status);
    if (line !== before) process.stdout.write(`${line}\n`);
    before = line;
  }
}

/** Time passes in the table also where nothing else does, ms. */
const redrawInterval = 1_000;

async function redraw(
  statuses: AsyncIterable<RunStatus>,
  linesOf: (status: RunStatus) => readonly string[],
): Promise<void> {
  const block = new LiveBlock(process.stdout);
  let shown: RunStatus | undefined;
  const draw = (): void => {
    if (shown !== undefined) block.draw(linesOf(shown));
  };
  const ticker = setInterval(draw, redrawInterval);
  process.stdout.on("resize", draw);
  try {
    for await (const status of statuses) {
      shown = status;
      draw();
    }
  } finally {
    clearInterval(ticker);
    process.stdout.off("resize", draw);
  }
}
