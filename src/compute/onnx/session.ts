/**
 * One ONNX Runtime session. This is the only module that loads the runtime, and only once a
 * session is opened.
 */
import type { InferenceSession, Tensor } from "onnxruntime-node";
import { CoxswainError, messageOf } from "../../errors.js";
import { missingCudaLibraries, whatBrings } from "../cuda-libraries.js";
import { cudaProvider } from "../device.js";
import { systemTrouble } from "../../system-errors.js";
import { deviceEnvironment, sessionOptions, type SessionSettings } from "./session-options.js";

export type Feeds = Record<string, Tensor>;
export type Outputs = Readonly<Record<string, Tensor>>;

export type { SessionSettings } from "./session-options.js";

/** @throws CoxswainError "config" if the runtime's native library does not load */
async function runtime() {
  // The runtime's builds send telemetry to Microsoft, and store an identifier of the machine in the home folder, unless
  // disabled before they are loaded. Set the variable to 0 to enable it.
  process.env["ORT_DISABLE_TELEMETRY"] ??= "1";
  try {
    return await import("onnxruntime-node");
  } catch (error) {
    throw new CoxswainError("config", `ONNX Runtime cannot be loaded: ${messageOf(error)}`, {
      cause: error,
      hint: "Install again with npm ci. ONNX Runtime has builds for Linux (glibc), macOS and Windows, x64 and arm64.",
    });
  }
}

/** @throws CoxswainError "config" if the runtime's native library does not load */
export async function runtimeVersion(): Promise<string> {
  return (await runtime()).env.versions.node ?? "of unknown version";
}

export type TensorClass = typeof Tensor;

/** The runtime's tensors: views of arrays, which must not change during a run. */
export async function tensorClass(): Promise<TensorClass> {
  return (await runtime()).Tensor;
}

export class Session {
  readonly #session: InferenceSession;
  readonly #settings: SessionSettings;

  private constructor(session: InferenceSession, settings: SessionSettings) {
    this.#session = session;
    this.#settings = settings;
  }

  /** @throws CoxswainError "config" if the runtime cannot use the device, "model" if it rejects the graph */
  static async open(model: Uint8Array, settings: SessionSettings): Promise<Session> {
    const { InferenceSession: RuntimeSession, listSupportedBackends } = await runtime();
    for (const [name, value] of Object.entries(deviceEnvironment(settings.device))) process.env[name] ??= value;
    // The runtime silently ignores an unknown provider and computes on the CPU.
    const known = listSupportedBackends().map(({ name }) => name);
    if (!known.includes(settings.device)) {
      throw new CoxswainError(
        "config",
        `compute.device: this build of ONNX Runtime has no ${settings.device} provider`,
        {
          hint: `It has: ${known.join(", ")}.`,
        },
      );
    }
    try {
      return new Session(await RuntimeSession.create(model, sessionOptions(settings)), settings);
    } catch (error) {
      throw openingTrouble(error, settings);
    }
  }

  /**
   * @param outputs tensors to write outputs into, or names of outputs whose tensors the runtime allocates
   * @throws CoxswainError "bug" if the runtime fails
   */
  async run(feeds: Feeds, outputs: Feeds | readonly string[]): Promise<Outputs> {
    try {
      return await this.#session.run(feeds, outputs);
    } catch (error) {
      const known = systemTrouble(error);
      if (known !== undefined) throw known;
      throw new CoxswainError(
        "bug",
        `ONNX Runtime failed in the ${this.#settings.purpose} graph: ${messageOf(error)}`,
        {
          cause: error,
        },
      );
    }
  }

  async close(): Promise<void> {
    if (this.#settings.profile !== undefined) this.#session.endProfiling();
    await this.#session.release();
  }
}

function openingTrouble(error: unknown, { purpose, device, folder }: SessionSettings): CoxswainError {
  const known = systemTrouble(error);
  if (known !== undefined) return known;
  if (device === "cpu") {
    return new CoxswainError("model", `${folder}: ONNX Runtime cannot open the ${purpose} graph: ${saying(error)}`, {
      cause: error,
    });
  }
  const provider = device === "cuda" ? cudaProvider() : undefined;
  const missing = provider === undefined ? [] : missingCudaLibraries(provider);
  if (provider !== undefined && missing.length > 0) {
    const what = `compute.device: cuda cannot be used: the dynamic loader does not find ${missing.join(", ")}`;
    const hint = `${whatBrings(missing, provider)} Or use device: cpu.`;
    return new CoxswainError("config", `${what} (needed by ${provider}): ${saying(error)}`, { cause: error, hint });
  }
  return new CoxswainError("config", `compute.device: ${device} cannot be used: ${saying(error)}`, {
    cause: error,
    hint: "It needs a GPU that this process can see, and its driver. Or use device: cpu.",
  });
}

/** The runtime's message without the source locations at its beginning. */
const saying = (error: unknown): string =>
  messageOf(error)
    .replace(/^\/onnxruntime_src\/.*? was false\. /s, "")
    .trim();
