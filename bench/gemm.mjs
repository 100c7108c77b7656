/**
 * The rate of one float32 matrix product through ONNX Runtime on the CPU: the bound of a training step on this machine.
 * Imported by the other benchmarks; alone:
 *
 *     node bench/gemm.mjs [--rows 1024] [--inner 576] [--columns 1536] [--threads 2] [--smoke]
 *
 * Knows nothing of coxswain.
 */
import { pathToFileURL } from "node:url";
import { create, toBinary } from "@bufbuild/protobuf";
import {
  GraphProtoSchema,
  ModelProtoSchema,
  NodeProtoSchema,
  OperatorSetIdProtoSchema,
  TensorProto_DataType,
  ValueInfoProtoSchema,
} from "onnx-buf";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { readOptions } from "./shared.mjs";

function matrix(name, dims) {
  const dim = dims.map((size) => ({ value: { case: "dimValue", value: BigInt(size) } }));
  const tensorType = { elemType: TensorProto_DataType.FLOAT, shape: { dim } };
  return create(ValueInfoProtoSchema, { name, type: { value: { case: "tensorType", value: tensorType } } });
}

/** A model that multiplies [rows, inner] by [inner, columns]. */
function productModel(rows, inner, columns) {
  const graph = create(GraphProtoSchema, {
    name: "product",
    node: [create(NodeProtoSchema, { opType: "MatMul", input: ["a", "b"], output: ["c"] })],
    input: [matrix("a", [rows, inner]), matrix("b", [inner, columns])],
    output: [matrix("c", [rows, columns])],
  });
  const opsetImport = [create(OperatorSetIdProtoSchema, { domain: "", version: 17n })];
  return toBinary(ModelProtoSchema, create(ModelProtoSchema, { irVersion: 8n, opsetImport, graph }));
}

function randomMatrix(rows, columns) {
  const values = new Float32Array(rows * columns).map(() => Math.random() - 0.5);
  return new Tensor("float32", values, [rows, columns]);
}

/**
 * The best of `runs` products, in 1e9 floating-point operations a second.
 * @param {{ rows: number, inner: number, columns: number, threads: number, runs?: number }} product
 */
export async function gemmGflops({ rows, inner, columns, threads, runs = 30 }) {
  const session = await InferenceSession.create(productModel(rows, inner, columns), { intraOpNumThreads: threads });
  const feeds = { a: randomMatrix(rows, inner), b: randomMatrix(inner, columns) };
  let best = Infinity;
  for (let run = 0; run < runs; run++) {
    const start = performance.now();
    await session.run(feeds);
    best = Math.min(best, performance.now() - start);
  }
  await session.release();
  return (2 * rows * inner * columns) / best / 1e6;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const defaults = { rows: 1024, inner: 576, columns: 1536, threads: 2 };
  const { rows, inner, columns, threads } = readOptions(defaults, { rows: 64, inner: 64, columns: 64 });
  const gflops = await gemmGflops({ rows, inner, columns, threads });
  console.log(JSON.stringify({ rows, inner, columns, threads, gflops }));
}
