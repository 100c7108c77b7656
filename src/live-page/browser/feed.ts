/** The page's data as it arrives: a snapshot, then updates. The page never sends anything. */

/** The server sends something at least every 10 s: after this long without data, the connection is dead, ms. */
const patience = 25_000;

export interface FeedOptions<Shown, Update> {
  readonly updated: (shown: Shown, update: Update) => Shown;
  readonly show: (shown: Shown) => void;
  /** Nothing more will come: the server ends, too. */
  readonly isOver: (shown: Shown) => boolean;
  /** The connection is lost; with the time of the last update. */
  readonly onSilence: (since: Date) => void;
}

export function follow<Shown, Update>({ updated, show, isOver, onSilence }: FeedOptions<Shown, Update>): void {
  let shown: Shown | undefined;
  let heardAt = new Date();
  const dataOf = (event: Event): unknown => JSON.parse((event as MessageEvent<string>).data);
  const accept = (next: Shown): void => {
    shown = next;
    heardAt = new Date();
    show(next);
    if (!isOver(next)) return;
    // Do not reconnect.
    source.close();
    clearInterval(watch);
  };
  // It reconnects automatically, and then gets a new snapshot.
  const source = new EventSource("live");
  source.addEventListener("snapshot", (event) => accept(dataOf(event) as Shown));
  source.addEventListener("update", (event) => {
    if (shown !== undefined) accept(updated(shown, dataOf(event) as Update));
  });
  source.addEventListener("error", () => onSilence(heardAt));
  const watch = setInterval(() => {
    if (Date.now() - heardAt.getTime() > patience) onSilence(heardAt);
  }, 5_000);
}
