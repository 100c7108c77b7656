/**
 * TensorBoard's records as bytes: `tensorflow.Event` messages (tensorflow/core/util/event.proto) in TFRecord frames.
 * Pure.
 */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import crc32c from "crc-32/crc32c.js";

export type EventContent =
  /** The first record of a file. */
  | { readonly kind: "version" }
  /** What an earlier file has from this step on does not count. */
  | { readonly kind: "restart" }
  | { readonly kind: "scalars"; readonly scalars: Readonly<Record<string, number>> }
  /** Markdown, in the tab "Text". */
  | { readonly kind: "text"; readonly tag: string; readonly text: string };

/** @param wallTime seconds since 1970 */
export function eventRecord(wallTime: number, step: number, content: EventContent): Uint8Array {
  const event = new BinaryWriter().tag(1, WireType.Bit64).double(wallTime).tag(2, WireType.Varint).int64(step);
  switch (content.kind) {
    case "version":
      event.tag(3, WireType.LengthDelimited).string("brain.Event:2");
      break;
    case "restart":
      // SessionLog { status: START }
      event.tag(7, WireType.LengthDelimited).fork().tag(1, WireType.Varint).int32(1).join();
      break;
    case "scalars":
      event.tag(5, WireType.LengthDelimited).fork();
      for (const [tag, value] of Object.entries(content.scalars))
        event
          .tag(1, WireType.LengthDelimited)
          .fork()
          .tag(1, WireType.LengthDelimited)
          .string(tag)
          .tag(2, WireType.Bit32)
          .float(value)
          .join();
      event.join();
      break;
    case "text":
      event
        .tag(5, WireType.LengthDelimited)
        .fork()
        .tag(1, WireType.LengthDelimited)
        .fork()
        .tag(1, WireType.LengthDelimited)
        .string(content.tag);
      // TensorProto { dtype: DT_STRING, tensor_shape: { dim: { size: 1 } }, string_val: [text] }
      event.tag(8, WireType.LengthDelimited).fork().tag(1, WireType.Varint).int32(7);
      event
        .tag(2, WireType.LengthDelimited)
        .fork()
        .tag(2, WireType.LengthDelimited)
        .fork()
        .tag(1, WireType.Varint)
        .int64(1)
        .join()
        .join();
      event.tag(8, WireType.LengthDelimited).string(content.text).join();
      // SummaryMetadata { plugin_data: { plugin_name: "text" } }
      event
        .tag(9, WireType.LengthDelimited)
        .fork()
        .tag(1, WireType.LengthDelimited)
        .fork()
        .tag(1, WireType.LengthDelimited)
        .string("text")
        .join()
        .join();
      event.join().join();
      break;
  }
  return framed(event.finish());
}

/** Length, its checksum, the data, its checksum; all little-endian. */
export function framed(data: Uint8Array): Uint8Array {
  const frame = new Uint8Array(12 + data.length + 4);
  const view = new DataView(frame.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedChecksum(frame.subarray(0, 8)), true);
  frame.set(data, 12);
  view.setUint32(12 + data.length, maskedChecksum(data), true);
  return frame;
}

/** CRC-32C, rotated right by 15 bits, plus a constant: TFRecord's mask. */
function maskedChecksum(bytes: Uint8Array): number {
  const checksum = crc32c.buf(bytes) >>> 0;
  return (((checksum >>> 15) | (checksum << 17)) + 0xa282ead8) >>> 0;
}
