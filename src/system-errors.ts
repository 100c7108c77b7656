/**
 * Translates errors of the system, Node.js and libraries about limits, files and addresses into messages for users:
 * what is wrong, which path or host, what to do. Pure; an unrecognised error is an internal error.
 */
import { CoxswainError, messageOf, systemCodeOf } from "./errors.js";
import type { ErrorCode } from "./errors.js";

interface Meaning {
  readonly code: ErrorCode;
  readonly words: string;
  readonly hint?: string;
}

const files = {
  ENOENT: ["no such file or folder", "Check the path."],
  EACCES: ["permission denied", "Check the permissions."],
  EPERM: ["permission denied", "Check the permissions."],
  EROFS: ["the file system is read-only", "The file system is read-only: choose another location."],
  ENOSPC: ["no space left on the disk", "The disk is full: free some space, or choose another location."],
  EDQUOT: ["the disk quota is exhausted", "The disk quota is exhausted: free some space, or choose another location."],
  EFBIG: [
    "the file would be too large",
    "The file is larger than the file system or a limit allows: choose another location.",
  ],
  EISDIR: ["is a folder", "Expected a file, not a folder."],
  ENOTDIR: ["is not a folder", "Expected a folder, not a file."],
  ENAMETOOLONG: ["the name is too long", "Give a shorter path."],
  ELOOP: ["its symbolic links form a loop", "Give the target's path instead of a link."],
  EEXIST: ["already exists", "Choose another name, or remove it."],
  ENOTEMPTY: ["the folder is not empty", "Choose another folder, or empty it."],
  EBUSY: ["it is in use", "Stop the program that uses it, and try again."],
  ETXTBSY: ["it is in use", "Stop the program that uses it, and try again."],
  EXDEV: ["it is on another file system", "Choose a location on the same file system."],
  EIO: ["reading or writing failed", "The disk or its driver reported a failure: see the system log."],
  ENXIO: ["there is no such device", "Choose a location that can be read and written."],
  ENODEV: ["there is no such device", "Choose a location that can be read and written."],
  ESTALE: ["stale network file handle", "Mount the file system again."],
  ENOTSUP: ["the file system does not support this", "Choose a location on another file system."],
  EINVAL: ["the file system does not accept it", "Choose another name or location."],
} as const satisfies Readonly<Record<string, readonly [words: string, hint: string]>>;

const networks: Readonly<Record<string, readonly [words: string, hint: string]>> = {
  EADDRINUSE: ["the port is in use", "Stop the program that uses it, or choose another port (0 selects a free one)."],
  EADDRNOTAVAIL: ["is not an address of this machine", "Use an address of this machine, 127.0.0.1 or 0.0.0.0."],
  EACCES: ["no permission to listen there", "Choose a port of 1024 or above."],
  ECONNREFUSED: ["nothing listens there", "Check the address, and that the other side has started."],
  ECONNRESET: ["the connection was reset", "Try again; see the other side's log."],
  ECONNABORTED: ["the connection was reset", "Try again; see the other side's log."],
  EHOSTUNREACH: ["the host cannot be reached", "Check the address, the network and the firewall."],
  EHOSTDOWN: ["the host cannot be reached", "Check the address, the network and the firewall."],
  ENETUNREACH: ["the network cannot be reached", "Check the network."],
  ENETDOWN: ["the network is down", "Check the network."],
  ETIMEDOUT: ["no answer in time", "Check the address, the network and the firewall."],
  ENOTFOUND: ["no such host", "Check the name, and that this machine can resolve names (DNS)."],
  EAI_AGAIN: ["the name cannot be resolved now", "Check the network and the name server (DNS), and try again."],
  EAI_FAIL: ["the name cannot be resolved", "Check the network and the name server (DNS)."],
  EAFNOSUPPORT: [
    "this machine does not support this kind of address",
    "Use an address of another kind (IPv4 or IPv6).",
  ],
};

const openFiles: Meaning = {
  code: "machine",
  words: "too many files are open",
  hint: "Raise the limit of open files (`ulimit -n 1024` or more) and start again.",
};
const memory: Meaning = {
  code: "machine",
  words: "not enough memory",
  hint: "Use a smaller training.micro_batch_size or data.max_length, or fewer workers; `coxswain doctor` estimates what a model needs. If `ulimit -v` is set, raise it.",
};
const processes: Meaning = {
  code: "machine",
  words: "no more processes or threads can be started",
  hint: "Raise the limit of processes (`ulimit -u`, or pids.max of the container) or end others.",
};
const limits: Readonly<Record<string, Meaning>> = {
  EMFILE: openFiles,
  ENFILE: {
    ...openFiles,
    hint: "The whole machine has too many files open: end other programs, or raise fs.file-max.",
  },
  ENOMEM: memory,
  ENOBUFS: memory,
  ERR_WORKER_OUT_OF_MEMORY: memory,
  ERR_MEMORY_ALLOCATION_FAILED: memory,
  ERR_WORKER_INIT_FAILED: processes,
};

const incomplete =
  "The installation is incomplete or for another platform: install again (in a clone: npm ci). A low limit of open files (`ulimit -n`) causes the same error.";

/** Messages of engines, libraries and V8 when memory is exhausted. */
const outOfMemory =
  /out of memory|array buffer allocation failed|could not allocate memory|cannot allocate memory|failed to allocate|bad[ _]alloc/i;

/**
 * @param code for errors about files; limits and addresses have their own
 * @returns undefined for an internal error; a `CoxswainError` unchanged
 */
export function systemTrouble(error: unknown, code: ErrorCode = "storage"): CoxswainError | undefined {
  if (error instanceof CoxswainError) return error;
  const meaning = meaningOf(error, code);
  if (meaning !== undefined) {
    const { code: kind, words, hint } = meaning;
    return new CoxswainError(kind, words, { ...(hint === undefined ? {} : { hint }), cause: error });
  }
  return error instanceof Error && error.cause !== undefined ? systemTrouble(error.cause, code) : undefined;
}

/** A system error as a message for users; any other error unchanged. */
export const explained = (error: unknown): unknown => systemTrouble(error) ?? error;

/** The meaning of a file system error code: words and hint. Undefined for other codes, such as network codes. */
export function fileTrouble(code: string | undefined): { readonly words: string; readonly hint: string } | undefined {
  if (code === undefined || !isFileCode(code)) return undefined;
  const [words, hint] = files[code];
  return { words, hint };
}

/** The meaning of a network error code that concerns an address: words and hint. */
export function networkTrouble(
  code: string | undefined,
): { readonly words: string; readonly hint: string } | undefined {
  const [words, hint] = (code === undefined ? undefined : networks[code]) ?? [];
  return words === undefined || hint === undefined ? undefined : { words, hint };
}

const isFileCode = (code: string): code is keyof typeof files => Object.hasOwn(files, code);

function meaningOf(error: unknown, kind: ErrorCode): Meaning | undefined {
  const code = systemCodeOf(error);
  if (code === undefined) return isOutOfMemory(error) ? memory : undefined;
  const starting = code === "EAGAIN" && /^(spawn|fork|uv_thread)/.test(textOf(error, "syscall") ?? "");
  const limit = starting ? processes : limits[code];
  // The file that exceeded the limit is irrelevant.
  if (limit !== undefined) return limit === processes ? about(limit, placeOf(error)) : limit;
  if (code === "ERR_DLOPEN_FAILED") return { code: "machine", words: firstLine(error), hint: incomplete };
  if (code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND") {
    return { code: "machine", words: firstLine(error), hint: incomplete };
  }
  if (isNoFolder(error, code)) {
    return {
      code: "usage",
      words: "the current folder no longer exists",
      hint: "It was removed or moved: change to a folder that exists.",
    };
  }
  const host = hostOf(error);
  const network = networkTrouble(code);
  // EACCES may concern a file or a port.
  if (network !== undefined && (code !== "EACCES" || host !== undefined)) {
    return about({ code: "network", ...network }, host);
  }
  const file = fileTrouble(code);
  const place = placeOf(error);
  // Without a path the file is unknown: ENOENT and EINVAL may then be internal errors.
  if (file === undefined || (place === undefined && !wholeDisk.has(code))) return undefined;
  return about({ code: kind, ...file }, place);
}

const wholeDisk: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EROFS", "EIO", "EFBIG"]);

const about = (meaning: Meaning, place: string | undefined): Meaning =>
  place === undefined ? meaning : { ...meaning, words: `${place}: ${meaning.words}` };

const isOutOfMemory = (error: unknown): boolean => error instanceof Error && outOfMemory.test(error.message);

const isNoFolder = (error: unknown, code: string): boolean =>
  code === "ENOENT" && (textOf(error, "syscall") === "uv_cwd" || messageOf(error).includes("uv_cwd"));

const firstLine = (error: unknown): string => messageOf(error).split("\n", 1)[0] ?? "";

/** The file, both files of a rename, or the program that failed to start. */
function placeOf(error: unknown): string | undefined {
  const path = textOf(error, "path");
  const target = textOf(error, "dest");
  return path === undefined || target === undefined ? (path ?? hostOf(error)) : `${path} -> ${target}`;
}

function hostOf(error: unknown): string | undefined {
  const host = textOf(error, "hostname") ?? textOf(error, "address");
  if (host === undefined || typeof error !== "object" || error === null) return host;
  const shown = host.includes(":") ? `[${host}]` : host;
  return "port" in error && typeof error.port === "number" ? `${shown}:${error.port}` : host;
}

function textOf(error: unknown, key: string): string | undefined {
  if (typeof error !== "object" || error === null) return undefined;
  const value: unknown = Reflect.get(error, key);
  return typeof value === "string" && value !== "" ? value : undefined;
}
