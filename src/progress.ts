/** How far something is that takes long: what is done, how much of it, of how much. Knows nothing of who is told. */

export interface Doing {
  /** "hashing the model" */
  readonly what: string;
  readonly done: number;
  /** Undefined where it is not known before the end. */
  readonly total?: number;
  /** "bytes" are told in MB and GB. */
  readonly unit: "bytes" | "examples" | "shards";
}

/** "hashing the model: 1.2 of 5.0 GB (24 %)", "reading the data: 12,800 examples" */
export function progressText({ what, done, total, unit }: Doing): string {
  const share = total === undefined || total <= 0 ? "" : ` (${Math.floor((100 * done) / total)} %)`;
  const [divisor, name, digits] = scaleOf(unit, total ?? done);
  const number = (value: number): string =>
    (value / divisor).toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits });
  return `${what}: ${number(done)}${total === undefined ? "" : ` of ${number(total)}`} ${name}${share}`;
}

function scaleOf(unit: Doing["unit"], size: number): readonly [divisor: number, name: string, digits: number] {
  if (unit !== "bytes") return [1, unit, 0];
  return size < 1e9 ? [1e6, "MB", 0] : [1e9, "GB", 1];
}

/** Between two words on the same work, ms: often enough for eyes, too seldom to cost anything. */
const interval = 200;

export interface Rarely {
  readonly tell: (text: string) => void;
  /** Monotonic, ms. Default: the process's clock. */
  readonly now?: () => number;
}

/** Passes on what is said of work, but not each time: the first word after every fifth of a second. */
export function rarely({ tell, now = () => performance.now() }: Rarely): (doing: Doing) => void {
  let said = Number.NEGATIVE_INFINITY;
  return (doing) => {
    if (now() - said < interval) return;
    said = now();
    tell(progressText(doing));
  };
}
