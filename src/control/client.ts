/** Steers a run over gRPC. Every call has a deadline, and whatever goes wrong is said in a user's words. */
import { status } from "@grpc/grpc-js";
import type { CallOptions, Metadata, ServiceError } from "@grpc/grpc-js";
import { formatAddress, parseAddress } from "../config/index.js";
import { CoxswainError } from "../errors.js";
import {
  clientCredentials,
  controlChannelOptions,
  explainConnection,
  protocolVersion,
  withToken,
} from "../rpc/index.js";
import type { ClientTls, ControlRequest, ControlStub, RunStatusOutput } from "../rpc/index.js";
import { version } from "../version.js";
import { explainCall } from "./explain-call.js";
import { statusOf } from "./messages.js";
import { ControlClient } from "./protocol.js";
import type { RemoteRun } from "./remote-run.js";
import { watchIntervals } from "./watch-status.js";

export interface ConnectOptions {
  /** HOST:PORT of the coordinator. */
  readonly address: string;
  /** The key or flag that the address came from, for messages. */
  readonly addressKey: string;
  readonly token: string | null;
  readonly tls: ClientTls | undefined;
  /** Who asks: "user@host". */
  readonly caller: string;
  /** How long a watched coordinator may say nothing, ms. Default 15 s: three times as long as it says nothing. */
  readonly silenceAllowed?: number;
}

/** How long a coordinator may take to answer, ms. */
const patience = 10_000;

/**
 * Connects with the first question.
 * @throws CoxswainError "config" for an address or files that are none
 */
export async function connectRun(options: ConnectOptions): Promise<RemoteRun> {
  const address = formatAddress(parseAddress(options.address, { name: options.addressKey }));
  const credentials = await clientCredentials(options.tls);
  return new GrpcRun(new ControlClient(address, credentials, controlChannelOptions), address, options);
}

type Respond<Answer> = (error: ServiceError | null, answer?: Answer) => void;

class GrpcRun implements RemoteRun {
  readonly #client: ControlStub;
  readonly #address: string;
  readonly #metadata: Metadata;
  readonly #request: ControlRequest;
  readonly #tls: ClientTls | undefined;
  readonly #silenceAllowed: number;
  /** Something was answered: from then on it is no question of how to connect. */
  #connected = false;

  constructor(client: ControlStub, address: string, options: ConnectOptions) {
    const { token, tls, caller, silenceAllowed = 3 * watchIntervals.longest } = options;
    this.#client = client;
    this.#address = address;
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

  checkpoint(wait: number) {
    return this.#ask<{ step: number; path: string }>((...call) => this.#client.checkpoint(...call), wait);
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
      throw this.#explain(error as ServiceError | CoxswainError, this.#silenceAllowed);
    } finally {
      clearTimeout(silence);
      call.cancel();
    }
  }

  close(): void {
    this.#client.close();
  }

  #ask<Answer>(
    call: (request: ControlRequest, metadata: Metadata, options: CallOptions, respond: Respond<Answer>) => unknown,
    wait = patience,
  ): Promise<Answer> {
    return new Promise((resolve, reject) => {
      call(this.#request, this.#metadata, { deadline: Date.now() + wait }, (error, answer) => {
        this.#connected ||= error === null;
        if (error !== null) reject(this.#explain(error, wait));
        else if (answer !== undefined) resolve(answer);
      });
    });
  }

  #silent(): CoxswainError {
    return new CoxswainError("network", `nothing was heard of the coordinator at ${this.#address}`, {
      hint: "Its machine, or the network between, may be down. Try again.",
    });
  }

  #explain(error: ServiceError | CoxswainError, wait: number): CoxswainError {
    if (error instanceof CoxswainError) return error;
    if (error.code !== status.UNAVAILABLE || this.#connected) return explainCall(error, this.#address, wait);
    const { reason, hint } = explainConnection(error.details, this.#tls);
    return new CoxswainError("network", `no coordinator at ${this.#address}: ${reason}`, {
      hint: hint ?? "Check the address, which the coordinator prints when it starts, and whether the run is over.",
    });
  }
}
