/** A run's status, for tests: everything in it is known. */
import type { RunStatus, WorkerStatus } from "../../../src/control/index.js";

export const workerExample: WorkerStatus = {
  id: "node-1-4242-a1b2c3",
  host: "node-1",
  pid: 4242,
  state: "active",
  late: false,
  reachable: true,
  engine: "onnx",
  backend: "onnxruntime",
  device: "cpu",
  tokens_per_second: 1234.5,
  shards_held: 3,
  shards_done: 5,
  joined_at: "2026-11-26T10:00:00.000Z",
};

export const statusExample: RunStatus = {
  run_id: "0f",
  run_digest: "d1",
  version: "1.2.3",
  host: "head",
  pid: 7,
  output_dir: "/runs/one",
  model: "example/model",
  state: "training",
  detail: null,
  step: 12,
  total_steps: 250,
  epoch: 0.125,
  loss: 1.23456,
  learning_rate: 2.94e-3,
  grad_norm: 0.5312,
  tokens_per_second: 12345,
  seconds_per_step: 0.52,
  seconds_left: 65,
  evaluation: { step: 10, eval_loss: 1.5 },
  checkpoint: { step: 10, path: "/runs/one/checkpoints/step-000010", time: "2026-11-26T10:05:00.000Z" },
  started_at: "2026-11-26T09:59:00.000Z",
  all_reduce: "star",
  workers: [workerExample, { ...workerExample, id: "node-2-1-ffffff", late: true, reachable: false }],
};
