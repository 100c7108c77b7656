/** Loads `Control` of `proto/coxswain/v1/control.proto`, separately so that workers start faster without it. */
import { loadPackageDefinition } from "@grpc/grpc-js";
import { loadProtocol } from "../rpc/index.js";
import type { ControlProtocol } from "../rpc/index.js";

export const controlFile = "coxswain/v1/control.proto";

const loaded = loadPackageDefinition(loadProtocol([controlFile])) as unknown as ControlProtocol;

export const ControlClient = loaded.coxswain.v1.Control;
export const controlService = loaded.coxswain.v1.Control.service;
export const controlName = "coxswain.v1.Control";
