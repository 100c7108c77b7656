/** Keeps the tokens of a data set in memory: the first form of small ones. */
import { Int32Buffer } from "./int32-buffer.js";
import type { TokenSink } from "./collector.js";
import { tokensInMemory, type ExampleTokens } from "./token-store.js";

export class MemorySink implements TokenSink {
  readonly #ids = new Int32Buffer();
  readonly #labels = new Int32Buffer();
  readonly #lengths = new Int32Buffer();

  append(ids: Int32Array, labels: Int32Array): void {
    this.#ids.append(ids);
    this.#labels.append(labels);
    this.#lengths.push(ids.length);
  }

  finish(): ExampleTokens {
    return tokensInMemory(this.#ids.finish(), this.#labels.finish(), this.#lengths.finish());
  }
}
