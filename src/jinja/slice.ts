/** `value[start:stop:step]`. */
import { refuseUndefined } from "./arguments.js";
import { typeError, valueError } from "./errors.js";
import { asInt } from "./numbers.js";
import { codePoints, isSimple } from "./unicode.js";
import { Markup, PyRange, PyTuple, typeName, type Value } from "./values.js";

export interface SliceBounds {
  readonly start: Value;
  readonly stop: Value;
  readonly step: Value;
}

function bound(value: Value): number | null {
  if (value === null) return null;
  const int = asInt(value);
  if (int === null) throw typeError("slice indices must be integers or None or have an __index__ method");
  return Number(int);
}

/** CPython's `slice.indices`. */
function indices({ start, stop, step }: SliceBounds, length: number): readonly [number, number, number] {
  const by = bound(step) ?? 1;
  if (by === 0) throw valueError("slice step cannot be zero");
  const [lower, upper] = by < 0 ? [-1, length - 1] : [0, length];
  const clip = (value: Value, fallback: number): number => {
    const given = bound(value);
    if (given === null) return fallback;
    return given < 0 ? Math.max(given + length, lower) : Math.min(given, upper);
  };
  return by < 0 ? [clip(start, upper), clip(stop, lower), by] : [clip(start, lower), clip(stop, upper), by];
}

function pick<T>(items: readonly T[], bounds: SliceBounds): T[] {
  const [start, stop, step] = indices(bounds, items.length);
  if (step === 1) return items.slice(start, Math.max(start, stop));
  const picked: T[] = [];
  for (let at = start; step > 0 ? at < stop : at > stop; at += step) picked.push(...items.slice(at, at + 1));
  return picked;
}

function sliceText(text: string, bounds: SliceBounds): string {
  if (!isSimple(text)) return pick(codePoints(text), bounds).join("");
  const [start, stop, step] = indices(bounds, text.length);
  if (step === 1) return text.slice(start, Math.max(start, stop));
  return pick(text.split(""), bounds).join("");
}

export function slice(value: Value, bounds: SliceBounds): Value {
  if (typeof value === "string") return sliceText(value, bounds);
  if (Array.isArray(value)) return pick(value, bounds);
  if (value instanceof PyTuple) return new PyTuple(pick(value.items, bounds));
  if (value instanceof Markup) return new Markup(sliceText(value.text, bounds));
  if (value instanceof PyRange) {
    const [start, stop, step] = indices(bounds, value.count);
    return new PyRange(value.at(start), value.at(stop), value.step * step);
  }
  refuseUndefined(value);
  throw typeError(`'${typeName(value)}' object is not subscriptable`);
}
