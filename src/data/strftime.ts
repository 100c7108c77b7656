/** Python's `datetime.strftime` in the C locale, for chat templates that write the date. Local time, as Python's. */

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

const pad = (value: number, width = 2): string => String(value).padStart(width, "0");
const dayName = (date: Date): string => days[date.getDay()] ?? "";
const monthName = (date: Date): string => months[date.getMonth()] ?? "";

function dayOfYear(date: Date): number {
  const midnight = (month: number, day: number): number => Date.UTC(date.getFullYear(), month, day);
  return (midnight(date.getMonth(), date.getDate()) - midnight(0, 0)) / 86_400_000;
}

const directives: Readonly<Record<string, (date: Date) => string>> = {
  a: (date) => dayName(date).slice(0, 3),
  A: dayName,
  b: (date) => monthName(date).slice(0, 3),
  B: monthName,
  d: (date) => pad(date.getDate()),
  H: (date) => pad(date.getHours()),
  I: (date) => pad(date.getHours() % 12 || 12),
  j: (date) => pad(dayOfYear(date), 3),
  m: (date) => pad(date.getMonth() + 1),
  M: (date) => pad(date.getMinutes()),
  p: (date) => (date.getHours() < 12 ? "AM" : "PM"),
  S: (date) => pad(date.getSeconds()),
  w: (date) => String(date.getDay()),
  y: (date) => pad(date.getFullYear() % 100),
  Y: (date) => pad(date.getFullYear(), 4),
  "%": () => "%",
};

/**
 * @param format Python's directives, with glibc's `%-d` (no leading zero)
 * @throws Error for an unknown directive
 */
export function strftime(date: Date, format: string): string {
  return format.replace(/%(-?)([\s\S]?)/g, (directive, dash: string, letter: string) => {
    const write = directives[letter];
    if (write === undefined) throw new Error(`strftime_now: the directive "${directive}" is not supported`);
    const text = write(date);
    return dash === "" ? text : text.replace(/^0+(?=\d)/, "");
  });
}
