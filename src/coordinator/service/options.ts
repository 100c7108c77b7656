/** What the service for workers needs of its run. */
import type { Clock } from "../../clock.js";
import type { VectorDtype } from "../../collective/index.js";
import type { CoxswainError } from "../../errors.js";
import type { ModelManifest } from "../../model/index.js";
import type { Replica } from "../../optim/index.js";
import type { RunConfigMessage } from "../../rpc/index.js";
import type { Conductor } from "../conductor.js";
import type { Readiness } from "./bounds.js";
import type { EngineRule } from "./engine-rule.js";
import type { WorkerSession } from "./worker-session.js";

export interface ServiceOptions {
  readonly conductor: Conductor;
  readonly clock: Clock;
  readonly replica: Replica;
  readonly runId: string;
  /** Names the run through all lives of its coordinator. */
  readonly runDigest: string;
  readonly allReduceDtype: VectorDtype;
  /** What workers get of the run file. */
  readonly runConfig: RunConfigMessage;
  readonly model: ModelManifest;
  readonly modelPath: string;
  readonly layoutFingerprint: string;
  readonly silenceTimeout: number;
  /** Who may take part by what it computes with. */
  readonly engines: EngineRule;
  /** Opens the connection to a worker's own server. */
  readonly reach: (session: WorkerSession) => Promise<void>;
  /** A reduced gradient of so many bytes is being sent. */
  readonly onSent: (bytes: number) => void;
  /** A worker has opened the model, and takes part. */
  readonly onReady: (session: WorkerSession, ready: Readiness) => void;
  /** A worker says that it cannot go on. */
  readonly onFailure: (session: WorkerSession, error: CoxswainError) => void;
}
