/**
 * The image's HEALTHCHECK: exits with 0 if this container's /healthz reports a healthy process, otherwise with 1 and the
 * reason.
 */
import { get } from "node:http";

const url = process.env["COXSWAIN_HEALTH_URL"] ?? "http://127.0.0.1:9464/healthz";

function end(sound, reason) {
  console.log(`${url}: ${reason}`);
  process.exitCode = sound ? 0 : 1;
}

const request = get(url, { timeout: 4_000, agent: false }, (response) => {
  end(response.statusCode === 200, `status ${response.statusCode}`);
  response.resume();
});
request.on("timeout", () => request.destroy(new Error("no answer within 4 s")));
request.on("error", (error) => end(false, error.message));
