/** The dashboards, as the text of the files beside this folder. `npm run dashboards` writes them. */
import { cluster } from "./cluster.js";
import { machine } from "./machine.js";
import { training } from "./training.js";

/** Text by file name. */
export const dashboardFiles = (): ReadonlyMap<string, string> =>
  new Map(
    Object.entries({ "training.json": training(), "cluster.json": cluster(), "machine.json": machine() }).map(
      ([name, dashboard]) => [name, `${JSON.stringify(dashboard, null, 2)}\n`],
    ),
  );
