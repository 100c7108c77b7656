/**
 * An HTTP service that trains: POST /trainings with a run's keys as JSON starts a training and streams its steps as
 * server-sent events; the last event has the adapter's folder. A client that leaves stops its training.
 *
 *   curl -N -d '{"training": {"max_steps": 5}}' http://127.0.0.1:8080/trainings
 */
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { CoxswainError, train } from "coxswain";

// The quickstart's model and data are part of the package.
const quickstart = fileURLToPath(new URL("../examples/quickstart/", import.meta.resolve("coxswain")));
const run = { model: `${quickstart}model`, data: { train: `${quickstart}data/train.jsonl`, max_length: 256 } };

const server = createServer(async (request, response) => {
  if (request.method !== "POST" || request.url !== "/trainings") return response.writeHead(404).end();
  const leaving = new AbortController();
  response.on("close", () => leaving.abort(new Error("the client left")));
  const send = (event, data) => response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  try {
    const overrides = JSON.parse((await request.setEncoding("utf8").toArray()).join("") || "{}");
    const output = `runs/${new Date().toISOString().replaceAll(":", "-")}`;
    const addresses = { cluster: { listen: "127.0.0.1:0" }, telemetry: { http: null } };
    const training = await train({ ...run, ...addresses, output_dir: output }, { overrides, signal: leaving.signal });
    response.writeHead(200, { "content-type": "text/event-stream" });
    for await (const { step, loss, learning_rate } of training.steps) send("step", { step, loss, learning_rate });
    send("done", await training.result);
  } catch (error) {
    const { message, code = "bug", hint } = error instanceof CoxswainError ? error : new Error("not JSON");
    if (!response.headersSent) response.writeHead(400, { "content-type": "text/event-stream" });
    send("failed", { message, code, hint });
  }
  response.end();
});

server.listen(Number(process.env.PORT ?? 8080), "127.0.0.1", () =>
  console.log(`http://127.0.0.1:${server.address().port}`),
);
