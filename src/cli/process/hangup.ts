/**
 * Determines whether this process was started with SIGHUP (sent when a terminal closes) ignored, as by `nohup` and
 * `trap '' HUP`. Node resets every signal to its default before any JavaScript runs, so the process itself no longer has
 * this information: it is derived from traces that `nohup` leaves, and from the ancestors of the process.
 */
import { readFileSync, readlinkSync } from "node:fs";
import { basename } from "node:path";

/** How a process was started. */
export interface Origin {
  /** The variable `_`: shells set it to the path of the command that they ran. */
  readonly command: string | undefined;
  /** GNU nohup replaces a standard input that is a terminal with /dev/null, opened write-only. */
  readonly stdinIsWriteOnlyNull: boolean;
  /** Its parent, grandparent, … within the same session. */
  readonly ancestors: readonly { readonly ignoresHangup: boolean; readonly command: string | undefined }[];
}

/** Pure. */
export function hangupsIgnored({ command, stdinIsWriteOnlyNull, ancestors }: Origin): boolean {
  if (isNohup(command) || stdinIsWriteOnlyNull) return true;
  // Children inherit ignored signals. Not only the parent counts: a program in between, such as npx, may be Node as well.
  return ancestors.some((ancestor) => ancestor.ignoresHangup || isNohup(ancestor.command));
}

const isNohup = (command: string | undefined): boolean => command !== undefined && basename(command) === "nohup";

/** Reads files of `/proc`; returns undefined for those that do not exist or cannot be read. */
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

/** Maximum number of ancestors to check, such as a shell, npx or a script. */
const furthest = 8;

/** The origin of this process; without `/proc`, only from the environment. */
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
  // The second field is a name in parentheses, which may itself contain spaces and parentheses.
  const [, parent, , session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { parent: Number(parent), session: Number(session) };
}
