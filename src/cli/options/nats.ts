/** Flags for NATS, shared by all commands that use it. Opens no connection. */
import { Option, type Command } from "commander";
import type { NatsConnectionSettings } from "../../config/index.js";
import { CoxswainError } from "../../errors.js";

export interface NatsFlags {
  readonly nats?: string;
  readonly natsCredentials?: string;
  readonly natsNkey?: string;
  readonly natsUser?: string;
  readonly natsCa?: string;
  readonly natsCert?: string;
  readonly natsKey?: string;
}

/** @param what the purpose of the server: "find the run over NATS" */
export const natsOptions = (command: Command, what: string): Command =>
  command
    .addOption(new Option("--nats <url>", `${what}: nats://HOST:4222; several with commas`).env("COXSWAIN_NATS_URL"))
    .option("--nats-credentials <file>", "for NATS: a .creds file")
    .option("--nats-nkey <file>", "for NATS: a file with the seed of an NKey")
    .option("--nats-user <name>", "for NATS: a user, with COXSWAIN_NATS_PASSWORD")
    .option("--nats-ca <file>", "for NATS: the certificate authority of the server; requires TLS")
    .option("--nats-cert <file>", "for NATS: the client certificate")
    .option("--nats-key <file>", "for NATS: its private key");

/** The flag or variable to name in an error about a setting. */
const flagOf: Readonly<Record<keyof NatsConnectionSettings, string>> = {
  url: "--nats",
  credentials: "--nats-credentials",
  nkey: "--nats-nkey",
  user: "--nats-user",
  password: "COXSWAIN_NATS_PASSWORD",
  token: "COXSWAIN_NATS_TOKEN",
  tls: "--nats-cert",
};

/**
 * Settings from flags and secrets from the environment, in the form of the run file. The password is used only with a
 * user.
 * @throws CoxswainError "usage" without a server, "config" for invalid settings
 */
export async function natsSettings(
  flags: NatsFlags,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<NatsConnectionSettings> {
  const { nats, natsCredentials, natsNkey, natsUser, natsCa: ca, natsCert: cert, natsKey: key } = flags;
  if (nats === undefined || nats === "")
    throw new CoxswainError("usage", "no NATS server is given", {
      hint: "Give --nats nats://HOST:4222, or set COXSWAIN_NATS_URL.",
    });
  const { natsProblems } = await import("../../config/index.js");
  const settings = {
    url: nats.split(",").map((url) => url.trim()),
    credentials: natsCredentials ?? null,
    nkey: natsNkey ?? null,
    user: natsUser ?? null,
    password: natsUser === undefined ? null : secret(environment["COXSWAIN_NATS_PASSWORD"]),
    token: secret(environment["COXSWAIN_NATS_TOKEN"]),
    tls:
      ca === undefined && cert === undefined && key === undefined
        ? null
        : { ca: ca ?? null, cert: cert ?? null, key: key ?? null },
  };
  const [problem] = natsProblems(settings);
  if (problem === undefined) return settings;
  throw new CoxswainError("config", `${flagOf[problem.key as keyof NatsConnectionSettings]}: ${problem.message}`, {
    hint: "--help lists the flags for NATS.",
  });
}

const secret = (value: string | undefined): string | null => (value === undefined || value === "" ? null : value);

/** @throws CoxswainError "usage" for a name that is not valid for a run */
export async function checkRunName(name: string): Promise<string> {
  const { runNameProblem } = await import("../../config/index.js");
  const problem = runNameProblem(name);
  if (problem === undefined) return name;
  throw new CoxswainError("usage", `--run: ${problem}`, {
    hint: "The name of a run is telemetry.nats.run in its run file, else the last part of its output_dir.",
  });
}

/** The flags from which a worker finds its coordinator. */
export interface FindFlags extends NatsFlags {
  readonly coordinator?: string;
  readonly run?: string;
}

/** @throws CoxswainError "usage" unless exactly one of the two is given */
export function checkFindFlags({ coordinator, run }: FindFlags): void {
  if ((coordinator === undefined) !== (run === undefined)) return;
  const message =
    coordinator === undefined ? "neither --coordinator nor --run is given" : "both --coordinator and --run are given";
  throw new CoxswainError("usage", message, {
    hint: "Give the coordinator's address, --coordinator HOST:PORT, or --nats URL and --run NAME.",
  });
}
