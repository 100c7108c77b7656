/** Options of the commands that control a run: which run, where its coordinator is, and the output format. */
import type { Command } from "commander";
import { natsOptions, type NatsFlags } from "./nats.js";
import { proxyOption, tlsOptions, tokenOption, type ConnectionFlags } from "./connection.js";

export interface ControlFlags extends ConnectionFlags, NatsFlags {
  readonly coordinator?: string;
  /** The name of the run, to reach it over NATS. */
  readonly run?: string;
  readonly json?: true;
}

/** Adds a command that talks to a running coordinator. */
export function controlCommand(program: Command, name: string, description: string): Command {
  const command = program
    .command(name)
    .description(description)
    .argument("[run]", "its run file or output folder, on the coordinator's machine")
    .option("--coordinator <host:port>", "address of its coordinator, from any machine (default: 127.0.0.1:7070)")
    .option("--run <name>", "reach the run by its name over NATS, with --nats")
    .addOption(tokenOption())
    .addOption(proxyOption());
  natsOptions(tlsOptions(command, "this caller's"), "the run's NATS server");
  return command.option("--json", "print the answer as JSON");
}
