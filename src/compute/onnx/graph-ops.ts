/** `Ops` over graph values: what a family's forward pass becomes nodes (and records of a tape) through. */
import type { AttentionSettings, LayerNormSettings, Ops, Projection, RmsNormSettings, RotarySettings } from "../ops.js";
import { after } from "./barrier.js";
import type { GraphContext } from "./context.js";
import type { Value } from "./graph-builder.js";
import { activate } from "./operations/activation.js";
import { attention } from "./operations/attention.js";
import { gelu } from "./operations/gelu.js";
import { layerNorm } from "./operations/layer-norm.js";
import { project } from "./operations/linear.js";
import { rmsNorm } from "./operations/norm.js";
import { rotary } from "./operations/rotary.js";
import { scale } from "./operations/scale.js";
import { silu } from "./operations/silu.js";
import { split } from "./operations/split.js";
import type { Tape } from "./tape.js";

export class GraphOps implements Ops<Value> {
  readonly #context: GraphContext;
  readonly #checkpointing: boolean;

  /** @param checkpointing keep only a layer's input, and recompute the layer in the backward pass */
  constructor(context: GraphContext, checkpointing: boolean) {
    this.#context = context;
    this.#checkpointing = checkpointing;
  }

  embedding(weight: string): Value {
    const { graph, weights, inputs } = this.#context;
    const ids = graph.declare(graph.op("Reshape", [inputs.tokenIds, graph.ints([-1])]), ["tokens"], "int32");
    const rows = graph.op("Gather", [weights.stored(weight), ids], { axis: 0 });
    return graph.declare(weights.toFloat32(weight, rows), ["tokens", weights.width(weight)]);
  }

  positionEmbedding(weight: string): Value {
    const { graph, weights, inputs } = this.#context;
    const positions = graph.declare(graph.op("Reshape", [inputs.positions, graph.ints([-1])]), ["tokens"], "int64");
    const rows = graph.op("Gather", [weights.stored(weight), positions], { axis: 0 });
    return graph.declare(weights.toFloat32(weight, rows), ["tokens", weights.width(weight)]);
  }

  block(x: Value, body: (x: Value) => Value): Value {
    const { tape } = this.#context;
    if (tape === null) return body(x);
    return this.#checkpointing ? this.#recomputedBlock(tape, x, body) : this.#orderedBlock(tape, x, body);
  }

  project<const P extends readonly Projection[]>(x: Value, modules: P): { readonly [K in keyof P]: Value } {
    return project(this.#context, x, modules) as unknown as { readonly [K in keyof P]: Value };
  }

  rmsNorm(x: Value, settings: RmsNormSettings): Value {
    return rmsNorm(this.#context, x, settings);
  }

  split<const W extends readonly number[]>(x: Value, widths: W): { readonly [K in keyof W]: Value } {
    return split(this.#context, x, widths) as unknown as { readonly [K in keyof W]: Value };
  }

  rotary(x: Value, heads: number, headDim: number, settings: RotarySettings): Value {
    return rotary(this.#context, x, heads, headDim, settings);
  }

  layerNorm(x: Value, settings: LayerNormSettings): Value {
    return layerNorm(this.#context, x, settings);
  }

  attention(q: Value, k: Value, v: Value, settings: AttentionSettings): Value {
    return attention(this.#context, q, k, v, settings);
  }

  swiGlu(gate: Value, up: Value): Value {
    return activate(this.#context, silu, gate, up);
  }

  geGlu(gate: Value, up: Value): Value {
    return activate(this.#context, gelu, gate, up);
  }

  gelu(x: Value): Value {
    return activate(this.#context, gelu, x);
  }

  scale(x: Value, factor: number): Value {
    return scale(this.#context, x, factor);
  }

  add(a: Value, b: Value): Value {
    const { graph, tape } = this.#context;
    const output = graph.declare(graph.op("Add", [a, b]), graph.dimsOf(a));
    if (tape !== null && (tape.needs(a) || tape.needs(b))) {
      tape.record([output], ([gradient]) => {
        if (gradient === undefined) return;
        tape.accumulate(a, gradient);
        tape.accumulate(b, gradient);
      });
    }
    return output;
  }

  /** In the backward pass, all parameter gradients of a layer are computed before the layer below begins. */
  #orderedBlock(tape: Tape, x: Value, body: (x: Value) => Value): Value {
    if (!tape.needs(x)) return body(x);
    const inside: Value = { name: x.name };
    tape.record([inside], ([gradient]) => {
      if (gradient !== undefined) tape.accumulate(x, this.#afterParameters(x, gradient, tape));
    });
    return body(inside);
  }

  #recomputedBlock(tape: Tape, x: Value, body: (x: Value) => Value): Value {
    const { graph } = this.#context;
    const output = this.#onTape(null, () => body(x));
    tape.record([output], ([gradient]) => {
      if (gradient === undefined) return;
      const replay = tape.another();
      const input = after(graph, x, [gradient]);
      if (tape.needs(x)) replay.require(input);
      this.#onTape(replay, () => {
        replay.accumulate(body(input), gradient);
        replay.backward();
      });
      const toInput = replay.gradientOf(input);
      if (toInput !== undefined) tape.accumulate(x, this.#afterParameters(x, toInput, tape));
    });
    return output;
  }

  /** Runs `action` with operations recorded on another tape, or none. */
  #onTape<R>(tape: Tape | null, action: () => R): R {
    const before = this.#context.tape;
    this.#context.tape = tape;
    const result = action();
    this.#context.tape = before;
    return result;
  }

  /** The gradient of `x`, available once the parameter gradients so far are computed. */
  #afterParameters(x: Value, gradient: Value, tape: Tape): Value {
    const { graph } = this.#context;
    return after(graph, gradient, tape.parameters.takeFresh(), graph.dimsOf(x));
  }
}
