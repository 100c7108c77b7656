/**
 * One membership, from Join to its end: passes events to the state machine (machine/) and carries out its effects.
 */
import { detach } from "../../async/index.js";
import type { Clock, Timer } from "../../clock.js";
import { runNames } from "../../config/index.js";
import { CoxswainError } from "../../errors.js";
import type { CoordinatorMessageOutput, WelcomeOutput } from "../../rpc/index.js";
import { protocolVersion, readRunConfig } from "../../rpc/index.js";
import type { Logger } from "../../telemetry/index.js";
import { version } from "../../version.js";
import { CallFailed } from "../call-failed.js";
import { ControlStream } from "./control-stream.js";
import { MembershipMachine } from "../machine/index.js";
import type { Effect, Event, MembershipEnd } from "../machine/index.js";
import { Member } from "./member.js";
import type { ModelSource } from "../model/model-loader.js";
import type { WorkerObserver } from "../observer.js";
import { readMessage } from "./read-message.js";
import type { CoordinatorConnection } from "../transport.js";

/** The identity of a worker. */
export interface Identity {
  /** Unique among all memberships of all workers. */
  readonly id: string;
  /** For people. */
  readonly host: string;
  readonly pid: number;
}

export interface MembershipOptions {
  readonly connection: CoordinatorConnection;
  readonly identity: Identity;
  /** Host at which others reach this worker's own server; undefined: the address that the coordinator sees. */
  readonly advertiseHost: string | undefined;
  readonly models: ModelSource;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly observer: WorkerObserver;
}

export class Membership {
  readonly #options: MembershipOptions;
  readonly #machine = new MembershipMachine();
  readonly #control: ControlStream;
  readonly #events: Event[] = [];
  #handling = false;
  #member: Member | undefined;
  #drainTimer: Timer | undefined;
  /** The effect that the machine waits for; never rejects. */
  #underWay: Promise<void> = Promise.resolve();
  readonly #end: Promise<MembershipEnd>;
  #resolve: (end: MembershipEnd) => void = () => undefined;
  #reconnectTimeout: number | undefined;

  constructor(options: MembershipOptions) {
    this.#options = options;
    this.#end = new Promise((resolve) => (this.#resolve = resolve));
    this.#control = new ControlStream(options.connection, options.clock, {
      message: (message) => this.#hear(message),
      ended: (end) => this.#dispatch({ type: "streamEnded", end }),
    });
  }

  /** The run's `reconnect_timeout`, ms; undefined before the welcome. */
  get reconnectTimeout(): number | undefined {
    return this.#reconnectTimeout;
  }

  /** Whether the state of the run has been here. */
  get holdsReplica(): boolean {
    return this.#machine.holdsReplica;
  }

  /** Takes part until the run is over, the coordinator is lost, or it refuses this worker. */
  async run(): Promise<MembershipEnd> {
    this.#join();
    const end = await this.#end;
    this.#drainTimer?.cancel();
    this.#options.connection.dataServer?.serve(undefined);
    await this.#underWay;
    this.#member?.close();
    await this.#control.close();
    return end;
  }

  /** Asks to leave: this worker gets no more leases, and is dismissed once its results have been fetched. */
  drain(reason: string): void {
    this.#dispatch({ type: "drain", reason });
  }

  #join(): void {
    const { identity, connection, advertiseHost } = this.#options;
    const { dataServer } = connection;
    this.#control.send({
      join: {
        protocolVersion,
        softwareVersion: version,
        workerId: identity.id,
        host: identity.host,
        pid: identity.pid,
        dataPort: dataServer?.port ?? 0,
        dataHost: advertiseHost ?? "",
        dataKey: dataServer?.key ?? "",
        dataCertificate: dataServer?.certificate ?? Buffer.alloc(0),
      },
    });
  }

  #hear(message: CoordinatorMessageOutput): void {
    try {
      const read = readMessage(message);
      if (read !== undefined) this.#dispatch(read);
    } catch (error) {
      this.#dispatch({ type: "failed", error });
    }
  }

  /** Events that arrive while another is being handled are queued. */
  #dispatch(event: Event): void {
    this.#events.push(event);
    if (this.#handling) return;
    this.#handling = true;
    for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) this.#handle(next);
    this.#handling = false;
  }

  /** What is thrown on the way ends the membership: it is an event like any other. */
  #handle(event: Event): void {
    const attempt = <Result>(act: () => Result): Result | undefined => {
      try {
        return act();
      } catch (error) {
        this.#events.push({ type: "failed", error });
        return undefined;
      }
    };
    const effects = attempt(() => this.#machine.handle(event, this.#options.clock.now())) ?? [];
    for (const effect of effects) attempt(() => this.#carryOut(effect));
  }

  #carryOut(effect: Effect): void {
    switch (effect.type) {
      case "send":
        return this.#control.send(effect.message);
      case "load":
        return this.#begin(() => this.#load(effect.welcome));
      case "pullReplica":
        return this.#begin(async () => ({ type: "synchronised", held: await this.#joined.synchronise() }));
      case "compute":
        return this.#begin(async () => ({
          type: "computed",
          ...(await this.#joined.compute(effect.task, effect.lease, effect.shard)),
        }));
      case "gather":
        return this.#begin(async () => {
          await this.#joined.gather(effect.commit);
          return { type: "gathered" };
        });
      case "apply":
        return this.#begin(async () => ({ type: "applied", held: await this.#joined.apply(effect.commit) }));
      case "pushReplica":
        return this.#begin(async () => {
          await this.#joined.pushReplica();
          return { type: "replicaPushed" };
        });
      case "serve":
        return this.#control.send({ contribution: this.#joined.serve(effect.step, effect.node, effect.slices) });
      case "pushContribution":
        return detach(this.#joined.pushContribution(effect.step, effect.node), (error) => {
          // The coordinator has a timeout, and leases the shards again.
          if (!(error instanceof CallFailed)) this.#dispatch({ type: "failed", error });
        });
      case "closeLease":
        return this.#joined.closeLease();
      case "reduce":
        return this.#joined.reduce(effect.reduce);
      case "collect":
        return this.#joined.collect(effect.collect);
      case "notArrived":
        return this.#options.logger.warn({ error: effect.reason }, `${effect.what} did not arrive`);
      case "startDrainTimer":
        this.#drainTimer?.cancel();
        this.#drainTimer = this.#options.clock.after(effect.delay, () => this.#dispatch({ type: "drainTimeOver" }));
        return;
      case "hangUp":
        return detach(this.#control.close(), (error) => this.#dispatch({ type: "failed", error }));
      case "end":
        return this.#resolve(effect.end);
    }
  }

  /** Starts the effect that the machine waits for, and reports its result. */
  #begin(work: () => Promise<Event>): void {
    this.#underWay = work().then(
      (event) => this.#dispatch(event),
      (error: unknown) =>
        this.#dispatch(
          error instanceof CallFailed ? { type: "callFailed", failure: error } : { type: "failed", error },
        ),
    );
  }

  async #load(welcome: WelcomeOutput): Promise<Event> {
    const { connection, identity, models, clock, observer } = this.#options;
    this.#control.keepAlive(welcome.silenceTimeoutMs);
    const config = readRunConfig(welcome.runConfig);
    const { all_reduce_dtype: dtype, proxy, reconnect_timeout: reconnectTimeout } = config.cluster;
    this.#reconnectTimeout = reconnectTimeout * 1000;
    observer.welcomed({ ...runNames(config), worker: identity.id });
    observer.activity("loading");
    const calls = connection.callsOf({
      runId: welcome.runId,
      workerId: identity.id,
      sessionKey: welcome.sessionKey,
      dtype,
      proxy,
    });
    const model = await models.load(welcome, config, calls.coordinator);
    const send = this.#control.send.bind(this.#control);
    const member = new Member({ workerId: identity.id, welcome, config, model, calls, clock, observer, send });
    this.#member = member;
    connection.dataServer?.serve(member.served(() => this.#machine.holdsReplica));
    return { type: "loaded", ...member.loaded };
  }

  get #joined(): Member {
    if (this.#member === undefined) throw new CoxswainError("bug", "a membership without a model");
    return this.#member;
  }
}
