/** Python's `datetime.strftime` on Linux in the C locale, for chat templates that write the date, in local time. */

const days = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"] as const;
const months = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
] as const;

/** A number, with the width and the padding that it has without a flag. */
interface Digits {
  readonly value: number;
  readonly width: number;
  readonly padding: "0" | " ";
}

const digits = (value: number, width = 2, padding: "0" | " " = "0"): Digits => ({ value, width, padding });
const dayName = (date: Date): string => days[date.getDay()] ?? "";
const monthName = (date: Date): string => months[date.getMonth()] ?? "";
const hour12 = (date: Date): number => date.getHours() % 12 || 12;
/** 1 is Monday, 7 Sunday. */
const isoWeekday = (date: Date): number => date.getDay() || 7;

function dayOfYear(date: Date): number {
  const midnight = (month: number, day: number): number => Date.UTC(date.getFullYear(), month, day);
  return (midnight(date.getMonth(), date.getDate()) - midnight(0, 0)) / 86_400_000;
}

/** Weeks that began this year, on a Sunday or Monday. */
const weekFrom = (date: Date, daysSinceStart: number): number => Math.floor((dayOfYear(date) + 6 - daysSinceStart) / 7);

/** ISO 8601's week: that of its Thursday, whose year it belongs to. */
function isoWeek(date: Date): { readonly year: number; readonly week: number } {
  const thursday = new Date(date.getFullYear(), date.getMonth(), date.getDate() + 4 - isoWeekday(date));
  return { year: thursday.getFullYear(), week: Math.ceil(dayOfYear(thursday) / 7) };
}

const directives: Readonly<Record<string, (date: Date) => string | Digits>> = {
  a: (date) => dayName(date).slice(0, 3),
  A: dayName,
  b: (date) => monthName(date).slice(0, 3),
  B: monthName,
  C: (date) => digits(Math.floor(date.getFullYear() / 100)),
  d: (date) => digits(date.getDate()),
  e: (date) => digits(date.getDate(), 2, " "),
  f: (date) => digits(date.getMilliseconds() * 1000, 6),
  g: (date) => digits(isoWeek(date).year % 100),
  G: (date) => digits(isoWeek(date).year, 4),
  h: (date) => monthName(date).slice(0, 3),
  H: (date) => digits(date.getHours()),
  I: (date) => digits(hour12(date)),
  j: (date) => digits(dayOfYear(date), 3),
  k: (date) => digits(date.getHours(), 2, " "),
  l: (date) => digits(hour12(date), 2, " "),
  m: (date) => digits(date.getMonth() + 1),
  M: (date) => digits(date.getMinutes()),
  n: () => "\n",
  p: (date) => (date.getHours() < 12 ? "AM" : "PM"),
  P: (date) => (date.getHours() < 12 ? "am" : "pm"),
  s: (date) => digits(Math.floor(date.getTime() / 1000), 1),
  S: (date) => digits(date.getSeconds()),
  t: () => "\t",
  u: (date) => digits(isoWeekday(date), 1),
  U: (date) => digits(weekFrom(date, date.getDay())),
  V: (date) => digits(isoWeek(date).week),
  w: (date) => digits(date.getDay(), 1),
  W: (date) => digits(weekFrom(date, isoWeekday(date) - 1)),
  y: (date) => digits(date.getFullYear() % 100),
  Y: (date) => digits(date.getFullYear(), 4),
  // `datetime.now()` has no time zone.
  z: () => "",
  Z: () => "",
  "%": () => "%",
};

/** Directives that stand for others. */
const composites: Readonly<Record<string, string>> = {
  c: "%a %b %e %H:%M:%S %Y",
  D: "%m/%d/%y",
  F: "%Y-%m-%d",
  r: "%I:%M:%S %p",
  R: "%H:%M",
  T: "%H:%M:%S",
  x: "%m/%d/%y",
  X: "%H:%M:%S",
};

/** glibc's flags: `-` no padding, `_` spaces, `0` zeros, `^` upper case. */
function flagged(written: string | Digits, flag: string): string {
  if (typeof written === "string") return flag === "^" ? written.toUpperCase() : written;
  const { value, width, padding } = written;
  if (flag === "-") return String(value);
  return String(value).padStart(width, flag === "_" ? " " : flag === "0" ? "0" : padding);
}

/**
 * @param format Python's directives, with glibc's flags such as `%-d` (no leading zero)
 * @throws Error for an unknown directive
 */
export function strftime(date: Date, format: string): string {
  return format.replace(/%([-_0^]?)([\s\S]?)/g, (directive, flag: string, letter: string) => {
    const composite = composites[letter];
    if (composite !== undefined && flag === "") return strftime(date, composite);
    const write = directives[letter];
    if (write === undefined) throw new Error(`strftime_now: the directive "${directive}" is not supported`);
    return flagged(write(date), flag);
  });
}
