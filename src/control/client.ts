/** Controls a run over gRPC. Every call has a deadline, and every error is explained to the user. */
import { status } from "@grpc/grpc-js";
import type { CallOptions, Metadata, ServiceError } from "@grpc/grpc-js";
import { formatAddress, parseAddress } from "../config/index.js";
import { CoxswainError } from "../errors.js";
import {
  clientCredentials,
  controlChannelOptions,
  explainRoute,
  protocolVersion,
  routeTo,
  withToken,
} from "../rpc/index.js";
import type { ClientTls, ControlRequest, ControlStub, ProxyUse, Route, RunStatusOutput } from "../rpc/index.js";
import { version } from "../version.js";
import { visibleTexts } from "../visible-text.js";
import { explainCall } from "./explain-call.js";
import { statusOf } from "./messages.js";
import { ControlClient } from "./protocol.js";
import type { RemoteRun } from "./remote-run.js";
import { watchIntervals } from "./watch-status.js";

export interface ConnectOptions {
  /** HOST:PORT of the coordinator. */
  readonly address: string;
  /** The key or flag that set the address, for messages. */
  readonly addressKey: string;
  readonly token: string | null;
  readonly tls: ClientTls | undefined;
  /** Default: none. */
  readonly proxy?: ProxyUse;
  /** Who calls: "user@host". */
  readonly caller: string;
  /** Timeout for a watched coordinator's next message, ms. Default 15 s: three times the interval of its messages. */
  readonly silenceAllowed?: number;
}

/** Timeout of a coordinator's answer, ms. */
const patience = 10_000;

/**
 * Connects with the first call.
 * @throws CoxswainError "config" for an invalid address or invalid files
 */
export async function connectRun(options: ConnectOptions): Promise<RemoteRun> {
  const address = parseAddress(options.address, { name: options.addressKey });
  const route = routeTo(address, options.proxy ?? "none");
  const credentials = await clientCredentials(options.tls);
  const client = new ControlClient(route.connectTo, credentials, { ...controlChannelOptions, ...route.options });
  return new GrpcRun(client, route, options);
}

type Respond<Answer> = (error: ServiceError | null, answer?: Answer) => void;

class GrpcRun implements RemoteRun {
  readonly #client: ControlStub;
  readonly #route: Route;
  readonly #address: string;
  readonly #metadata: Metadata;
  readonly #request: ControlRequest;
  readonly #tls: ClientTls | undefined;
  readonly #silenceAllowed: number;
  /** A call was answered: later errors are not about how to connect. */
  #connected = false;

  constructor(client: ControlStub, route: Route, options: ConnectOptions) {
    const { token, tls, caller, silenceAllowed = 3 * watchIntervals.longest } = options;
    this.#client = client;
    this.#route = route;
    this.#address = formatAddress(route.address);
    this.#tls = tls;
    this.#silenceAllowed = silenceAllowed;
    this.#metadata = withToken(token);
    this.#request = { protocolVersion, softwareVersion: version, caller };
  }

  async status() {
    return statusOf(await this.#ask<RunStatusOutput>((...call) => this.#client.status(...call)));
  }

  async pause() {
    return statusOf(await this.#ask<RunStatusOutput>((...call) => this.#client.pause(...call)));
  }

  async resume() {
    return statusOf(await this.#ask<RunStatusOutput>((...call) => this.#client.resume(...call)));
  }

  async stop() {
    return statusOf(await this.#ask<RunStatusOutput>((...call) => this.#client.stop(...call)));
  }

  async checkpoint(wait: number) {
    const asked = this.#ask<{ step: number; path: string }>((...call) => this.#client.checkpoint(...call), wait);
    return visibleTexts(await asked);
  }

  async *watch() {
    const call = this.#client.watch(this.#request, this.#metadata);
    let silence: NodeJS.Timeout | undefined;
    const heard = (): void => {
      clearTimeout(silence);
      silence = setTimeout(() => call.destroy(this.#silent()), this.#silenceAllowed);
    };
    heard();
    try {
      for await (const message of call as AsyncIterable<RunStatusOutput>) {
        heard();
        this.#connected = true;
        yield statusOf(message);
      }
    } catch (error) {
      throw await this.#explain(error as ServiceError | CoxswainError, this.#silenceAllowed);
    } finally {
      clearTimeout(silence);
      call.cancel();
    }
  }

  close(): void {
    this.#client.close();
  }

  async #ask<Answer>(
    call: (request: ControlRequest, metadata: Metadata, options: CallOptions, respond: Respond<Answer>) => unknown,
    wait = patience,
  ): Promise<Answer> {
    const asked = new Promise<Answer>((resolve, reject) => {
      call(this.#request, this.#metadata, { deadline: Date.now() + wait }, (error, answer) => {
        this.#connected ||= error === null;
        if (error !== null) reject(error);
        else if (answer !== undefined) resolve(answer);
      });
    });
    try {
      return await asked;
    } catch (error) {
      throw await this.#explain(error as ServiceError, wait);
    }
  }

  #silent(): CoxswainError {
    return new CoxswainError("network", `the coordinator at ${this.#address} stopped sending`, {
      hint: "Its machine or the network may be down. Try again.",
    });
  }

  async #explain(error: ServiceError | CoxswainError, wait: number): Promise<CoxswainError> {
    if (error instanceof CoxswainError) return error;
    if (error.code !== status.UNAVAILABLE || this.#connected) return explainCall(error, this.#address, wait);
    const { reason, hint } = await explainRoute(error.details, this.#route, this.#tls);
    return new CoxswainError("network", `no coordinator at ${this.#address}: ${reason}`, {
      hint: hint ?? "Check the address, which the coordinator prints when it starts, and that the run is not over.",
    });
  }
}
