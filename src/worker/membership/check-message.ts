/**
 * Checks the numbers and bytes of a coordinator's messages before anything is computed, counted or connected with them.
 * What depends on the model or the state of this worker is checked where that is known. Pure.
 */
import { addressProblem } from "../../config/index.js";
import type {
  CollectOutput,
  CommitOutput,
  LeaseOutput,
  PeerOutput,
  ReduceOutput,
  RowOutput,
  WelcomeOutput,
} from "../../rpc/index.js";
import { isCertificate, isHeaderText } from "../../rpc/index.js";
import type { Task } from "../machine/index.js";
import { unexpected } from "../unexpected.js";

/** Characters of the longest session key. */
const longestKey = 300;

/** The shortest and longest silence that a coordinator may allow, ms: heartbeats are sent four times as often. */
const shortestSilence = 100;
const longestSilence = 3_600_000;

/** Slices of a step, and elements of a vector. */
const mostSlices = 65_536;

/** The largest learning rate, and factor for a sum, that a commit may contain. */
const largestFactor = 1e6;

/** @throws CoxswainError "network" */
export function checkWelcome({ runId, sessionKey, silenceTimeoutMs }: WelcomeOutput): void {
  if (sessionKey === "" || sessionKey.length > longestKey || !isHeaderText(sessionKey))
    refuse("a welcome without a usable session key");
  if (runId === "" || !isHeaderText(runId)) refuse(`a welcome with the run id ${JSON.stringify(runId)}`);
  if (silenceTimeoutMs < shortestSilence || silenceTimeoutMs > longestSilence)
    refuse(`a welcome with a silence timeout of ${silenceTimeoutMs} ms`);
}

/** @throws CoxswainError "network" */
export function checkLease(task: Task, { step, first, shards, roundShards, slices }: LeaseOutput): void {
  const last = first + shards.length - 1;
  const what = `a lease of step ${step}`;
  if (!Number.isSafeInteger(step)) refuse(what);
  if (shards.length === 0 || last >= roundShards) refuse(`${what} with shards ${first} to ${last} of ${roundShards}`);
  if (slices.length > mostSlices || !isAscending(slices)) refuse(`${what} with slices that do not ascend from 0`);
  const generates = task === "generate";
  shards.forEach(({ rows, maxNewTokens }, index) => {
    if (rows.length === 0 || !rows.every(generates ? isPrompt : isRow))
      refuse(`${what} whose shard ${first + index} has no rows or damaged ones`);
    if (generates && maxNewTokens === 0) refuse(`${what} whose shard ${first + index} has answers of 0 tokens`);
  });
}

/** @throws CoxswainError "network" */
export function checkReduce({ step, offset, length, roundShards }: ReduceOutput): void {
  if (![step, offset, offset + length].every(Number.isSafeInteger) || roundShards < 1)
    refuse(`a slice of step ${step} with elements ${offset}+${length} and ${roundShards} shards`);
}

/** @throws CoxswainError "network" */
export function checkCollect({ step, parts }: CollectOutput): void {
  for (const { source } of parts) checkPeer(step, source);
}

/** @throws CoxswainError "network" */
export function checkCommit({ step, learningRate, scale, slices }: CommitOutput): void {
  if (!Number.isSafeInteger(step)) refuse(`a commit of step ${step}`);
  if (![learningRate, scale].every((factor) => factor >= 0 && factor <= largestFactor))
    refuse(`a commit of step ${step} with the learning rate ${learningRate} and the scale ${scale}`);
  let end = 0;
  for (const { offset, length } of slices) {
    if (offset !== end || !Number.isSafeInteger(offset + length) || length < 1 || slices.length > mostSlices)
      refuse(`a commit of step ${step} whose slices are not adjacent: elements ${offset}+${length} after ${end}`);
    end = offset + length;
  }
  for (const { reducer } of slices) checkPeer(step, reducer);
}

const isAscending = (numbers: readonly number[]): boolean =>
  numbers.every((number, index) =>
    index === 0 ? number === 0 : Number.isSafeInteger(number) && number > (numbers[index - 1] ?? 0),
  );

/** Whole numbers, a label for each token, and examples that fill the row exactly. */
function isRow({ inputIds, labels, segments }: RowOutput): boolean {
  const tokens = segments.reduce((sum, length) => sum + length, 0);
  return tokens > 0 && inputIds.byteLength === 4 * tokens && labels.byteLength === 4 * tokens;
}

/** At least one whole number. */
const isPrompt = ({ inputIds }: RowOutput): boolean => inputIds.byteLength > 0 && inputIds.byteLength % 4 === 0;

/** Its address and key are used in a connection. They are absent where they were sent before. */
function checkPeer(step: number, peer: PeerOutput | null): void {
  if (peer === null || peer.address === "") return;
  const { workerId, address, key, certificate } = peer;
  if (addressProblem(address, {}) === undefined && isHeaderText(key) && isCertificate(certificate)) return;
  refuse(`an address, key or certificate of worker ${JSON.stringify(workerId)} that cannot be used, for step ${step}`);
}

function refuse(what: string): never {
  throw unexpected(`the coordinator sent ${what}`);
}
