/** Which files of a data set's repository are a split, compared with `datasets` (tests/peers/make-dataset-files.py). */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { chooseFiles, type Chosen } from "../../../src/hub/dataset/choose.js";
import { convertedFiles } from "../../../src/hub/dataset/parquet-branch.js";
import { expectTrouble } from "../model/helpers.js";

interface Case {
  readonly title: string;
  readonly files: readonly string[];
  readonly readme: string | null;
  readonly default: string | null;
  readonly configs: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
}

const golden = JSON.parse(readFileSync(new URL("../../golden/text/dataset-files.json", import.meta.url), "utf8")) as {
  cases: readonly Case[];
};

const id = "org/name";
const choose = (
  names: readonly string[],
  readme?: string | null,
  wanted: Partial<{ config: string; split: string }> = {},
) =>
  chooseFiles(
    { id, config: wanted.config ?? null, split: wanted.split ?? "train" },
    { names, readme: readme ?? undefined, standalone: undefined },
  );
const refused = (work: () => unknown) => expectTrouble(Promise.resolve().then(work), "data");

describe("the files of every configuration and split are those that `datasets` reads, in its order", () => {
  it.each(golden.cases.map((each) => [each.title, each] as const))("%s", async (_, each) => {
    for (const [config, splits] of Object.entries(each.configs)) {
      for (const [split, files] of Object.entries(splits)) {
        const chosen = choose(each.files, each.readme, { config, split }) as Chosen;
        // A file that two patterns match is read twice by `datasets`, and once here.
        expect(chosen.names).toEqual([...new Set(files)]);
        expect(chosen.config).toBe(config);
      }
      const missing = await refused(() => choose(each.files, each.readme, { config, split: "no.such" }));
      expect(missing.message).toContain(`has no split "no.such". It has: `);
      expect(missing.message.split("It has: ")[1]!.split(", ").sort()).toEqual(Object.keys(splits).sort());
    }
    const names = Object.keys(each.configs);
    const byDefault = each.default ?? (names.length === 1 ? names[0] : undefined);
    const split = Object.keys(each.configs[byDefault ?? ""] ?? { train: [] })[0]!;
    if (byDefault !== undefined)
      expect(choose(each.files, each.readme, { split })).toMatchObject({ config: byDefault });
    else expect((await refused(() => choose(each.files, each.readme))).message).toContain(`several configurations`);
  });
});

describe("a configuration or split that does not exist", () => {
  const card = "---\nconfigs:\n- config_name: en\n  data_files: en/*\n- config_name: fr\n  data_files: fr/*\n---\n";

  it("gives an error that lists those that do, and an example", async () => {
    const several = await refused(() => choose(["en/a.jsonl"], card));
    expect(several.message).toBe("org/name has several configurations: choose one. It has: en, fr");
    expect(several.hint).toContain("{dataset: org/name, config: en, split: train}");
    const other = await refused(() => choose(["en/a.jsonl"], card, { config: "EN" }));
    expect(other.message).toBe('org/name has no configuration "EN". It has: en, fr');
    const none = await refused(() => choose(["train.jsonl"], null, { config: "en" }));
    expect(none.message).toBe('org/name has no configuration "en". It has: default');
    const split = await refused(() => choose(["en/a.jsonl"], card, { config: "fr", split: "test" }));
    expect(split.message).toBe('org/name (configuration fr) has no split "test". It has: train');
  });

  it("says what to write in place of a part of a split, or of a sum", async () => {
    expect((await refused(() => choose(["train.jsonl"], null, { split: "train[:10%]" }))).hint).toContain("`limit`");
    expect((await refused(() => choose(["train.jsonl"], null, { split: "train+test" }))).hint).toContain(
      "several sources",
    );
  });
});

describe("files that cannot be read as they are, for which the hub's conversion is tried", () => {
  it.each([
    ["a script", ["name.py", "data/train.jsonl"], null, "it is read by a script, name.py"],
    ["another format", ["train.arrow"], null, "files such as train.arrow are not supported"],
    ["another compression", ["train.jsonl.xz"], null, "train.jsonl.xz is compressed in a way that is not supported"],
    ["no data", ["notes.md"], null, "files such as notes.md are not supported"],
    [
      "options for the reader",
      ["a.csv"],
      '---\nconfigs:\n- config_name: default\n  data_files: a.csv\n  sep: ";"\n---\n',
      "its README.md sets sep for reading the files, which is not supported",
    ],
    [
      "an address",
      ["a.csv"],
      "---\nconfigs:\n- config_name: default\n  data_files: https://example.org/a.csv\n---\n",
      "its files are elsewhere, at https://example.org/a.csv",
    ],
  ] as const)("%s", (_, names, readme, reason) => {
    expect(choose(names, readme)).toEqual({ reason });
  });

  it("files of other formats in the same split are named", () => {
    const chosen = choose(["train.csv", "train.jsonl", "train.parquet"]) as Chosen;
    expect([chosen.names, chosen.unread]).toEqual([["train.parquet"], ["train.csv", "train.jsonl"]]);
  });
});

describe("a README.md that is wrong gives an error that names what is", () => {
  it.each([
    ["configs: none", /configs: .*array/],
    ["configs:\n- data_files: a.csv", /configs\.0\.config_name/],
    ["configs:\n- config_name: x\n  data_files: {train: a.csv}", /configs\.0\.data_files/],
    ["configs: [", /./],
  ])("%s", async (header, what) => {
    const trouble = await refused(() => choose(["a.csv"], `---\n${header}\n---\n`));
    expect(trouble.message).toContain("org/name: the configurations in its README.md are invalid: ");
    expect(trouble.message).toMatch(what);
  });

  it("a file that it names and that does not exist", async () => {
    const card = "---\nconfigs:\n- config_name: x\n  data_files: [a.csv, b.csv]\n---\n";
    const trouble = await refused(() => choose(["a.csv"], card));
    expect(trouble.message).toBe("org/name has no file b.csv, which its README.md names");
  });
});

describe("the hub's conversion to Parquet", () => {
  const names = [
    "en/train/0001.parquet",
    "en/train/0000.parquet",
    "en/test/0000.parquet",
    "fr/partial-train/0000.parquet",
  ];
  const converted = (config: string | null, split = "train") => convertedFiles({ id, config, split }, names);

  it("has the files of a configuration and a split in order", () => {
    expect(converted("en")).toEqual({ names: ["en/train/0000.parquet", "en/train/0001.parquet"], config: "en" });
  });

  it("is refused where it holds only a part, and lists what it has otherwise", async () => {
    expect((await refused(() => converted("fr"))).message).toContain("only a part of the split train");
    expect((await refused(() => converted(null))).message).toContain("choose one. It has: en, fr");
    expect((await refused(() => converted("en", "dev"))).message).toContain("It has: train, test");
  });
});
