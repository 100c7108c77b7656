/**
 * What a value of each Parquet type is in an example: what pyarrow makes of it, as JSON has it or as Python prints it.
 * Pure.
 */
import type { SchemaElement, TimeUnit } from "hyparquet";
import { PyFloat } from "../../../jinja/index.js";
import { utf8 } from "../lines.js";
import {
  dateText,
  decimalText,
  halfFloat,
  nanosecondsOfInt96,
  signedInteger,
  timestampText,
  timeText,
  uuidText,
} from "./calendar.js";

/** Of a value as it is stored: boolean, number, bigint or bytes. */
export type Convert = (stored: unknown) => unknown;

/** A type that has no counterpart in an example. */
export interface Unsupported {
  /** "binary data" */
  readonly unsupported: string;
}

const text: Convert = (stored) => {
  try {
    return utf8.decode(stored as Uint8Array);
  } catch {
    throw new RangeError("the text is not UTF-8");
  }
};

const integer: Convert = (stored) => {
  if (typeof stored === "number") return stored;
  const value = stored as bigint;
  return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER ? Number(value) : value;
};

const unsigned: Convert = (stored) =>
  typeof stored === "number" ? stored >>> 0 : integer(BigInt.asUintN(64, stored as bigint));

const float: Convert = (stored) => new PyFloat(stored as number);
const asIs: Convert = (stored) => stored;

const unitsPerSecond: Readonly<Record<TimeUnit, bigint>> = { MILLIS: 1000n, MICROS: 1_000_000n, NANOS: 1_000_000_000n };

const big = (stored: unknown): bigint => BigInt(stored as number | bigint);

const decimal =
  (scale: number): Convert =>
  (stored) =>
    decimalText(stored instanceof Uint8Array ? signedInteger(stored) : big(stored), scale);

const time =
  (unit: TimeUnit): Convert =>
  (stored) =>
    timeText(big(stored), unitsPerSecond[unit]);

const timestamp =
  (unit: TimeUnit, isMoment: boolean): Convert =>
  (stored) =>
    timestampText(big(stored), unitsPerSecond[unit], isMoment);

const date: Convert = (stored) => dateText(stored as number);
const unsupported = (what: string): Unsupported => ({ unsupported: what });

/** How values of a leaf of the schema are read. */
export function converterOf(element: SchemaElement): Convert | Unsupported {
  const { logical_type: logical, converted_type: converted, scale = 0 } = element;
  switch (logical?.type) {
    case "STRING":
    case "ENUM":
    case "JSON":
      return text;
    case "DECIMAL":
      return decimal(logical.scale);
    case "DATE":
      return date;
    case "TIME":
      return time(logical.unit);
    case "TIMESTAMP":
      return timestamp(logical.unit, logical.isAdjustedToUTC);
    case "INTEGER":
      return logical.isSigned ? integer : unsigned;
    case "UUID":
      return (stored) => uuidText(stored as Uint8Array);
    case "FLOAT16":
      return (stored) => new PyFloat(halfFloat(stored as Uint8Array));
    case "BSON":
    case "INTERVAL":
    case "GEOMETRY":
    case "GEOGRAPHY":
    case "VARIANT":
    case "FILE":
      return unsupported(logical.type);
    case "MAP":
    case "LIST":
    case "NULL":
    case undefined:
  }
  switch (converted) {
    case "UTF8":
    case "ENUM":
    case "JSON":
      return text;
    case "DECIMAL":
      return decimal(scale);
    case "DATE":
      return date;
    case "TIME_MILLIS":
      return time("MILLIS");
    case "TIME_MICROS":
      return time("MICROS");
    case "TIMESTAMP_MILLIS":
      return timestamp("MILLIS", true);
    case "TIMESTAMP_MICROS":
      return timestamp("MICROS", true);
    case "UINT_8":
    case "UINT_16":
    case "UINT_32":
    case "UINT_64":
      return unsigned;
    case "BSON":
    case "INTERVAL":
      return unsupported(converted);
    case "INT_8":
    case "INT_16":
    case "INT_32":
    case "INT_64":
    case "MAP":
    case "MAP_KEY_VALUE":
    case "LIST":
    case undefined:
  }
  return ofStorage(element);
}

function ofStorage({ type }: SchemaElement): Convert | Unsupported {
  switch (type) {
    case "BOOLEAN":
      return asIs;
    case "INT32":
    case "INT64":
      return integer;
    case "INT96":
      return (stored) => timestampText(nanosecondsOfInt96(stored as bigint), unitsPerSecond.NANOS, false);
    case "FLOAT":
    case "DOUBLE":
      return float;
    case "BYTE_ARRAY":
    case "FIXED_LEN_BYTE_ARRAY":
    case undefined:
  }
  return unsupported("binary data");
}
