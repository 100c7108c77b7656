/**
 * The WebAssembly instance of kernels.wat, with the scratch blocks in its memory that vectors are copied through.
 * Kernels are synchronous and keep no state, so one instance serves a whole thread.
 */
import { kernelsWasm } from "./kernels.wasm.js";

/** The functions of kernels.wat: addresses in bytes, counts in elements (multiples of 8). */
export interface Kernels {
  add(into: number, from: number, count: number): void;
  scale(into: number, factor: number, count: number): void;
  squareSum(from: number, count: number): number;
  toBf16(to: number, from: number, count: number): void;
  addBf16(into: number, from: number, count: number): void;
  fromBf16(to: number, from: number, count: number): void;
  roundBf16(into: number, count: number): void;
  addRoundBf16(into: number, from: number, count: number): void;
  /** Lanes have 16 bytes, the state has 32. */
  checksum(state: number, from: number, lanes: number, weight: number): void;
  adamw(
    parameters: number,
    m: number,
    v: number,
    gradients: number,
    count: number,
    scale: number,
    decay: number,
    fromGradient: number,
    lerp: number,
    beta2: number,
    oneMinusBeta2: number,
    correction2: number,
    epsilon: number,
    minusStepSize: number,
  ): void;
}

// Node has it; the type declarations of Node 20 don't.
declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
};

/**
 * Elements of a scratch block: 16 KiB of f32, so that a kernel's data stays in the caches and the cost of a call is
 * amortised.
 */
export const blockSize = 4096;

/**
 * Where the first block begins, bytes. Offset by half a 4 KiB page, because large vectors begin just after a page
 * boundary: a copy between addresses that agree in their low 12 bits stalls on its own stores (measured: five times
 * slower).
 */
const firstBlock = 2048;

/** Typed views of a block of scratch memory. */
export interface Block {
  /** Bytes, for the kernels. */
  readonly address: number;
  /** [blockSize] */
  readonly floats: Float32Array;
  /** [blockSize * 4] */
  readonly bytes: Uint8Array;
  /** [blockSize] bfloat16, in the first half. */
  readonly halves: Uint16Array;
}

/** Eight words before the first block, for state that a kernel carries from one block to the next. */
export interface KernelState {
  readonly address: number;
  readonly words: Uint32Array;
}

interface Instance {
  readonly kernels: Kernels;
  readonly blocks: readonly [Block, Block, Block, Block];
  readonly state: KernelState;
}

function instantiate(): Instance {
  const module = new WebAssembly.Module(Buffer.from(kernelsWasm, "base64"));
  const { memory, ...kernels } = new WebAssembly.Instance(module).exports as Kernels & {
    readonly memory: { readonly buffer: ArrayBuffer };
  };
  const block = (index: number): Block => {
    const address = firstBlock + index * blockSize * 4;
    return {
      address,
      floats: new Float32Array(memory.buffer, address, blockSize),
      bytes: new Uint8Array(memory.buffer, address, blockSize * 4),
      halves: new Uint16Array(memory.buffer, address, blockSize),
    };
  };
  const state = { address: 0, words: new Uint32Array(memory.buffer, 0, 8) };
  return { kernels, blocks: [block(0), block(1), block(2), block(3)], state };
}

export const { kernels, blocks, state } = instantiate();
