/** What decides in the product, as the simulation wants it; from `npm run build`. */
import { ClusterMachine } from "../../dist/coordinator/machine/index.js";
import { coordinatorService } from "../../dist/rpc/index.js";
import { LeasePlan } from "../../dist/worker/machine/lease-plan.js";
import { SliceReducer } from "../../dist/worker/gradient/slice-reducer.js";

export const product = {
  ClusterMachine,
  LeasePlan,
  SliceReducer,
  /** Bytes of a control message. */
  coordinatorMessageBytes: (message) => coordinatorService.Attend.responseSerialize(message).length,
  workerMessageBytes: (message) => coordinatorService.Attend.requestSerialize(message).length,
};
