/** The permissions on a NATS server: read from the table in docs/nats.md, written as a server configuration. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectFolder } from "./processes.js";

/** A role with permission to publish and subscribe to these subjects only. */
export interface Role {
  readonly name: string;
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

/** The roles in the table, for one run. */
export function rolesOf(run: string): Role[] {
  const text = readFileSync(join(projectFolder, "docs", "nats.md"), "utf8");
  const section = text.slice(text.indexOf("\n## Who may do what\n"));
  const rows = section.split("\n").filter((line) => line.startsWith("| "));
  // Skip the header row and the separator row.
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

/** The users of a server: one per role, with its name as the password, and "admin" with all permissions. */
export function authorization(roles: readonly Role[]): string {
  const allow = (subjects: readonly string[]): string =>
    subjects.length === 0 ? '{ deny: ">" }' : `{ allow: ${JSON.stringify(subjects)} }`;
  const users = roles.map(
    ({ name, publish, subscribe }) =>
      `{ user: "${name}", password: "${name}", permissions: { publish: ${allow(publish)}, subscribe: ${allow(subscribe)} } }`,
  );
  return `authorization { users = [\n${["{ user: admin, password: admin }", ...users].join("\n")}\n] }`;
}
