/** The script of a sweep's page: listens to the sweep and shows its data. */
import { follow } from "../../../live-page/browser/parts.js";
import type { SweepUpdate } from "../messages.js";
import { isOver, updated, type Shown } from "./store.js";
import { View } from "./view.js";

const view = new View();
follow<Shown, SweepUpdate>({
  updated,
  isOver,
  show: (shown) => view.show(shown),
  onSilence: (since) => view.showSilence(since),
});
