/** The little of ONNX's protobuf messages that is written here, as plain constructors. */
import { create } from "@bufbuild/protobuf";
import {
  AttributeProto_AttributeType as AttributeType,
  AttributeProtoSchema,
  NodeProtoSchema,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation,
  TensorProto_DataType,
  TensorProtoSchema,
  ValueInfoProtoSchema,
  type AttributeProto,
  type GraphProto,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from "onnx-buf";

/** Element types of graph values. */
export const elementType = {
  float32: TensorProto_DataType.FLOAT,
  float16: TensorProto_DataType.FLOAT16,
  bfloat16: TensorProto_DataType.BFLOAT16,
  int32: TensorProto_DataType.INT32,
  int64: TensorProto_DataType.INT64,
  uint8: TensorProto_DataType.UINT8,
  bool: TensorProto_DataType.BOOL,
} as const;
export type ElementType = keyof typeof elementType;

/** An attribute's value. A whole number is an integer attribute; `{ float }` marks one that must be a float. */
export type Attribute =
  number | string | readonly number[] | { readonly float: number } | { readonly graph: GraphProto };
export type Attributes = Readonly<Record<string, Attribute>>;

function attribute(name: string, value: Attribute): AttributeProto {
  if (typeof value === "number") {
    return create(AttributeProtoSchema, { name, type: AttributeType.INT, i: BigInt(value) });
  }
  if (typeof value === "string") {
    return create(AttributeProtoSchema, { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) });
  }
  if ("float" in value) return create(AttributeProtoSchema, { name, type: AttributeType.FLOAT, f: value.float });
  if ("graph" in value) return create(AttributeProtoSchema, { name, type: AttributeType.GRAPH, g: value.graph });
  return create(AttributeProtoSchema, { name, type: AttributeType.INTS, ints: value.map(BigInt) });
}

export interface NodeDescription {
  readonly op: string;
  /** "" for ONNX's own operators. */
  readonly domain: string;
  /** "" leaves an optional input out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
}

export function nodeProto({ op, domain, inputs, outputs, attributes }: NodeDescription): NodeProto {
  return create(NodeProtoSchema, {
    // Shown in profiles and error messages: the first output identifies the part of the model.
    name: `${op}:${outputs[0] ?? ""}`,
    opType: op,
    domain,
    input: [...inputs],
    output: [...outputs],
    attribute: Object.entries(attributes).map(([name, value]) => attribute(name, value)),
  });
}

/** @param dims a size, or the name of one that varies between runs */
export function valueInfo(name: string, type: ElementType, dims: readonly (number | string)[]): ValueInfoProto {
  const dim = dims.map((size) => ({
    value:
      typeof size === "number"
        ? ({ case: "dimValue", value: BigInt(size) } as const)
        : ({ case: "dimParam", value: size } as const),
  }));
  return create(ValueInfoProtoSchema, {
    name,
    type: { value: { case: "tensorType", value: { elemType: elementType[type], shape: { dim } } } },
  });
}

/** A tensor whose bytes are stored in the graph. */
export function inlineTensor(
  name: string,
  type: ElementType,
  dims: readonly number[],
  values: Float32Array<ArrayBuffer> | BigInt64Array<ArrayBuffer> | Int32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>,
): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dataType: elementType[type],
    dims: dims.map(BigInt),
    rawData: new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
  });
}

/** A tensor whose bytes the runtime maps from a file; the folder is an option of the session. */
export function externalTensor(
  name: string,
  type: ElementType,
  dims: readonly number[],
  place: { readonly file: string; readonly byteOffset: number; readonly byteLength: number },
): TensorProto {
  const entry = (key: string, value: string) => create(StringStringEntryProtoSchema, { key, value });
  return create(TensorProtoSchema, {
    name,
    dataType: elementType[type],
    dims: dims.map(BigInt),
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: [
      entry("location", place.file),
      entry("offset", String(place.byteOffset)),
      entry("length", String(place.byteLength)),
    ],
  });
}
