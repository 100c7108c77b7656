/**
 * What the Dockerfile's image adds to its base, laid out in a folder: the stage "app" is carried out as it is written, in
 * place of a container builder. The npm package that its stage "build" makes is packed from the working tree (`npm run
 * build` comes before the tests).
 */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { projectFolder } from "../processes.js";
import { readDockerfile, settingsOf } from "./dockerfile.js";
import type { ImageSettings, Stage, Step } from "./dockerfile.js";

const run = promisify(execFile);

export interface Image {
  /** The folder that is the image's root, without its base. */
  readonly root: string;
  readonly settings: ImageSettings;
}

const dockerfile = join(projectFolder, "deploy", "docker", "Dockerfile");

/** @param folder an empty one */
export async function layOutImage(folder: string): Promise<Image> {
  const { stages } = readDockerfile(dockerfile);
  const stage = (name: string): Stage => stages.find((each) => each.name === name)!;
  const packed = join(folder, "build", "package");
  await packInto(packed);
  await carryOut(stage("app").steps, join(folder, "app"), { "/build/package": packed });
  return { root: join(folder, "app", "image"), settings: settingsOf(stages.at(-1)!) };
}

async function packInto(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  // Without scripts: dist is built already, and other tests are using it.
  const pack = ["pack", "--json", "--ignore-scripts", "--pack-destination", folder];
  const { stdout } = await run("npm", pack, { cwd: projectFolder });
  const [{ filename }] = JSON.parse(stdout) as [{ filename: string }];
  await run("tar", ["-xzf", filename, "--strip-components=1"], { cwd: folder });
  await run("rm", [filename], { cwd: folder });
}

/** @param root stands for the stage's / @param artefacts folders of other stages, by the path that they have there */
async function carryOut(steps: readonly Step[], root: string, artefacts: Readonly<Record<string, string>>) {
  let here = root;
  let environment: NodeJS.ProcessEnv = { ...process.env, npm_config_prefer_offline: "true" };
  for (const { keyword, text, from, properties } of steps) {
    if (keyword === "WORKDIR") {
      here = join(root, text);
      mkdirSync(here, { recursive: true });
    } else if (keyword === "ARG" || keyword === "ENV") environment = { ...environment, ...properties };
    else if (keyword === "RUN") await run("sh", ["-c", text], { cwd: here, env: environment });
    else if (keyword === "COPY") {
      const words = text.split(/\s+/);
      const target = join(here, words.at(-1)!);
      for (const source of words.slice(0, -1))
        copy(from === null ? join(projectFolder, source) : artefacts[source]!, target);
    } else throw new Error(`${keyword} is not carried out here`);
  }
}

/** As COPY does: of a folder its content, of a file the file itself. */
function copy(source: string, target: string): void {
  const into = statSync(source).isDirectory() ? target : join(target, basename(source));
  cpSync(source, into, { recursive: true });
}
