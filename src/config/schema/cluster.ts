/** `cluster`: how coordinator and workers find, trust and wait for each other. */
import { z } from "zod";
import { defaultAddresses } from "../choices.js";
import { count, keyDocs, optionalText, text } from "./docs.js";
import { limitsSchema } from "./limits.js";

const tlsSchema = z.strictObject({
  cert: text().register(keyDocs, {
    description: "PEM file with the coordinator's certificate, and those between it and its authority.",
    examples: ["cert.pem"],
  }),
  key: text().register(keyDocs, {
    description: "PEM file with the private key of `cluster.tls.cert`.",
    examples: ["key.pem"],
  }),
  ca: optionalText()
    .default(null)
    .register(keyDocs, {
      description: "PEM file with the authority that signs the workers' certificates: turns on mutual TLS.",
      whenNull: "workers need no certificate",
      examples: ["ca.pem"],
    }),
});

export const clusterSchema = z.strictObject({
  listen: text()
    .default(defaultAddresses["cluster.listen"])
    .register(keyDocs, {
      description:
        "Address of the coordinator, HOST:PORT. Port 0 takes a free port. If you omit the key and another run on this machine " +
        "uses the port, the next free one up to 7089 is taken.",
      examples: ["0.0.0.0:7070"],
      address: true,
    }),
  min_workers: count
    .max(65_536)
    .default(1)
    .register(keyDocs, {
      description: "Minimum number of workers: with fewer, no step begins and the run says that it waits.",
      unit: "workers",
      examples: [2],
      whyAtMost: "the run waits until this many have joined",
    }),
  all_reduce: z
    .enum(["auto", "star", "mesh"])
    .default("auto")
    .register(keyDocs, {
      description:
        "Who sums the gradients. `star`: the coordinator. `mesh`: the workers, each one slice. `auto`: `mesh` from where " +
        "(workers − 1) × trained parameters reaches a million. The result has the same bits.",
      examples: ["mesh"],
    }),
  all_reduce_dtype: z
    .enum(["float32", "bfloat16"])
    .default("float32")
    .register(keyDocs, {
      description:
        "Type of gradients on the network. `bfloat16` halves the bytes; sums are rounded to it, so the adapter differs from " +
        "the one of `float32`, and is again the same for any number of workers.",
      examples: ["bfloat16"],
    }),
  heartbeat_timeout: z
    .number()
    .min(1)
    .max(3600)
    .default(15)
    .register(keyDocs, {
      description: "Time without a message after which a worker, or the coordinator, is considered dead.",
      unit: "seconds",
      examples: [30],
      whyAtLeast: "the unit is seconds, and a busy machine may be silent for that long",
    }),
  reconnect_timeout: z
    .number()
    .nonnegative()
    .max(86_400)
    .default(300)
    .register(keyDocs, {
      description: "Time during which a worker tries to reach a coordinator that is gone.",
      unit: "seconds",
      examples: [3600],
    }),
  allow_mixed_engines: z
    .boolean()
    .default(false)
    .register(keyDocs, {
      description:
        "Allows workers with different engines, backends or kinds of device in one run. The last bits of the adapter then " +
        "depend on which worker computed what.",
    }),
  data_networks: z
    .array(text())
    .default([])
    .register(keyDocs, {
      description:
        "Addresses, networks and host names that the coordinator and other workers may connect to when a worker gives them " +
        "with `--advertise`, in addition to the address that it calls from. Other workers push their gradients.",
      examples: [["10.0.0.0/8", "gpu-1.example"]],
    }),
  verify: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .register(keyDocs, {
      description:
        "Share of the shards of a step that two workers of the same kind compute, so that the coordinator can compare their " +
        "sums bit for bit. A worker whose sum differs from that of two others is named and put out, and the run continues " +
        "with the right sum. Costs that share of the computing time, and gradients are summed by the coordinator " +
        "(`all_reduce: star`). The adapter has the same bits.",
      unit: "share",
      examples: [0.02],
    }),
  proxy: z
    .enum(["none", "environment"])
    .default("none")
    .register(keyDocs, {
      description:
        "How coordinator and workers reach each other: `none` connects directly; `environment` goes through the proxy that " +
        "`grpc_proxy`, `https_proxy`, `http_proxy` or `all_proxy` names. Workers and commands on other machines take " +
        "`--proxy environment`.",
      examples: ["environment"],
    }),
  limits: limitsSchema.prefault({}).register(keyDocs, {
    description: "How much others may take of the coordinator's connections, memory and time.",
  }),
  tls: tlsSchema
    .nullable()
    .default(null)
    .register(keyDocs, {
      description: "TLS for the coordinator's port.",
      whenNull: "no TLS",
      examples: [{ cert: "cert.pem", key: "key.pem" }],
    }),
  token: optionalText()
    .default(null)
    .register(keyDocs, {
      description:
        "Secret that workers must present, in printable ASCII without spaces. The environment variable `COXSWAIN_TOKEN` is a " +
        "better place for it, and overrides the file. Never written or logged.",
      whenNull: "no token",
      secret: true,
    }),
});
