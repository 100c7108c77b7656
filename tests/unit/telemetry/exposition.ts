/** A reader of Prometheus' text format (version 0.0.4), written from its specification, for tests. */
export interface Family {
  readonly help: string;
  readonly type: string;
  /** Value by the series' text, labels sorted: `name{a="1",b="2"}`. */
  readonly series: Map<string, number>;
}

export function parseExposition(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  const help = new Map<string, string>();
  let current: { name: string; family: Family } | undefined;
  for (const line of text.split("\n")) {
    if (line === "") continue;
    const helpLine = /^# HELP (\S+) (.*)$/.exec(line);
    const typeLine = /^# TYPE (\S+) (counter|gauge|histogram|summary|untyped)$/.exec(line);
    if (helpLine) help.set(helpLine[1]!, helpLine[2]!);
    else if (typeLine) {
      const name = typeLine[1]!;
      if (families.has(name)) throw new Error(`${name} has two TYPE lines`);
      current = { name, family: { help: help.get(name) ?? "", type: typeLine[2]!, series: new Map() } };
      families.set(name, current.family);
    } else {
      const [, series, labels, value] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      if (series === undefined || value === undefined) throw new Error(`not a sample: ${line}`);
      const base = current?.family.type === "histogram" ? series.replace(/_(bucket|sum|count)$/, "") : series;
      if (current?.name !== base) throw new Error(`sample ${series} outside its family`);
      const pairs = [...(labels ?? "").matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map((m) => `${m[1]!}="${m[2]!}"`).sort();
      const key = pairs.length === 0 ? series : `${series}{${pairs.join(",")}}`;
      if (current.family.series.has(key)) throw new Error(`${key} is there twice`);
      current.family.series.set(key, toNumber(value));
    }
  }
  return families;
}

function toNumber(text: string): number {
  if (text === "+Inf") return Infinity;
  if (text === "-Inf") return -Infinity;
  if (text === "NaN" || text === "Nan") return NaN;
  const value = Number(text);
  if (Number.isNaN(value)) throw new Error(`not a number: ${text}`);
  return value;
}
