/** What a Dockerfile says: its stages, and how the image of its last one is run. Builds nothing. */
import { readFileSync } from "node:fs";
import { Copy, DockerfileParser, From, ModifiableInstruction, PropertyInstruction } from "dockerfile-ast";
import type { Instruction } from "dockerfile-ast";

export interface Step {
  /** "RUN", "COPY" … */
  readonly keyword: string;
  /** What follows, without flags and line continuations. */
  readonly text: string;
  /** `--from` of a COPY: a stage. */
  readonly from: string | null;
  /** Of ENV, ARG and LABEL. */
  readonly properties: Readonly<Record<string, string>>;
  /** The words of an instruction in JSON form; null where it is a shell's line, or has none. */
  readonly words: readonly string[] | null;
}

export interface Stage {
  readonly name: string;
  /** As it is written: another stage, or an image. */
  readonly base: string;
  readonly steps: readonly Step[];
}

/** How a container of an image is started. */
export interface ImageSettings {
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** "10001:10001" */
  readonly user: string;
  readonly workingFolder: string;
  readonly healthCheck: readonly string[];
}

export interface DockerfileContent {
  /** ARGs before the first stage. */
  readonly defaults: Readonly<Record<string, string>>;
  readonly stages: readonly Stage[];
}

export function readDockerfile(path: string): DockerfileContent {
  const defaults: Record<string, string> = {};
  const stages: { name: string; base: string; steps: Step[] }[] = [];
  for (const instruction of DockerfileParser.parse(readFileSync(path, "utf8")).getInstructions()) {
    const stage = stages.at(-1);
    if (instruction instanceof From) {
      stages.push({ name: instruction.getBuildStage() ?? "", base: instruction.getImage() ?? "", steps: [] });
    } else if (stage === undefined) Object.assign(defaults, stepOf(instruction).properties);
    else stage.steps.push(stepOf(instruction));
  }
  return { defaults, stages };
}

function stepOf(instruction: Instruction): Step {
  const flags = instruction instanceof ModifiableInstruction ? instruction.getFlags() : [];
  const text = (instruction.getArgumentsContent() ?? "").replaceAll(/\\\n/g, "");
  return {
    keyword: instruction.getKeyword(),
    text: flags.reduce((rest, flag) => rest.replace(flag.toString(), "").trim(), text),
    from: instruction instanceof Copy ? (instruction.getFromFlag()?.getValue() ?? null) : null,
    properties: instruction instanceof PropertyInstruction ? propertiesOf(instruction) : {},
    words: wordsOf(text),
  };
}

/** Of `CMD ["a", "b"]`, ENTRYPOINT, and what a HEALTHCHECK ends with. */
function wordsOf(text: string): readonly string[] | null {
  const list = /(?:^|CMD )(\["[^\n]*"\])$/.exec(text)?.[1];
  return list === undefined ? null : (JSON.parse(list) as string[]);
}

const propertiesOf = (instruction: PropertyInstruction): Record<string, string> =>
  Object.fromEntries(instruction.getProperties().map((each) => [each.getName(), each.getValue() ?? ""]));

/** Of the last stage. Instructions of its base image are not known here. */
export function settingsOf({ steps }: Stage): ImageSettings {
  const last = (keyword: string): Step | undefined => steps.findLast((step) => step.keyword === keyword);
  return {
    entrypoint: last("ENTRYPOINT")?.words ?? [],
    command: last("CMD")?.words ?? [],
    environment: Object.fromEntries(
      steps.filter(({ keyword }) => keyword === "ENV").flatMap(({ properties }) => Object.entries(properties)),
    ),
    user: last("USER")?.text ?? "",
    workingFolder: last("WORKDIR")?.text ?? "/",
    healthCheck: last("HEALTHCHECK")?.words ?? [],
  };
}
