/** What a user loses if these fail: the step in flight, when a terminal closes, a pipe ends or Ctrl-C is pressed. */
import { EventEmitter } from "node:events";
import { expect, it } from "vitest";
import { onInterruption, type Interrupt } from "../../../../src/cli/process/interruption.js";

class Host extends EventEmitter {
  readonly stdout = new EventEmitter();
  readonly stderr = new EventEmitter();
}

const failure = (code: string): Error => Object.assign(new Error(`write ${code}`), { code });

function listen(ignoreHangups = false) {
  const host = new Host();
  const heard: Interrupt[] = [];
  const clock = { now: 0 };
  const now = (): number => clock.now;
  const interruption = onInterruption((interrupt) => heard.push(interrupt), { host, ignoreHangups, now });
  return { host, heard, interruption, clock };
}

it("Ctrl-C twice is distinguished from Ctrl-C once", () => {
  const { host, heard } = listen();
  host.emit("SIGINT", "SIGINT");
  host.emit("SIGTERM", "SIGTERM");
  expect(heard).toEqual([
    { times: 1, cause: "received SIGINT" },
    { times: 2, cause: "received SIGINT" },
  ]);
});

it("a signal that `timeout` sends to the process and to its group is one interruption", () => {
  const { host, heard, clock } = listen();
  host.emit("SIGTERM", "SIGTERM");
  clock.now += 5;
  host.emit("SIGTERM", "SIGTERM");
  expect(heard).toHaveLength(1);
  clock.now += 150;
  host.emit("SIGTERM", "SIGTERM");
  expect(heard).toHaveLength(2);
});

it("a closed terminal is one interruption, however often it is signalled", () => {
  const { host, heard, interruption } = listen();
  host.emit("SIGHUP", "SIGHUP");
  host.emit("SIGHUP", "SIGHUP");
  host.stdout.emit("error", failure("EIO"));
  host.stderr.emit("error", failure("EIO"));
  expect(heard).toEqual([{ times: 1, cause: "received SIGHUP" }]);
  expect([interruption.lost("stdout"), interruption.lost("stderr")]).toEqual([true, true]);
  host.emit("SIGINT", "SIGINT");
  expect(heard.at(-1)).toEqual({ times: 2, cause: "received SIGHUP" });
});

it.each([
  ["stdout", "EPIPE", "the reader of the standard output is gone"],
  ["stderr", "EPIPE", "the reader of the standard error is gone"],
  ["stdout", "EIO", "the terminal of the standard output is gone"],
  ["stdout", "ENOSPC", "the standard output cannot be written: no space left on device"],
  ["stdout", "EBADF", "the standard output cannot be written: write EBADF"],
] as const)("a lost %s (%s) is named as the cause", (name, code, cause) => {
  const { host, heard } = listen();
  host[name].emit("error", failure(code));
  host[name].emit("error", failure(code));
  expect(heard).toEqual([{ times: 1, cause }]);
});

it("SIGHUP interrupts nothing under nohup", () => {
  const { host, heard } = listen(true);
  host.emit("SIGHUP", "SIGHUP");
  expect(heard).toEqual([]);
});

it("removes its listeners when it is closed", () => {
  const { host, interruption } = listen();
  interruption.close();
  expect([...host.eventNames(), ...host.stdout.eventNames(), ...host.stderr.eventNames()]).toEqual([]);
});
