export { checksumOf } from "./checksum.js";
export { Assembler } from "./assembler.js";
export {
  chunksOf,
  decodeChunk,
  encodeChunk,
  maxPayload,
  payloadOffset,
  readChunkHead,
  writeChunkHead,
} from "./chunk.js";
export type { Chunk, ChunkHead } from "./chunk.js";
export { bytesOf, floatsOf } from "./floats.js";
export {
  addBf16Into,
  addInto,
  addBf16RoundedTo,
  addRoundedTo,
  addTo,
  adamwElements,
  fromBf16,
  roundToBf16,
  scaleInPlace,
  squareSumBlock,
  squareSums,
  toBf16,
} from "./kernels.js";
export type { AdamwConstants, AdamwVectors } from "./kernels.js";
export { stateHash } from "./state-hash.js";
export type { HashedState } from "./state-hash.js";
export { TreeSum } from "./tree-sum.js";
export type { TreeSumOptions } from "./tree-sum.js";
export {
  children,
  contains,
  cover,
  describeNode,
  isNode,
  parent,
  root,
  runsOf,
  sameNode,
  shardsOf,
  sibling,
} from "./tree.js";
export { SharedChunks } from "./shared-chunks.js";
export type { TreeNode } from "./tree.js";
export { VectorAssembler, isWithin, vectorBytes, vectorChecksum, vectorChunks } from "./vector.js";
export type { VectorDtype, VectorRange } from "./vector.js";
export { VectorPool } from "./vector-pool.js";
