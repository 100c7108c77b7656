/**
 * A CoxswainError on its way through gRPC: a status for any caller, and as trailing metadata what `unpackError` makes the
 * same error of at the other side.
 */
import { Metadata, status } from "@grpc/grpc-js";
import type { ServiceError } from "@grpc/grpc-js";
import { messageOf } from "../errors.js";
import type { CoxswainError, ErrorCode } from "../errors.js";
import { packError, unpackError } from "../packed-error.js";
import type { PackedError } from "../packed-error.js";

const key = "coxswain-error-bin";

/** Characters of a text that travels in a header. */
const longest = 1000;

/** What a caller meets; anything else is a bug of ours. */
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
  return { code: codes.get(code) ?? status.UNKNOWN, details: messageOf(error), metadata };
}

/** The error that the other side packed, where it did. */
export function packedError({ metadata }: Pick<ServiceError, "metadata">): CoxswainError | undefined {
  const [packed] = metadata.get(key);
  if (!Buffer.isBuffer(packed)) return undefined;
  try {
    const { code, message, hint } = JSON.parse(packed.toString()) as Partial<Record<keyof PackedError, unknown>>;
    if (typeof message !== "string") return undefined;
    return unpackError({
      code: code === "storage" || code === "bug" ? code : "cluster",
      message,
      hint: typeof hint === "string" ? hint : null,
    });
  } catch {
    return undefined;
  }
}
