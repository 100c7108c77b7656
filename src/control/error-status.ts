/**
 * Sends a CoxswainError through gRPC: as a status for any client, and as trailing metadata from which our client
 * restores the error.
 */
import { Metadata, status } from "@grpc/grpc-js";
import type { ServiceError } from "@grpc/grpc-js";
import { messageOf } from "../errors.js";
import type { CoxswainError, ErrorCode } from "../errors.js";
import { packError, unpackError } from "../packed-error.js";
import type { PackedError } from "../packed-error.js";
import { visibleLine } from "../visible-text.js";
import { TooManyCallers } from "./places.js";

const key = "coxswain-error-bin";

/** Maximum number of characters of a text in a header. */
const longest = 1000;

/** Status codes of the expected errors; any other is an internal error. */
const codes = new Map<ErrorCode, status>([
  ["cluster", status.FAILED_PRECONDITION],
  ["storage", status.INTERNAL],
  ["usage", status.INVALID_ARGUMENT],
]);

export interface ErrorStatus {
  readonly code: status;
  readonly details: string;
  readonly metadata: Metadata;
}

export function errorStatus(error: unknown): ErrorStatus {
  const { code, message, hint } = packError(error);
  const packed: PackedError = { code, message: message.slice(0, longest), hint: hint?.slice(0, longest) ?? null };
  const metadata = new Metadata();
  metadata.set(key, Buffer.from(JSON.stringify(packed)));
  const grpcCode = error instanceof TooManyCallers ? status.RESOURCE_EXHAUSTED : codes.get(code);
  return { code: grpcCode ?? status.UNKNOWN, details: messageOf(error), metadata };
}

/** The error that the other side packed, if any. */
export function packedError({ metadata }: Pick<ServiceError, "metadata">): CoxswainError | undefined {
  const [packed] = metadata.get(key);
  if (!Buffer.isBuffer(packed)) return undefined;
  try {
    const { code, message, hint } = JSON.parse(packed.toString()) as Partial<Record<keyof PackedError, unknown>>;
    if (typeof message !== "string") return undefined;
    return unpackError({
      code: code === "storage" || code === "bug" ? code : "cluster",
      message: visibleLine(message, longest),
      hint: typeof hint === "string" ? visibleLine(hint, longest) : null,
    });
  } catch {
    return undefined;
  }
}
