/** Asks one or two models and shows their answers as they are generated. */
import { CoxswainError } from "../../errors.js";
import type { ChatAnswer, ChatSide } from "../../library/index.js";
import { visibleText } from "../../visible-text.js";
import { coloursFor, isTerminal, supportsUnicode } from "../terminal/colour.js";
import { widthOf } from "../terminal/redraw.js";
import type { SamplingFlags } from "../options/model.js";
import { ColumnsView, type TallStream } from "./columns-view.js";
import { columnsFor } from "./wrap.js";

/** A side and its title. */
export interface NamedSide {
  readonly title: string;
  readonly side: ChatSide;
}

export type ShownStream = TallStream & { readonly isTTY?: boolean | undefined };

/** An answer, or why there is none. */
export type Outcome = { readonly answer: ChatAnswer } | { readonly error: CoxswainError };

export async function showAnswers(
  sides: readonly NamedSide[],
  question: string,
  drawing: SamplingFlags,
  stream: ShownStream,
  signal: AbortSignal,
): Promise<readonly Outcome[]> {
  const ask = ({ side }: NamedSide, onText: (text: string) => void): Promise<Outcome> =>
    side.ask(question, drawing, { onText, signal }).then(
      (answer) => ({ answer }),
      (error: unknown) => {
        if (error instanceof CoxswainError) return { error };
        throw error;
      },
    );
  const [first, second] = sides;
  if (first === undefined) return [];
  const layout = isTerminal(stream) ? columnsFor(widthOf(stream), supportsUnicode()) : null;
  if (second === undefined || layout === null) return await inTurn(sides, ask, stream);
  const { bold } = coloursFor(stream);
  const view = new ColumnsView(stream, layout, [bold(first.title), bold(second.title)]);
  const shown = async (named: NamedSide, column: 0 | 1): Promise<Outcome> => {
    const outcome = await ask(named, (text) => view.add(column, text));
    view.end(column);
    return outcome;
  };
  return await Promise.all([shown(first, 0), shown(second, 1)]);
}

/** One after the other. */
async function inTurn(
  sides: readonly NamedSide[],
  ask: (side: NamedSide, onText: (text: string) => void) => Promise<Outcome>,
  stream: ShownStream,
): Promise<readonly Outcome[]> {
  const { bold } = coloursFor(stream);
  const outcomes: Outcome[] = [];
  for (const named of sides) {
    if (sides.length > 1) stream.write(`${bold(`${named.title}:`)} `);
    outcomes.push(await ask(named, (text) => stream.write(visibleText(text))));
    stream.write("\n");
  }
  return outcomes;
}
