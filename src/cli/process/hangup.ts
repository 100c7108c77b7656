/**
 * Whether hang-ups (SIGHUP, sent when a terminal closes) were ignored when this process started, as `nohup` and `trap '' HUP`
 * ask for. Node resets every signal to its default before any JavaScript runs, so that the answer is no longer with the
 * process itself: it is read from what `nohup` leaves behind, and from the processes that started this one.
 */
import { readFileSync, readlinkSync } from "node:fs";
import { basename } from "node:path";

/** What is known of how a process was started. */
export interface Origin {
  /** `_` of its environment: shells put the path of the command there that they ran. */
  readonly command: string | undefined;
  /** GNU nohup puts /dev/null, opened for writing alone, in the place of a standard input that is a terminal. */
  readonly stdinIsWriteOnlyNull: boolean;
  /** Its parent, that one's parent, …: those of the same session. */
  readonly ancestors: readonly { readonly ignoresHangup: boolean; readonly command: string | undefined }[];
}

/** Pure. */
export function hangupsIgnored({ command, stdinIsWriteOnlyNull, ancestors }: Origin): boolean {
  if (isNohup(command) || stdinIsWriteOnlyNull) return true;
  // What a shell ignores is ignored by what it starts; programs between, such as npx, are Node as well.
  return ancestors.some((ancestor) => ancestor.ignoresHangup || isNohup(ancestor.command));
}

const isNohup = (command: string | undefined): boolean => command !== undefined && basename(command) === "nohup";

/** The files of `/proc` that are read; undefined for one that is not there or may not be read. */
export interface ProcessFiles {
  read(path: string): string | undefined;
  link(path: string): string | undefined;
}

const attempt = (action: () => string): string | undefined => {
  try {
    return action();
  } catch {
    return undefined;
  }
};

const thisSystem: ProcessFiles = {
  read: (path) => attempt(() => readFileSync(path, "utf8")),
  link: (path) => attempt(() => readlinkSync(path)),
};

/** Ancestors that are looked at: a shell, npx, a script. */
const furthest = 8;

/** The origin of this process; where there is no `/proc` the environment alone is known. */
export function readOrigin(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  files: ProcessFiles = thisSystem,
): Origin {
  const own = statOf("self", files);
  const ancestors: Origin["ancestors"][number][] = [];
  let parent = own?.parent ?? 0;
  while (parent > 1 && ancestors.length < furthest) {
    const stat = statOf(String(parent), files);
    if (stat === undefined || stat.session !== own?.session) break;
    ancestors.push({
      ignoresHangup: ignoresHangup(files.read(`/proc/${parent}/status`)),
      command: commandIn(files.read(`/proc/${parent}/environ`)),
    });
    parent = stat.parent;
  }
  return { command: environment["_"], stdinIsWriteOnlyNull: stdinIsWriteOnlyNull(files), ancestors };
}

/** SIGHUP is signal 1: the lowest bit of the mask. */
function ignoresHangup(status: string | undefined): boolean {
  const mask = /^SigIgn:\s*([0-9a-f]+)$/m.exec(status ?? "")?.[1];
  return mask !== undefined && (BigInt(`0x${mask}`) & 1n) === 1n;
}

const commandIn = (environ: string | undefined): string | undefined =>
  environ
    ?.split("\0")
    .find((variable) => variable.startsWith("_="))
    ?.slice(2);

function stdinIsWriteOnlyNull(files: ProcessFiles): boolean {
  if (files.link("/proc/self/fd/0") !== "/dev/null") return false;
  const flags = /^flags:\s*([0-7]+)$/m.exec(files.read("/proc/self/fdinfo/0") ?? "")?.[1];
  // The last octal digit holds the access mode; 1 is O_WRONLY.
  return flags !== undefined && (parseInt(flags, 8) & 3) === 1;
}

function statOf(process: string, files: ProcessFiles): { parent: number; session: number } | undefined {
  const stat = files.read(`/proc/${process}/stat`);
  if (stat === undefined) return undefined;
  // The second field is a name in brackets, which may itself hold spaces and brackets.
  const [, parent, , session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { parent: Number(parent), session: Number(session) };
}
