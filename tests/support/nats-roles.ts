/** Who may do what on a NATS server, as the table in docs/nats.md has it, and as a server's configuration would. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectFolder } from "./processes.js";

/** One who may publish on these subjects, subscribe to those, and do nothing else. */
export interface Role {
  readonly name: string;
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

/** The table's rows, for one run. */
export function rolesOf(run: string): Role[] {
  const text = readFileSync(join(projectFolder, "docs", "nats.md"), "utf8");
  const section = text.slice(text.indexOf("\n## Who may do what\n"));
  const rows = section.split("\n").filter((line) => line.startsWith("| "));
  // Without the heading, and the line below it.
  return rows.slice(2).map((row) => {
    const [name = "", publish = "", api = "", subscribe = ""] = row.split("|").slice(1);
    const subjects = (cell: string, prefix = ""): string[] =>
      [...cell.matchAll(/`([^`]+)`/g)].map(([, subject]) => prefix + subject!.replace("RUN", run));
    return {
      name: name.trim(),
      publish: [...subjects(publish), ...subjects(api, "$JS.API.")],
      subscribe: subjects(subscribe),
    };
  });
}

/** A server's users: the roles, with their names as passwords, and "admin", who may do everything. */
export function authorization(roles: readonly Role[]): string {
  const allow = (subjects: readonly string[]): string =>
    subjects.length === 0 ? '{ deny: ">" }' : `{ allow: ${JSON.stringify(subjects)} }`;
  const users = roles.map(
    ({ name, publish, subscribe }) =>
      `{ user: "${name}", password: "${name}", permissions: { publish: ${allow(publish)}, subscribe: ${allow(subscribe)} } }`,
  );
  return `authorization { users = [\n${["{ user: admin, password: admin }", ...users].join("\n")}\n] }`;
}
