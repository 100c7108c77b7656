/** `telemetry`: where a run can be watched. */
import { z } from "zod";
import { defaultAddresses } from "../choices.js";
import { keyDocs, optionalText, paths, text } from "./docs.js";

const natsTlsSchema = z.strictObject({
  ca: optionalText()
    .default(null)
    .register(keyDocs, {
      description: "PEM file with the authority that signed the server's certificate.",
      whenNull: "the authorities that Node.js trusts",
      examples: ["ca.pem"],
    }),
  cert: optionalText()
    .default(null)
    .register(keyDocs, {
      description: "PEM file with the run's own certificate, for a server that asks for one. Needs `key`.",
      whenNull: "no certificate",
      examples: ["client.pem"],
    }),
  key: optionalText()
    .default(null)
    .register(keyDocs, {
      description: "PEM file with the private key of `cert`.",
      whenNull: "no certificate",
      examples: ["client-key.pem"],
    }),
});

const natsSchema = z.strictObject({
  url: paths().register(keyDocs, {
    description:
      "Address of the NATS server: `nats://HOST:PORT`, or `tls://HOST:PORT` to insist on TLS. A list names several servers " +
      "of one cluster, of which the first that answers is used.",
    examples: ["nats://nats.example:4222"],
  }),
  run: optionalText()
    .default(null)
    .register(keyDocs, {
      description: "Name of the run in NATS subjects: letters, digits, `-` and `_`, at most 64 characters.",
      whenNull: "the last part of `output_dir`",
      examples: ["my-run"],
    }),
  advertise: optionalText()
    .default(null)
    .register(keyDocs, {
      description: "HOST or HOST:PORT under which workers reach the coordinator.",
      whenNull: "the address it listens on, with the machine's name in place of `0.0.0.0`",
      examples: ["head.example"],
      address: true,
    }),
  credentials: optionalText()
    .default(null)
    .register(keyDocs, {
      description:
        "A `.creds` file. Of `credentials`, `nkey`, `user` with `password`, and `token`, at most one may be set.",
      whenNull: "no credentials file",
      examples: ["my-run.creds"],
    }),
  nkey: optionalText()
    .default(null)
    .register(keyDocs, {
      description: "A file with the seed of an NKey.",
      whenNull: "no NKey",
      examples: ["my-run.nk"],
    }),
  user: optionalText()
    .default(null)
    .register(keyDocs, {
      description: "User name. Needs `password`.",
      whenNull: "no user",
      examples: ["my-run"],
    }),
  password: optionalText()
    .default(null)
    .register(keyDocs, {
      description:
        "Password of `user`. The environment variable `COXSWAIN_NATS_PASSWORD` is a better place for it. Never written or " +
        "logged.",
      whenNull: "no password",
      secret: true,
    }),
  token: optionalText()
    .default(null)
    .register(keyDocs, {
      description:
        "Token of the NATS server. The environment variable `COXSWAIN_NATS_TOKEN` is a better place for it. Never written or " +
        "logged.",
      whenNull: "no token",
      secret: true,
    }),
  tls: natsTlsSchema
    .nullable()
    .default(null)
    .register(keyDocs, {
      description: "TLS settings of the connection. If they are set, the connection must use TLS.",
      whenNull: "TLS if the address begins with `tls://` or the server requires it",
      examples: [{ ca: "ca.pem" }],
    }),
});

export const telemetrySchema = z.strictObject({
  http: optionalText()
    .default(defaultAddresses["telemetry.http"])
    .register(keyDocs, {
      description:
        "Address of the live page, `/metrics`, `/healthz` and `/readyz`, HOST:PORT. Port 0 takes a free port. If you omit " +
        "the key and another run on this machine uses the port, the next free one up to 9483 is taken.",
      whenNull: "serves none of them",
      examples: ["0.0.0.0:9464"],
      address: true,
    }),
  allowed_hosts: z
    .array(text())
    .default([])
    .register(keyDocs, {
      description:
        "Further host names under which `telemetry.http` is served, for a proxy or a public name. Names of this machine, and " +
        "on other addresses than loopback IP addresses and names without a public domain, are always served.",
      examples: [["runs.example"]],
    }),
  nats: natsSchema
    .nullable()
    .default(null)
    .register(keyDocs, {
      description: "Events, control and discovery over a NATS server.",
      whenNull: "none",
      examples: [{ url: "nats://nats.example:4222" }],
    }),
  tensorboard: z
    .boolean()
    .default(false)
    .register(keyDocs, {
      description:
        "Write event files for TensorBoard to `tensorboard/` in the output folder: `train/loss`, `train/learning_rate`, " +
        "`train/grad_norm`, `eval/loss` … over steps, as transformers names them.",
      huggingFace: "`report_to: tensorboard`",
    }),
  exec: z
    .union([text(), z.array(text()).min(1)])
    .nullable()
    .default(null)
    .register(keyDocs, {
      description:
        "Command that gets every line of `metrics.jsonl` on its standard input, such as a script for Weights & Biases, MLflow " +
        "or Trackio. Text is run by the shell; a list is a program and its arguments. Training never waits for it.",
      accepts: "text, or a list of a program and its arguments",
      whenNull: "no command",
      examples: ["python log_to_wandb.py", ["python", "log_to_mlflow.py"]],
    }),
});
