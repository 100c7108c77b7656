/** Reads TensorBoard's event files: the part of it that the tests look at, without checking the checksums. */
import { readFileSync } from "node:fs";
import { BinaryReader } from "@bufbuild/protobuf/wire";

export interface ReadEvent {
  readonly step: number;
  readonly isRestart: boolean;
  readonly scalars: ReadonlyMap<string, number>;
}

export function readEventFile(path: string): ReadEvent[] {
  const bytes = readFileSync(path);
  const events: ReadEvent[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = Number(bytes.readBigUInt64LE(at));
    events.push(readEvent(bytes.subarray(at + 12, at + 12 + length)));
    at += length + 16;
  }
  return events;
}

function readEvent(bytes: Uint8Array): ReadEvent {
  const scalars = new Map<string, number>();
  let step = 0;
  let isRestart = false;
  for (const [field, reader] of fieldsOf(bytes)) {
    if (field === 2) step = Number(reader.int64());
    else if (field === 7) isRestart = true;
    else if (field === 5)
      for (const [, value] of fieldsOf(reader.bytes())) {
        let tag = "";
        for (const [part, inner] of fieldsOf(value.bytes())) {
          if (part === 1) tag = inner.string();
          else if (part === 2) scalars.set(tag, inner.float());
        }
      }
  }
  return { step, isRestart, scalars };
}

/** The reader is at each field's value; a value that is not read is skipped. */
function* fieldsOf(bytes: Uint8Array): Generator<readonly [number, BinaryReader]> {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    const before = reader.pos;
    yield [field, reader];
    if (reader.pos === before) reader.skip(type);
  }
}
