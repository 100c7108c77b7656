/**
 * Which releases may take part in the same run. Equal protocol numbers ensure that messages are understood, not that
 * results are equal: engines, kernels and the order of sums may change between minor releases, and with them the last
 * bits. The rule is in proto/coxswain/v1/coxswain.proto, "Releases". Pure.
 */
import { protocolVersion } from "./proto.js";

/** The versions that a side announces when it joins. */
export interface Release {
  readonly software: string;
  readonly protocol: number;
}

/** Why a worker of a release cannot take part, naming both releases; undefined if it can. */
export function releaseProblem(coordinator: Release, worker: Release): string | undefined {
  if (worker.protocol === coordinator.protocol && isCompatible(coordinator.software, worker.software)) return undefined;
  const named = ({ software, protocol }: Release): string => `Coxswain ${software} (protocol ${protocol})`;
  return `the coordinator is ${named(coordinator)}, the worker ${named(worker)}; install the same version on both`;
}

/** The release of this process. @param software its version */
export const ownRelease = (software: string): Release => ({ software, protocol: protocolVersion });

/** The same MAJOR.MINOR; a pre-release (0.2.0-beta.1), or an invalid version, is compatible only with itself. */
function isCompatible(one: string, other: string): boolean {
  if (one === other) return true;
  const [first, second] = [one, other].map((version) => /^(\d+\.\d+)\.\d+(?:\+[\w.-]+)?$/.exec(version)?.[1]);
  return first !== undefined && first === second;
}
