/**
 * Whether a regular expression of a tokenizer takes time in proportion to the text, whatever the text is. The library
 * that runs them ends the process where a match takes too many steps. Accepts what the tokenizers of published models
 * have: alternatives of single characters and classes with quantifiers. What it does not understand, it does not accept.
 * Pure.
 */

/** A character, a class, or a lookaround; or a group of plain characters. */
interface Element {
  readonly text: string;
  readonly optional: boolean;
  readonly unbounded: boolean;
  /** How many lengths it may have, if they are bounded. */
  readonly lengths: number;
}

/** What a failing match may take: a power of the text's length, times a number. */
interface Cost {
  readonly depth: number;
  readonly factor: number;
}

/** Of a match whose cost does not depend on the text, and of one whose cost is proportional to it. */
const mostFactors = [256, 2] as const;

/** Escapes that are one character, or an assertion. */
const escape = String.raw`\\(?:[pP]\{\^?\w+\}|x[\da-fA-F]{2}|u[\da-fA-F]{4}|[^\dkgGKRXpPxu])`;
const inSet = String.raw`(?:${escape}|\[:\^?\w+:\]|&(?!&)|[^\\\[\]&])`;
const set = String.raw`\[(?:${inSet}|\[${inSet}+\])+\]`;
const atom = String.raw`(?:${escape}|${set}|[^\\\[\](){}|*+?])`;
const group = String.raw`\((?:\?[i]?:)?${atom}+(?:\|${atom}+)*\)`;
const look = String.raw`\(\?<?[!=]${atom}(?:\|${atom})*\)`;
const quantifier = String.raw`\?|\*|\+|\{\d{1,2}(?:,\d{0,2})?\}`;
const element = new RegExp(`(${look})|(?:(${group})(\\?)?|(${atom})(${quantifier})?)`, "suy");
/** A second quantifier: possessive or lazy. */
const followed = /[*+?]/;

export function isLinear(pattern: string): boolean {
  const branches = parse(pattern);
  if (branches === undefined) return false;
  const costs = branches.map(failureCost);
  const certain = branches.filter((_, index) => costs[index]?.depth === 0).map(firstRequired);
  return branches.every((branch, index) => {
    const { depth, factor } = costs[index] ?? { depth: 0, factor: 1 };
    if (factor > (mostFactors[depth] ?? 0)) return false;
    if (depth === 0) return true;
    // Where it fails after many characters, another one takes them: else the next try begins one character on.
    const repeated = branch.find(({ unbounded }) => unbounded);
    return certain.some((first) => first?.unbounded === true && first.text === repeated?.text);
  });
}

function parse(pattern: string): Element[][] | undefined {
  const branches: Element[][] = [[]];
  for (let at = 0; at < pattern.length;) {
    if (pattern[at] === "|") {
      branches.push([]);
      at++;
      continue;
    }
    element.lastIndex = at;
    const match = element.exec(pattern);
    if (match === null) return undefined;
    at += match[0].length;
    const [, lookaround, grouped, maybe, single, repeat = ""] = match;
    if ((repeat !== "" || maybe !== undefined) && followed.test(pattern[at] ?? "")) return undefined;
    branches.at(-1)?.push({
      text: lookaround ?? grouped ?? single ?? "",
      optional: maybe === "?" || repeat === "?" || repeat === "*" || repeat.startsWith("{0"),
      unbounded: repeat === "*" || repeat === "+" || repeat.endsWith(",}"),
      lengths: lengthsOf(maybe ?? repeat),
    });
  }
  return branches.every((branch) => branch.length > 0) ? branches : undefined;
}

/** Of the repetitions that can be taken back one by one, since what comes after them may fail. */
function failureCost(branch: readonly Element[]): Cost {
  let [depth, factor] = [0, 1];
  let canFail = false;
  for (const { optional, unbounded, lengths } of branch.toReversed()) {
    if (canFail && unbounded) depth++;
    if (canFail) factor *= lengths;
    canFail ||= !optional;
  }
  return { depth, factor };
}

/** "{2,5}": 4; "?": 2. */
function lengthsOf(quantifier: string): number {
  if (quantifier === "?") return 2;
  const [, least, most] = /^\{(\d+),(\d+)\}$/.exec(quantifier) ?? [];
  return most === undefined ? 1 : Math.max(1, Number(most) - Number(least) + 1);
}

/** The first element that a match needs. */
const firstRequired = (branch: readonly Element[]): Element | undefined => branch.find(({ optional }) => !optional);
