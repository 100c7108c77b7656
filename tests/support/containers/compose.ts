/** What `deploy/compose.yaml` says of its services, with variables filled in. Short forms alone, as it is written in. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parse } from "yaml";
import { projectFolder } from "../processes.js";

export interface Mount {
  /** A volume's name, or a path of this machine. */
  readonly source: string;
  readonly target: string;
  readonly mode: "ro" | "rw";
}

export interface ComposeService {
  readonly image: string;
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly mounts: readonly Mount[];
  /** HOST:PORT:PORT */
  readonly ports: readonly string[];
  readonly readOnly: boolean;
  readonly replicas: number;
}

export interface Compose {
  /** As it is parsed. */
  readonly document: unknown;
  readonly services: ReadonlyMap<string, ComposeService>;
  /** Names. */
  readonly volumes: readonly string[];
}

interface Written {
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly read_only?: boolean;
  readonly deploy?: { readonly replicas: number };
}

const folder = join(projectFolder, "deploy");

/** @throws where a variable that must be set is not */
export function readCompose(variables: Readonly<Record<string, string>>): Compose {
  const text = fillIn(readFileSync(join(folder, "compose.yaml"), "utf8"), variables);
  const document = parse(text, { merge: true }) as { services: Record<string, Written>; volumes: object };
  const services = Object.entries(document.services).map(([name, written]) => [name, serviceOf(written)] as const);
  return { document, services: new Map(services), volumes: Object.keys(document.volumes) };
}

/** `${NAME:-default}` and `${NAME:?what to do}`. */
function fillIn(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\{(\w+):([-?])([^}]*)\}/g, (_, name: string, kind: string, word: string) => {
    const value = variables[name];
    if (value === undefined && kind === "?") throw new Error(`${name} ${word}`);
    return value ?? word;
  });
}

function serviceOf(written: Written): ComposeService {
  const { image, command = [], environment = {}, volumes = [], ports = [] } = written;
  return {
    image,
    command,
    environment,
    mounts: volumes.map(mountOf),
    ports,
    readOnly: written.read_only === true,
    replicas: written.deploy?.replicas ?? 1,
  };
}

function mountOf(text: string): Mount {
  const [source = "", target = "", mode] = text.split(":");
  return {
    source: source.startsWith(".") ? resolve(folder, source) : source,
    target,
    mode: mode === "ro" ? "ro" : "rw",
  };
}
