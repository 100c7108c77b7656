/** `Ops` over tensors: each operation is computed at once, and recorded where it is differentiated. */
import { add, gather, tidy, type Tensor } from "@tensorflow/tfjs-core";
import type { AttentionSettings, LayerNormSettings, Ops, Projection, RmsNormSettings, RotarySettings } from "../ops.js";
import type { TensorContext } from "./context.js";
import { attention } from "./operations/attention.js";
import { activate, gated } from "./operations/activation.js";
import { gelu } from "./operations/gelu.js";
import { layerNorm } from "./operations/layer-norm.js";
import { project } from "./operations/linear.js";
import { rmsNorm } from "./operations/norm.js";
import { rotary } from "./operations/rotary.js";
import { scale } from "./operations/scale.js";
import { split } from "./operations/split.js";
import { silu } from "./operations/silu.js";
import type { Tape } from "./tape.js";

export class TensorOps implements Ops<Tensor> {
  readonly #context: TensorContext;
  readonly #checkpointing: boolean;

  /** @param checkpointing keep only a layer's input, and recompute the layer in the backward pass */
  constructor(context: TensorContext, checkpointing: boolean) {
    this.#context = context;
    this.#checkpointing = checkpointing;
  }

  embedding(weight: string): Tensor {
    const { weights, sequence } = this.#context;
    return gather(weights.get(weight), sequence.tokenIds);
  }

  positionEmbedding(weight: string): Tensor {
    const { weights, sequence } = this.#context;
    return gather(weights.get(weight), sequence.positions);
  }

  block(x: Tensor, body: (x: Tensor) => Tensor): Tensor {
    const { tape } = this.#context;
    if (tape === null)
      return this.#released(
        x,
        tidy(() => body(x)),
      );
    return this.#checkpointing ? this.#recomputedBlock(tape, x, body) : body(x);
  }

  project<const P extends readonly Projection[]>(x: Tensor, modules: P): { readonly [K in keyof P]: Tensor } {
    return project(this.#context, x, modules) as unknown as { readonly [K in keyof P]: Tensor };
  }

  rmsNorm(x: Tensor, settings: RmsNormSettings): Tensor {
    return rmsNorm(this.#context, x, settings);
  }

  split<const W extends readonly number[]>(x: Tensor, widths: W): { readonly [K in keyof W]: Tensor } {
    return split(this.#context, x, widths) as unknown as { readonly [K in keyof W]: Tensor };
  }

  rotary(x: Tensor, heads: number, headDim: number, settings: RotarySettings): Tensor {
    return rotary(this.#context, x, heads, headDim, settings);
  }

  layerNorm(x: Tensor, settings: LayerNormSettings): Tensor {
    return layerNorm(this.#context, x, settings);
  }

  attention(q: Tensor, k: Tensor, v: Tensor, settings: AttentionSettings): Tensor {
    return attention(this.#context, q, k, v, settings);
  }

  swiGlu(gate: Tensor, up: Tensor): Tensor {
    return gated(this.#context, silu, gate, up);
  }

  geGlu(gate: Tensor, up: Tensor): Tensor {
    return gated(this.#context, gelu, gate, up);
  }

  gelu(x: Tensor): Tensor {
    return activate(this.#context, gelu, x);
  }

  scale(x: Tensor, factor: number): Tensor {
    return scale(this.#context, x, factor);
  }

  add(a: Tensor, b: Tensor): Tensor {
    const { tape } = this.#context;
    const output = add(a, b);
    if (tape !== null && (tape.needs(a) || tape.needs(b))) {
      tape.record({
        inputs: [a, b],
        outputs: [output],
        // Each input's gradient is a separate tensor with the same numbers.
        backward: ([gradient]) => (gradient === undefined ? [] : [gradient.clone(), gradient.clone()]),
      });
    }
    return output;
  }

  #recomputedBlock(tape: Tape, x: Tensor, body: (x: Tensor) => Tensor): Tensor {
    const output = this.#onTape(null, () => tidy(() => body(x)));
    tape.record({
      inputs: [x],
      outputs: [output],
      backward: ([gradient]) => {
        if (gradient === undefined) return [];
        const replay = tape.another();
        if (tape.needs(x)) replay.require(x);
        this.#onTape(replay, () => {
          replay.accumulate(body(x), gradient.clone());
          replay.backward();
        });
        return [replay.takeGradient(x)];
      },
    });
    return output;
  }

  /** Runs `action` with operations recorded on another tape, or none. */
  #onTape<R>(tape: Tape | null, action: () => R): R {
    const before = this.#context.tape;
    this.#context.tape = tape;
    try {
      return action();
    } finally {
      this.#context.tape = before;
    }
  }

  /** Without a tape, a layer's input is not used again. */
  #released(input: Tensor, output: Tensor): Tensor {
    input.dispose();
    return output;
  }
}
