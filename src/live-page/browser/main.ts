/** The live page's script: listens to the coordinator and shows its data. It never sends anything. */
import type { Snapshot, Update } from "../messages.js";
import { isOver, updated, type Shown } from "./store.js";
import { View } from "./view.js";

/** The coordinator sends something at least every 10 s: after this long without data, the connection is dead, ms. */
const patience = 25_000;

const view = new View();
let shown: Shown | undefined;
let heardAt = new Date();

const dataOf = (event: Event): unknown => JSON.parse((event as MessageEvent<string>).data);

function show(next: Shown): void {
  shown = next;
  heardAt = new Date();
  view.show(next);
  // The coordinator exits too: do not reconnect.
  if (isOver(next)) close();
}

function close(): void {
  source.close();
  clearInterval(watch);
}

// It reconnects automatically, and then gets a new snapshot.
const source = new EventSource("live");
source.addEventListener("snapshot", (event) => show(dataOf(event) as Snapshot));
source.addEventListener("update", (event) => {
  if (shown !== undefined) show(updated(shown, dataOf(event) as Update));
});
source.addEventListener("error", () => view.showSilence(heardAt));
const watch = setInterval(() => {
  if (Date.now() - heardAt.getTime() > patience) view.showSilence(heardAt);
}, 5_000);
