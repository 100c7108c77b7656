/** The live page's script: listens to the coordinator and shows its data. */
import type { Update } from "../messages.js";
import { follow } from "./feed.js";
import { isOver, updated, type Shown } from "./store.js";
import { View } from "./view.js";

const view = new View();
follow<Shown, Update>({
  updated,
  isOver,
  show: (shown) => view.show(shown),
  onSilence: (since) => view.showSilence(since),
});
