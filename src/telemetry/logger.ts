/** Logs: JSON lines to a file or a stream, or human-readable lines on a terminal. The only module that uses pino. */
import { createColors } from "picocolors";
import { pino, stdSerializers, type Logger } from "pino";
import { CoxswainError } from "../errors.js";
import { LogFile } from "./log-file.js";
import { visibleLine } from "../visible-text.js";
import { formatLogLine } from "./log-lines.js";

export type { Logger };

export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/** What a log can be written to: stderr, or a test's collector. */
export interface LogStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
}

export interface LoggerOptions {
  /** The writer, in every line: "coordinator", "worker-1". */
  readonly name: string;
  /** A file's path (its folder is created; lines are appended), or a stream. Default: stderr. */
  readonly destination?: string | LogStream;
  /** The minimum level. Default: COXSWAIN_LOG_LEVEL, otherwise "info". */
  readonly level?: LogLevel;
  /** Whether lines for a terminal are coloured. Default: if the stream is a terminal and NO_COLOR is not set. */
  readonly colour?: boolean;
}

export interface OpenLogger {
  readonly logger: Logger;
  /** Closes the file; a stream is left open. Later lines are dropped. */
  close(): void;
}

/** Redacted from logs, in any object. */
const secrets = [
  ...["token", "password"].flatMap((name) => ["", "*.", "*.*.", "*.*.*."].map((parents) => parents + name)),
  "authorization",
  "*.authorization",
];

/**
 * Opens a log. Every line is written before the call returns, so that a crashing process has logged everything.
 * @throws CoxswainError "config" for a COXSWAIN_LOG_LEVEL that does not exist, "storage" when the file cannot be opened
 */
export function createLogger(options: LoggerOptions): OpenLogger {
  const { name, destination = process.stderr } = options;
  const level = options.level ?? levelFromEnvironment(process.env);
  const { stream, close } =
    typeof destination === "string" ? openFile(destination) : openStream(destination, options.colour);
  const logger = pino(
    {
      name,
      level,
      redact: { paths: secrets, censor: "[secret]" },
      serializers: { error: serializeError },
      formatters: { log: visibleFields },
    },
    stream,
  );
  return { logger, close };
}

/** The longest text in a field, characters. */
const longestField = 4_000;

/** Texts may come from other machines. */
const visibleFields = (fields: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [
      key,
      typeof value === "string" ? visibleLine(value, longestField) : value,
    ]),
  );

/** Stacks are only logged: users see the message. */
const serializeError = (error: unknown): unknown => (error instanceof Error ? stdSerializers.err(error) : error);

/**
 * The level of COXSWAIN_LOG_LEVEL; "info" if it is not set.
 * @throws CoxswainError "config"
 */
export function levelFromEnvironment(environment: Readonly<Record<string, string | undefined>>): LogLevel {
  const text = environment["COXSWAIN_LOG_LEVEL"] ?? "";
  if (text === "") return "info";
  const level = logLevels.find((known) => known === text.toLowerCase());
  if (level !== undefined) return level;
  throw new CoxswainError("config", `COXSWAIN_LOG_LEVEL: unknown level "${text}"`, {
    hint: `Use one of ${logLevels.join(", ")}.`,
  });
}

interface Sink {
  readonly stream: { write(line: string): void };
  readonly close: () => void;
}

function openFile(path: string): Sink {
  const file = new LogFile(path);
  file.open();
  return { stream: file, close: () => file.close() };
}

function openStream(stream: LogStream, colour: boolean | undefined): Sink {
  let open = true;
  const forEyes = stream.isTTY === true;
  const colours = createColors(colour ?? (forEyes && (process.env["NO_COLOR"] ?? "") === ""));
  return {
    stream: {
      write: (line) => {
        if (open) stream.write(forEyes ? `${formatLogLine(line.trimEnd(), colours)}\n` : line);
      },
    },
    close: () => {
      open = false;
    },
  };
}
