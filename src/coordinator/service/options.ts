/** What the service for workers needs from its run. */
import type { Clock } from "../../clock.js";
import type { TreeNode, VectorDtype } from "../../collective/index.js";
import type { CoxswainError } from "../../errors.js";
import type { ModelManifest } from "../../model/index.js";
import type { Replica } from "../../optim/index.js";
import type { RunConfigMessage } from "../../rpc/index.js";
import type { Conductor } from "../conductor.js";
import type { Readiness } from "./bounds.js";
import type { SumDiffers } from "./sum-differs.js";
import type { Entrance } from "./entrance.js";
import type { AllSends } from "./sends.js";
import type { WorkerSession } from "./worker-session.js";

export interface ServiceOptions {
  readonly conductor: Conductor;
  readonly clock: Clock;
  readonly replica: Replica;
  readonly runId: string;
  /** Identifies the run across all incarnations of its coordinator. */
  readonly runDigest: string;
  readonly allReduceDtype: VectorDtype;
  /** The part of the run file that workers receive. */
  readonly runConfig: RunConfigMessage;
  readonly model: ModelManifest;
  readonly modelPath: string;
  readonly layoutFingerprint: string;
  readonly silenceTimeout: number;
  /** Lets workers join. */
  readonly entrance: Entrance;
  /** What workers have requested and not read yet. */
  readonly sends: AllSends;
  /** Called when a worker may not join. */
  readonly onTurnedAway?: () => void;
  /** Opens the connection to a worker's own server. */
  readonly reach: (session: WorkerSession) => Promise<void>;
  /** Called when `bytes` bytes of a reduced gradient are being sent. */
  readonly onSent: (bytes: number) => void;
  /** Called when a worker has opened the model and takes part. */
  readonly onReady: (session: WorkerSession, ready: Readiness) => void;
  /** Called when a worker has pushed a sum twice, with different values. */
  readonly onDiffering: (session: WorkerSession, step: number, node: TreeNode, error: SumDiffers) => void;
  /** Called when a worker reports that it cannot continue. */
  readonly onFailure: (session: WorkerSession, error: CoxswainError) => void;
}
