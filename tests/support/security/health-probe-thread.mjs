/** A thread of its own, so that what the test sends does not delay what it measures. */
import { get } from "node:http";
import { parentPort, workerData } from "node:worker_threads";

/** Pause between probes, ms. */
const interval = 20;

/** A probe that is not answered for this long, ms, counts as this. */
const patience = 10_000;

const timeOf = () =>
  new Promise((resolve) => {
    const start = performance.now();
    const options = { host: "127.0.0.1", port: workerData, path: "/healthz", agent: false, timeout: patience };
    const request = get(options, (response) => {
      response.resume().once("end", () => resolve(response.statusCode === 200 ? performance.now() - start : patience));
    });
    request.once("timeout", () => request.destroy()).once("error", () => resolve(patience));
  });

let stopped = false;
parentPort?.once("message", () => (stopped = true));
const times = [];
while (!stopped) {
  times.push(await timeOf());
  await new Promise((resolve) => setTimeout(resolve, interval));
}
parentPort?.postMessage(times);
