/** `Control` of `proto/coxswain/v1/control.proto`, loaded: workers do without it, and start sooner. */
import { loadPackageDefinition } from "@grpc/grpc-js";
import { loadProtocol, sealed } from "../rpc/index.js";
import type { ControlProtocol } from "../rpc/index.js";

const codecs = { request: sealed, response: sealed };
const methods = ["Status", "Watch", "Pause", "Resume", "Stop", "Checkpoint"];

export const controlFile = "coxswain/v1/control.proto";

const packageDefinition = loadProtocol(
  [controlFile],
  methods.map((method) => ["Control", method, codecs] as const),
);

const loaded = loadPackageDefinition(packageDefinition) as unknown as ControlProtocol;

export const ControlClient = loaded.coxswain.v1.Control;
export const controlService = loaded.coxswain.v1.Control.service;
export const controlName = "coxswain.v1.Control";
