/** Progress of a long task, as data and as text. Does not know who shows it. */

export interface Doing {
  /** "hashing the model" */
  readonly what: string;
  readonly done: number;
  /** Undefined if not known before the end. */
  readonly total?: number;
  /** "bytes" are shown in MB and GB. */
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

/** Between two reports, ms: often enough to look smooth, too rare to cost anything. */
const interval = 200;

export interface Rarely {
  readonly tell: (text: string) => void;
  /** The first report is told, too. Default: false. */
  readonly immediately?: boolean;
  /** Monotonic, ms. Default: the process's clock. */
  readonly now?: () => number;
}

/**
 * Throttles progress reports: forwards at most one per interval, the first one after an interval. (A report that comes
 * immediately, "32 examples" of a task that is over in an instant, would stand in a log as if that were all.)
 */
export function rarely({ tell, immediately = false, now = () => performance.now() }: Rarely): (doing: Doing) => void {
  let said = immediately ? Number.NEGATIVE_INFINITY : undefined;
  return (doing) => {
    said ??= now();
    if (now() - said < interval) return;
    said = now();
    tell(progressText(doing));
  };
}
