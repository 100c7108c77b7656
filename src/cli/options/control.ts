/** What the commands that steer a run have in common: which run, where its coordinator is, and how the answer is printed. */
import type { Command } from "commander";
import { natsOptions, type NatsFlags } from "./nats.js";
import { proxyOption, tlsOptions, tokenOption, type ConnectionFlags } from "./connection.js";

export interface ControlFlags extends ConnectionFlags, NatsFlags {
  readonly coordinator?: string;
  /** Its name: it is asked over NATS. */
  readonly run?: string;
  readonly json?: true;
}

/** A command on a run that a coordinator leads now. */
export function controlCommand(program: Command, name: string, description: string): Command {
  const command = program
    .command(name)
    .description(description)
    .argument("[run]", "its run file or output folder, on the coordinator's machine")
    .option("--coordinator <host:port>", "where its coordinator listens, from anywhere (default: 127.0.0.1:7070)")
    .option("--run <name>", "ask over NATS: the run's name, with --nats")
    .addOption(tokenOption())
    .addOption(proxyOption());
  natsOptions(tlsOptions(command, "this caller's"), "a NATS server that the run is on");
  return command.option("--json", "print the answer as JSON");
}
